//! Bringing a moved snapshot's data back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::data_upload::NodeOs;
use crate::object::{Column, ColumnType, DurationText, Time, UnknownFields, kind, null_as_default};
use crate::v1::{DataMovePhase, DataMoveProgress};

kind! {
    /// Brings the data of a moved snapshot into a volume.
    DataDownload {
        group: Velero,
        version: "v2alpha1",
        plural: "datadownloads",
        spec: DataDownloadSpec,
        status: DataDownloadStatus,
        phase: DataMovePhase,
        short_names: [],
        columns: [
            Column::new("Status", ".status.phase", ColumnType::Text),
            Column::new("Started", ".status.startTimestamp", ColumnType::Date),
            Column::new("Bytes Done", ".status.progress.bytesDone", ColumnType::Integer),
            Column::new("Total Bytes", ".status.progress.totalBytes", ColumnType::Integer),
            Column::new("Storage Location", ".spec.backupStorageLocation", ColumnType::Text),
            Column::new("Age", ".metadata.creationTimestamp", ColumnType::Date),
            Column::new("Node", ".status.node", ColumnType::Text),
        ],
    }
}

/// Which volume to fill, and from what.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["backupStorageLocation", "operationTimeout", "snapshotID", "sourceNamespace", "targetVolume"]))]
pub struct DataDownloadSpec {
    /// The volume.
    #[serde(default, deserialize_with = "null_as_default")]
    pub target_volume: TargetVolume,
    /// The location that has the data.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backup_storage_location: String,
    /// What moves the data; the built-in one if empty or `velero`.
    pub datamover: Option<String>,
    /// The snapshot in the repository.
    #[serde(rename = "snapshotID", default, deserialize_with = "null_as_default")]
    pub snapshot_id: String,
    /// The namespace whose data it is.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source_namespace: String,
    /// Settings for what moves the data.
    pub data_mover_config: Option<BTreeMap<String, String>>,
    /// Whether to stop.
    pub cancel: Option<bool>,
    /// How long single steps may take, such as making the volume writable.
    #[serde(default, deserialize_with = "null_as_default")]
    pub operation_timeout: DurationText,
    /// The operating system that the node must have.
    #[serde(rename = "nodeOS")]
    pub node_os: Option<NodeOs>,
    /// How many bytes the snapshot has.
    pub snapshot_size: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// The volume to fill.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["namespace", "pv", "pvc"]))]
pub struct TargetVolume {
    /// Its claim.
    #[serde(default, deserialize_with = "null_as_default")]
    pub pvc: String,
    /// The volume.
    #[serde(default, deserialize_with = "null_as_default")]
    pub pv: String,
    /// Namespace of the claim.
    #[serde(default, deserialize_with = "null_as_default")]
    pub namespace: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataDownloadStatus {
    /// Where it stands.
    pub phase: Option<DataMovePhase>,
    /// What happened.
    pub message: Option<String>,
    /// When data began to move.
    pub start_timestamp: Option<Time>,
    /// When it ended, also where it failed.
    pub completion_timestamp: Option<Time>,
    /// How far it is.
    pub progress: Option<DataMoveProgress>,
    /// The node that does it.
    pub node: Option<String>,
    /// The node that took it.
    pub accepted_by_node: Option<String>,
    /// When a node took it.
    pub accepted_timestamp: Option<Time>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
