//! Moving a snapshot's data to a location.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{
    Column, ColumnType, DurationText, Time, UnknownFields, kind, null_as_default, open_enum,
};
use crate::v1::{DataMovePhase, DataMoveProgress};

kind! {
    /// Moves the data of a snapshot to a location.
    DataUpload {
        group: Velero,
        version: "v2alpha1",
        plural: "datauploads",
        spec: DataUploadSpec,
        status: DataUploadStatus,
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
            Column::new("Node", ".status.node", ColumnType::Text),
        ],
    }
}

open_enum! {
    /// The operating system of a node.
    NodeOs {
        /// Any.
        Auto = "auto",
        /// Linux.
        Linux = "linux",
        /// Windows.
        Windows = "windows",
    }
    default Auto
}

/// Which snapshot to move.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["backupStorageLocation", "operationTimeout", "snapshotType", "sourceNamespace", "sourcePVC"]))]
pub struct DataUploadSpec {
    /// What the snapshot is: `CSI`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub snapshot_type: String,
    /// The CSI snapshot.
    #[schemars(extend("nullable" = true))]
    pub csi_snapshot: Option<CsiSnapshotSpec>,
    /// The claim that was snapshotted.
    #[serde(rename = "sourcePVC", default, deserialize_with = "null_as_default")]
    pub source_pvc: String,
    /// What moves the data; the built-in one if empty or `velero`.
    pub datamover: Option<String>,
    /// The location that the data goes to.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backup_storage_location: String,
    /// The namespace of the claim.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source_namespace: String,
    /// Settings for what moves the data.
    #[schemars(extend("nullable" = true))]
    pub data_mover_config: Option<BTreeMap<String, String>>,
    /// Whether to stop.
    pub cancel: Option<bool>,
    /// How long single steps may take, such as making the snapshot's data readable.
    #[serde(default, deserialize_with = "null_as_default")]
    pub operation_timeout: DurationText,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A CSI snapshot.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["storageClass", "volumeSnapshot"]))]
pub struct CsiSnapshotSpec {
    /// Name of the `VolumeSnapshot`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub volume_snapshot: String,
    /// The class of the volume that is made of it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub storage_class: String,
    /// Its class.
    pub snapshot_class: Option<String>,
    /// Its driver.
    pub driver: Option<String>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataUploadStatus {
    /// Where it stands.
    pub phase: Option<DataMovePhase>,
    /// The path from which data is read.
    pub path: Option<String>,
    /// The snapshot in the repository.
    #[serde(rename = "snapshotID")]
    pub snapshot_id: Option<String>,
    /// What a restore must be told.
    #[schemars(extend("nullable" = true))]
    pub data_mover_result: Option<BTreeMap<String, String>>,
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
    /// The node that does it.
    pub node: Option<String>,
    /// Its operating system.
    #[serde(rename = "nodeOS")]
    pub node_os: Option<NodeOs>,
    /// The node that took it.
    pub accepted_by_node: Option<String>,
    /// When a node took it.
    pub accepted_timestamp: Option<Time>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
