//! Repositories.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::uploader_type::UploaderType;
use crate::object::{
    Column, ColumnType, DurationText, Time, UnknownFields, kind, null_as_default, open_enum,
};
use crate::repository::RepositoryStatus;

kind! {
    /// The repository with the volume data of one namespace at one location.
    BackupRepository {
        group: Velero,
        version: "v1",
        plural: "backuprepositories",
        spec: BackupRepositorySpec,
        status: BackupRepositoryStatus,
        phase: BackupRepositoryPhase,
        short_names: [],
        columns: [
            Column::new("Age", ".metadata.creationTimestamp", ColumnType::Date),
            Column::new("Repository Type", ".spec.repositoryType", ColumnType::Text),
        ],
    }
}

open_enum! {
    /// Whether a repository can be used.
    BackupRepositoryPhase {
        /// Nobody has looked at it yet.
        New = "New",
        /// It can.
        Ready = "Ready",
        /// It cannot; the message says why.
        NotReady = "NotReady",
    }
    default New also ""
}

open_enum! {
    /// How maintenance ended.
    MaintenanceResult {
        /// Well.
        Succeeded = "Succeeded",
        /// Not well; the message says why.
        Failed = "Failed",
    }
    default Failed
}

/// Which repository it is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["backupStorageLocation", "maintenanceFrequency", "volumeNamespace"]))]
pub struct BackupRepositorySpec {
    /// The namespace whose volumes are in it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub volume_namespace: String,
    /// The location where it is.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backup_storage_location: String,
    /// The engine.
    pub repository_type: Option<UploaderType>,
    /// The repository in restic's words. Of old.
    pub restic_identifier: Option<String>,
    /// How often it is maintained.
    #[serde(default, deserialize_with = "null_as_default")]
    pub maintenance_frequency: DurationText,
    /// Settings for the engine.
    #[schemars(extend("nullable" = true))]
    pub repository_config: Option<BTreeMap<String, String>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// How a repository is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupRepositoryStatus {
    /// Whether it can be used.
    pub phase: Option<BackupRepositoryPhase>,
    /// Why it cannot.
    pub message: Option<String>,
    /// When it was last maintained.
    pub last_maintenance_time: Option<Time>,
    /// The last runs of maintenance, the newest last.
    pub recent_maintenance: Option<Vec<RecentMaintenance>>,
    /// What Orlop knows of it, if it is one of Orlop's. Velero has no such field.
    pub orlop: Option<RepositoryStatus>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A run of maintenance.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentMaintenance {
    /// How it ended.
    pub result: Option<MaintenanceResult>,
    /// When it began.
    pub start_timestamp: Option<Time>,
    /// When it ended.
    pub complete_timestamp: Option<Time>,
    /// Why it failed.
    pub message: Option<String>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
