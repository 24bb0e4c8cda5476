//! Backups of one volume.

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
    /// The backup of one volume of a pod, done by the agent on its node.
    PodVolumeBackup {
        group: Velero,
        version: "v1",
        plural: "podvolumebackups",
        spec: PodVolumeBackupSpec,
        status: PodVolumeBackupStatus,
        phase: DataMovePhase,
        short_names: [],
        columns: [
            Column::new("Status", ".status.phase", ColumnType::Text),
            Column::new("Started", ".status.startTimestamp", ColumnType::Date),
            Column::new("Bytes Done", ".status.progress.bytesDone", ColumnType::Integer),
            Column::new("Total Bytes", ".status.progress.totalBytes", ColumnType::Integer),
            Column::new("Incremental Bytes", ".status.incrementalBytes", ColumnType::Integer).wide(),
            Column::new("Storage Location", ".spec.backupStorageLocation", ColumnType::Text),
            Column::new("Age", ".metadata.creationTimestamp", ColumnType::Date),
            // No such field exists, at Velero's neither: the column is always empty.
            Column::new("Node", ".status.node", ColumnType::Text),
            Column::new("Uploader", ".spec.uploaderType", ColumnType::Text),
        ],
    }
}

/// Which volume to back up.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["backupStorageLocation", "node", "pod", "repoIdentifier", "volume"]))]
pub struct PodVolumeBackupSpec {
    /// The node on which the pod is.
    #[serde(default, deserialize_with = "null_as_default")]
    pub node: String,
    /// The pod.
    #[serde(default, deserialize_with = "null_as_default")]
    pub pod: ObjectReference,
    /// Name of the volume in the pod.
    #[serde(default, deserialize_with = "null_as_default")]
    pub volume: String,
    /// The location that the data goes to.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backup_storage_location: String,
    /// The repository, in the words of the engine; may be empty.
    #[serde(default, deserialize_with = "null_as_default")]
    pub repo_identifier: String,
    /// The engine.
    pub uploader_type: Option<UploaderType>,
    /// What is recorded with the snapshot.
    pub tags: Option<BTreeMap<String, String>>,
    /// Settings for the engine.
    #[schemars(extend("nullable" = true))]
    pub uploader_settings: Option<BTreeMap<String, String>>,
    /// Whether to stop.
    pub cancel: Option<bool>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodVolumeBackupStatus {
    /// Where it stands.
    pub phase: Option<DataMovePhase>,
    /// The volume's path on the node.
    pub path: Option<String>,
    /// The snapshot in the repository.
    #[serde(rename = "snapshotID")]
    pub snapshot_id: Option<String>,
    /// What happened.
    pub message: Option<String>,
    /// When data began to move.
    pub start_timestamp: Option<Time>,
    /// When it ended, also where it failed.
    pub completion_timestamp: Option<Time>,
    /// How far it is.
    pub progress: Option<DataMoveProgress>,
    /// How many bytes are new since the last backup.
    pub incremental_bytes: Option<i64>,
    /// When a node took it.
    pub accepted_timestamp: Option<Time>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
