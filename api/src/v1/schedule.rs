//! Schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::backup::BackupSpec;
use crate::object::{Column, ColumnType, Time, UnknownFields, kind, null_as_default, open_enum};

kind! {
    /// Backups that are made again and again.
    Schedule {
        group: Velero,
        version: "v1",
        plural: "schedules",
        spec: ScheduleSpec,
        status: ScheduleStatus,
        phase: SchedulePhase,
        short_names: [],
        columns: [
            Column::new("Status", ".status.phase", ColumnType::Text),
            Column::new("Schedule", ".spec.schedule", ColumnType::Text),
            Column::new("LastBackup", ".status.lastBackup", ColumnType::Date),
            Column::new("Age", ".metadata.creationTimestamp", ColumnType::Date),
            Column::new("Paused", ".spec.paused", ColumnType::Bool),
        ],
    }
}

open_enum! {
    /// Whether a schedule is followed.
    SchedulePhase {
        /// Nobody has looked at it yet.
        New = "New",
        /// Backups are made by it.
        Enabled = "Enabled",
        /// It cannot be followed.
        FailedValidation = "FailedValidation",
    }
    default New also ""
}

/// When backups are made, and of what.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["schedule", "template"]))]
pub struct ScheduleSpec {
    /// What each backup is of.
    #[serde(default, deserialize_with = "null_as_default")]
    pub template: BackupSpec,
    /// When, in five fields as of cron, or as `@daily` or `@every 6h`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub schedule: String,
    /// Whether deleting the Schedule deletes its backups.
    #[schemars(extend("nullable" = true))]
    pub use_owner_references_in_backup: Option<bool>,
    /// Whether it rests.
    pub paused: Option<bool>,
    /// Whether the first backup waits for its time, even if one is due.
    pub skip_immediately: Option<bool>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What a schedule did.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleStatus {
    /// Whether it is followed.
    pub phase: Option<SchedulePhase>,
    /// When it last made a backup.
    pub last_backup: Option<Time>,
    /// When it last left one out.
    pub last_skipped: Option<Time>,
    /// Why it cannot be followed.
    pub validation_errors: Option<Vec<String>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
