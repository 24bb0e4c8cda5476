//! Snapshots by providers.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{UnknownFields, null_as_default, open_enum};

/// A snapshot by a provider.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NativeSnapshot {
    /// What it is of.
    #[serde(default, deserialize_with = "null_as_default")]
    pub spec: NativeSnapshotSpec,
    /// What became of it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: NativeSnapshotStatus,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// What a snapshot is of.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NativeSnapshotSpec {
    /// The backup.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backup_name: String,
    /// Its uid.
    #[serde(rename = "backupUID", default, deserialize_with = "null_as_default")]
    pub backup_uid: String,
    /// The `VolumeSnapshotLocation`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub location: String,
    /// The volume in the cluster.
    #[serde(default, deserialize_with = "null_as_default")]
    pub persistent_volume_name: String,
    /// The disk at the provider.
    #[serde(
        rename = "providerVolumeID",
        default,
        deserialize_with = "null_as_default"
    )]
    pub provider_volume_id: String,
    /// Its type.
    #[serde(default, deserialize_with = "null_as_default")]
    pub volume_type: String,
    /// Its zone.
    #[serde(rename = "volumeAZ")]
    pub volume_az: Option<String>,
    /// Operations a second that it was promised.
    #[serde(rename = "volumeIOPS")]
    pub volume_iops: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// What became of a snapshot.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NativeSnapshotStatus {
    /// Its name at the provider.
    #[serde(rename = "providerSnapshotID")]
    pub provider_snapshot_id: Option<String>,
    /// Where it stands.
    pub phase: Option<NativeSnapshotPhase>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

open_enum! {
    /// Where a snapshot stands.
    NativeSnapshotPhase {
        /// It was asked for.
        New = "New",
        /// It is there.
        Completed = "Completed",
        /// It could not be made.
        Failed = "Failed",
    }
    default New also ""
    last Completed | Failed
}
