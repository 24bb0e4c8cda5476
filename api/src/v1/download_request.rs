//! Asking for a file of a backup or restore.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{Time, UnknownFields, kind, null_as_default, open_enum};

kind! {
    /// Asks for a URL under which a file of a backup or restore can be fetched for a while.
    DownloadRequest {
        group: Velero,
        version: "v1",
        plural: "downloadrequests",
        spec: DownloadRequestSpec,
        status: DownloadRequestStatus,
        phase: DownloadRequestPhase,
        short_names: [],
        columns: [],
    }
}

open_enum! {
    /// Where a request stands.
    DownloadRequestPhase {
        /// Nobody has looked at it yet.
        New = "New",
        /// The URL is there.
        Processed = "Processed",
    }
    default New also ""
    last Processed
}

open_enum! {
    /// Which file is meant.
    DownloadTargetKind {
        /// Log of a backup.
        BackupLog = "BackupLog",
        /// The archive with its objects.
        BackupContents = "BackupContents",
        /// Its snapshots of providers.
        BackupVolumeSnapshots = "BackupVolumeSnapshots",
        /// Operations of its actions.
        BackupItemOperations = "BackupItemOperations",
        /// Names of its objects.
        BackupResourceList = "BackupResourceList",
        /// Its warnings and errors.
        BackupResults = "BackupResults",
        /// Log of a restore.
        RestoreLog = "RestoreLog",
        /// Its warnings and errors.
        RestoreResults = "RestoreResults",
        /// Names of its objects, and what was done to them.
        RestoreResourceList = "RestoreResourceList",
        /// Operations of its actions.
        RestoreItemOperations = "RestoreItemOperations",
        /// CSI snapshots of a backup made before 1.15.
        CsiBackupVolumeSnapshots = "CSIBackupVolumeSnapshots",
        /// Their contents.
        CsiBackupVolumeSnapshotContents = "CSIBackupVolumeSnapshotContents",
        /// Volumes of a backup.
        BackupVolumeInfos = "BackupVolumeInfos",
        /// Volumes of a restore: in the singular, where that of backups is in the plural.
        RestoreVolumeInfo = "RestoreVolumeInfo",
    }
    default BackupLog
}

/// Which file to fetch.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["target"]))]
pub struct DownloadRequestSpec {
    /// The file.
    #[serde(default, deserialize_with = "null_as_default")]
    pub target: DownloadTarget,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A file of a backup or restore.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["kind", "name"]))]
pub struct DownloadTarget {
    /// Which file.
    #[serde(default, deserialize_with = "null_as_default")]
    pub kind: DownloadTargetKind,
    /// Name of the backup or restore.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of a request.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DownloadRequestStatus {
    /// Where it stands.
    pub phase: Option<DownloadRequestPhase>,
    /// Where the file can be fetched.
    #[serde(rename = "downloadURL")]
    pub download_url: Option<String>,
    /// Until when.
    pub expiration: Option<Time>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
