//! Restores of one volume.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::pod_volume_phase::DataMovePhase;
use super::status::DataMoveProgress;
use super::uploader_type::UploaderType;
use crate::object::{
    Column, ColumnType, ObjectReference, Time, UnknownFields, kind, null_as_default,
};

kind! {
    /// The restore of one volume of a pod, done by the agent on its node.
    PodVolumeRestore {
        group: Velero,
        version: "v1",
        plural: "podvolumerestores",
        spec: PodVolumeRestoreSpec,
        status: PodVolumeRestoreStatus,
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
            Column::new("Uploader Type", ".spec.uploaderType", ColumnType::Text),
        ],
    }
}

/// Which volume to fill, and from what.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["backupStorageLocation", "pod", "repoIdentifier", "snapshotID", "sourceNamespace", "volume"]))]
pub struct PodVolumeRestoreSpec {
    /// The pod.
    #[serde(default, deserialize_with = "null_as_default")]
    pub pod: ObjectReference,
    /// Name of the volume in the pod.
    #[serde(default, deserialize_with = "null_as_default")]
    pub volume: String,
    /// The location that has the data.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backup_storage_location: String,
    /// The repository, in the words of the engine; may be empty.
    #[serde(default, deserialize_with = "null_as_default")]
    pub repo_identifier: String,
    /// The engine; of one that is older than the field, and if empty, not ours.
    pub uploader_type: Option<UploaderType>,
    /// The snapshot in the repository.
    #[serde(rename = "snapshotID", default, deserialize_with = "null_as_default")]
    pub snapshot_id: String,
    /// The namespace whose data it is.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source_namespace: String,
    /// Settings for the engine.
    #[schemars(extend("nullable" = true))]
    pub uploader_settings: Option<BTreeMap<String, String>>,
    /// Whether to stop.
    pub cancel: Option<bool>,
    /// How many bytes the snapshot has.
    pub snapshot_size: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodVolumeRestoreStatus {
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
    /// When a node took it.
    pub accepted_timestamp: Option<Time>,
    /// The node that does it.
    pub node: Option<String>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
