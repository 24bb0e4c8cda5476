//! Volumes of a backup or a restore.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{Time, UnknownFields, null_as_default, open_enum};
use crate::v1::UploaderType;

open_enum! {
    /// How a volume's data was saved or restored.
    VolumeMethod {
        /// A snapshot by the provider.
        NativeSnapshot = "NativeSnapshot",
        /// File by file, by the agent on a node.
        PodVolumeBackup = "PodVolumeBackup",
        /// The same, back.
        PodVolumeRestore = "PodVolumeRestore",
        /// A CSI snapshot.
        CsiSnapshot = "CSISnapshot",
    }
    default PodVolumeBackup
}

open_enum! {
    /// How it ended.
    VolumeResult {
        /// Well.
        Succeeded = "succeeded",
        /// Not well.
        Failed = "failed",
    }
    default Failed
}

/// A volume of a backup: what became of its data.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupVolumeInfo {
    /// Its claim. A volume of a pod that has none has none of these three.
    pub pvc_name: Option<String>,
    /// Namespace of the claim.
    pub pvc_namespace: Option<String>,
    /// The volume.
    pub pv_name: Option<String>,
    /// How the data was saved.
    pub backup_method: Option<VolumeMethod>,
    /// Whether a snapshot's data was moved to the location.
    #[serde(default, deserialize_with = "null_as_default")]
    pub snapshot_data_moved: bool,
    /// Whether a snapshot is kept where it was made.
    #[serde(default, deserialize_with = "null_as_default")]
    pub preserve_local_snapshot: bool,
    /// Whether the data was not saved.
    #[serde(default, deserialize_with = "null_as_default")]
    pub skipped: bool,
    /// Why not.
    pub skipped_reason: Option<String>,
    /// When it began.
    pub start_timestamp: Option<Time>,
    /// When it ended.
    pub completion_timestamp: Option<Time>,
    /// How it ended.
    pub result: Option<VolumeResult>,
    /// The CSI snapshot.
    pub csi_snapshot_info: Option<CsiSnapshotInfo>,
    /// Where a snapshot's data was moved.
    pub snapshot_data_movement_info: Option<SnapshotDataMovementInfo>,
    /// The provider's snapshot.
    pub native_snapshot_info: Option<NativeSnapshotInfo>,
    /// The backup file by file.
    pub pvb_info: Option<PodVolumeInfo>,
    /// What the volume was, if it is known.
    pub pv_info: Option<VolumeProperties>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// A volume of a restore: what its data was made of.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreVolumeInfo {
    /// Its claim.
    pub pvc_name: Option<String>,
    /// Namespace of the claim.
    pub pvc_namespace: Option<String>,
    /// The volume.
    pub pv_name: Option<String>,
    /// How the data was restored.
    pub restore_method: Option<VolumeMethod>,
    /// Whether it came from a snapshot whose data was moved.
    #[serde(default, deserialize_with = "null_as_default")]
    pub snapshot_data_moved: bool,
    /// The CSI snapshot.
    pub csi_snapshot_info: Option<CsiSnapshotInfo>,
    /// Where a snapshot's data was moved.
    pub snapshot_data_movement_info: Option<SnapshotDataMovementInfo>,
    /// The provider's snapshot.
    pub native_snapshot_info: Option<NativeSnapshotInfo>,
    /// The restore file by file.
    pub pvr_info: Option<PodVolumeInfo>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// A CSI snapshot.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CsiSnapshotInfo {
    /// Its name at the provider.
    #[serde(default, deserialize_with = "null_as_default")]
    pub snapshot_handle: String,
    /// Size of the volume, in bytes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub size: i64,
    /// Its driver.
    #[serde(default, deserialize_with = "null_as_default")]
    pub driver: String,
    /// Its `VolumeSnapshotContent`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub vsc_name: String,
    /// The operation that made it.
    #[serde(rename = "operationID")]
    pub operation_id: Option<String>,
    /// Whether it is ready. The key begins with a capital.
    #[serde(rename = "ReadyToUse")]
    pub ready_to_use: Option<bool>,
    /// Name of its group's snapshot at the provider.
    pub volume_group_snapshot_handle: Option<String>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// Where a snapshot's data was moved.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotDataMovementInfo {
    /// What moved it; the built-in one if empty or `velero`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub data_mover: String,
    /// The engine.
    #[serde(default, deserialize_with = "null_as_default")]
    pub uploader_type: UploaderType,
    /// The snapshot that was kept.
    pub retained_snapshot: Option<String>,
    /// The snapshot in the repository.
    #[serde(default, deserialize_with = "null_as_default")]
    pub snapshot_handle: String,
    /// The operation that moved it.
    #[serde(rename = "operationID", default, deserialize_with = "null_as_default")]
    pub operation_id: String,
    /// How many bytes it has.
    #[serde(default, deserialize_with = "null_as_default")]
    pub size: i64,
    /// How many of them were new.
    pub incremental_size: Option<i64>,
    /// Phase of the `DataUpload`; may be empty. The key begins with a capital.
    #[serde(rename = "Phase", default, deserialize_with = "null_as_default")]
    pub phase: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// A snapshot by the provider.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NativeSnapshotInfo {
    /// Its name at the provider.
    #[serde(default, deserialize_with = "null_as_default")]
    pub snapshot_handle: String,
    /// Type of the disk.
    #[serde(default, deserialize_with = "null_as_default")]
    pub volume_type: String,
    /// Zone of the disk.
    #[serde(rename = "volumeAZ", default, deserialize_with = "null_as_default")]
    pub volume_az: String,
    /// Operations a second that the disk was promised; a number as text.
    #[serde(default, deserialize_with = "null_as_default")]
    pub iops: String,
    /// Phase of the snapshot; may be empty. The key begins with a capital.
    #[serde(rename = "Phase", default, deserialize_with = "null_as_default")]
    pub phase: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// A backup or restore file by file.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodVolumeInfo {
    /// The snapshot in the repository.
    pub snapshot_handle: Option<String>,
    /// How many bytes it has.
    pub size: Option<i64>,
    /// How many of them were new.
    pub incremental_size: Option<i64>,
    /// The engine.
    #[serde(default, deserialize_with = "null_as_default")]
    pub uploader_type: UploaderType,
    /// Name of the volume in the pod.
    #[serde(default, deserialize_with = "null_as_default")]
    pub volume_name: String,
    /// The pod.
    #[serde(default, deserialize_with = "null_as_default")]
    pub pod_name: String,
    /// Its namespace.
    #[serde(default, deserialize_with = "null_as_default")]
    pub pod_namespace: String,
    /// The node; not said of restores.
    pub node_name: Option<String>,
    /// Phase of the `PodVolumeBackup`; empty for restores. The key begins with a capital.
    #[serde(rename = "Phase", default, deserialize_with = "null_as_default")]
    pub phase: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// What a volume was, and its new one must be.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeProperties {
    /// What happens to it when its claim goes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub reclaim_policy: String,
    /// Its labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}
