//! Asking for a backup to be deleted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{Column, ColumnType, UnknownFields, kind, null_as_default, open_enum};

kind! {
    /// Asks for a backup to be deleted, with its data. Deleting the Backup itself deletes no data.
    DeleteBackupRequest {
        group: Velero,
        version: "v1",
        plural: "deletebackuprequests",
        spec: DeleteBackupRequestSpec,
        status: DeleteBackupRequestStatus,
        phase: DeleteBackupRequestPhase,
        short_names: [],
        columns: [
            Column::new("BackupName", ".spec.backupName", ColumnType::Text),
            Column::new("Status", ".status.phase", ColumnType::Text),
        ],
    }
}

open_enum! {
    /// Where a request stands.
    DeleteBackupRequestPhase {
        /// Nobody has looked at it yet.
        New = "New",
        /// The backup is being deleted.
        InProgress = "InProgress",
        /// It is done, or the errors say why not.
        Processed = "Processed",
    }
    default New also ""
    last Processed
}

/// Which backup to delete.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["backupName"]))]
pub struct DeleteBackupRequestSpec {
    /// Its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backup_name: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of a request.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeleteBackupRequestStatus {
    /// Where it stands.
    pub phase: Option<DeleteBackupRequestPhase>,
    /// What could not be deleted, and why.
    #[schemars(extend("nullable" = true))]
    pub errors: Option<Vec<String>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
