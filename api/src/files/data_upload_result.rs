//! What a restore is told of a moved snapshot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{UnknownFields, null_as_default};
use crate::v2alpha1::NodeOs;

/// What a restore is told of a moved snapshot: JSON in a `ConfigMap`, while the restore runs.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataUploadResult {
    /// The location that has the data.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backup_storage_location: String,
    /// What moved it; the built-in one if empty or `velero`.
    pub datamover: Option<String>,
    /// The snapshot in the repository.
    #[serde(rename = "snapshotID")]
    pub snapshot_id: Option<String>,
    /// The namespace whose data it is.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source_namespace: String,
    /// What the mover must be told.
    pub data_mover_result: Option<BTreeMap<String, String>>,
    /// The operating system that the node must have.
    #[serde(rename = "nodeOS")]
    pub node_os: Option<NodeOs>,
    /// How many bytes the snapshot has.
    pub snapshot_size: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}
