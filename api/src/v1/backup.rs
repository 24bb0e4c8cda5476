//! Backups.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::hooks::BackupHooks;
use super::status::HookStatus;
use crate::object::{
    DurationText, Int, LabelSelector, Time, TypedLocalObjectReference, UnknownFields, kind,
    open_enum,
};

kind! {
    /// A backup of objects of the cluster, with the data of their volumes.
    Backup {
        group: Velero,
        version: "v1",
        plural: "backups",
        spec: BackupSpec,
        status: BackupStatus,
        phase: BackupPhase,
        short_names: [],
        columns: [],
    }
}

open_enum! {
    /// Where a backup stands.
    BackupPhase {
        /// Nobody has looked at it yet.
        New = "New",
        /// It waits for others.
        Queued = "Queued",
        /// It is the next.
        ReadyToStart = "ReadyToStart",
        /// It asks for what cannot be.
        FailedValidation = "FailedValidation",
        /// It runs.
        InProgress = "InProgress",
        /// Objects are saved; operations of actions, such as moving data, still run.
        WaitingForPluginOperations = "WaitingForPluginOperations",
        /// The same, and something failed.
        WaitingForPluginOperationsPartiallyFailed = "WaitingForPluginOperationsPartiallyFailed",
        /// Objects that the operations changed are saved again.
        Finalizing = "Finalizing",
        /// The same, and something failed.
        FinalizingPartiallyFailed = "FinalizingPartiallyFailed",
        /// It is complete.
        Completed = "Completed",
        /// It is there, and something is missing in it.
        PartiallyFailed = "PartiallyFailed",
        /// There is no backup.
        Failed = "Failed",
        /// It is being deleted, with its data.
        Deleting = "Deleting",
    }
    default New also ""
    last FailedValidation | Completed | PartiallyFailed | Failed
}

/// What to back up, and how.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupSpec {
    /// Labels of the backups that a Schedule makes.
    pub metadata: Option<BackupMetadata>,
    /// Namespaces to take objects from; all if empty.
    #[schemars(extend("nullable" = true))]
    pub included_namespaces: Option<Vec<String>>,
    /// Namespaces to take none from.
    #[schemars(extend("nullable" = true))]
    pub excluded_namespaces: Option<Vec<String>>,
    /// Resources to take, as `pods` or `deployments.apps`; all if empty.
    #[schemars(extend("nullable" = true))]
    pub included_resources: Option<Vec<String>>,
    /// Resources to leave out.
    #[schemars(extend("nullable" = true))]
    pub excluded_resources: Option<Vec<String>>,
    /// Resources without a namespace to take. Not together with the filters for resources of any
    /// scope.
    #[schemars(extend("nullable" = true))]
    pub included_cluster_scoped_resources: Option<Vec<String>>,
    /// Resources without a namespace to leave out.
    #[schemars(extend("nullable" = true))]
    pub excluded_cluster_scoped_resources: Option<Vec<String>>,
    /// Resources in namespaces to take; all if empty.
    #[schemars(extend("nullable" = true))]
    pub included_namespace_scoped_resources: Option<Vec<String>>,
    /// Resources in namespaces to leave out.
    #[schemars(extend("nullable" = true))]
    pub excluded_namespace_scoped_resources: Option<Vec<String>>,
    /// Labels that objects must have.
    #[schemars(extend("nullable" = true))]
    pub label_selector: Option<LabelSelector>,
    /// Labels of which objects must have those of one element. Not together with `labelSelector`.
    #[schemars(extend("nullable" = true))]
    pub or_label_selectors: Option<Vec<LabelSelector>>,
    /// Whether volumes are snapshotted by their provider; where that is possible, if absent.
    #[schemars(extend("nullable" = true))]
    pub snapshot_volumes: Option<bool>,
    /// How long the backup is kept.
    pub ttl: Option<DurationText>,
    /// The label whose value says which claims are snapshotted together.
    pub volume_group_snapshot_label_key: Option<String>,
    /// Whether resources without a namespace are taken; those that others need, if absent.
    #[schemars(extend("nullable" = true))]
    pub include_cluster_resources: Option<bool>,
    /// What is run in containers before and after their pods are saved.
    pub hooks: Option<BackupHooks>,
    /// The location that the backup goes to; the default one if absent.
    pub storage_location: Option<String>,
    /// Where snapshots go, one location a provider.
    pub volume_snapshot_locations: Option<Vec<String>>,
    /// The old name of `defaultVolumesToFsBackup`; where true, it counts more.
    #[schemars(extend("nullable" = true))]
    pub default_volumes_to_restic: Option<bool>,
    /// Whether all volumes of pods are backed up file by file, unless they are excluded by name.
    #[schemars(extend("nullable" = true))]
    pub default_volumes_to_fs_backup: Option<bool>,
    /// Objects to take before others of their resource: `namespace/name` with commas between, by
    /// resource.
    #[schemars(extend("nullable" = true))]
    pub ordered_resources: Option<BTreeMap<String, String>>,
    /// How long a CSI snapshot may take to be ready; 10 minutes if absent.
    pub csi_snapshot_timeout: Option<DurationText>,
    /// How long operations of actions may take; 4 hours if absent.
    pub item_operation_timeout: Option<DurationText>,
    /// The `ConfigMap` with policies for volumes.
    pub resource_policy: Option<TypedLocalObjectReference>,
    /// Whether the data of snapshots is moved to the location.
    #[schemars(extend("nullable" = true))]
    pub snapshot_move_data: Option<bool>,
    /// What moves it; the built-in one if empty or `velero`.
    pub datamover: Option<String>,
    /// How volume data is read.
    #[schemars(extend("nullable" = true))]
    pub uploader_config: Option<UploaderConfigForBackup>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// Metadata of the backups that a Schedule makes.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupMetadata {
    /// Labels of the backups that a Schedule makes.
    pub labels: Option<BTreeMap<String, String>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// How volume data is read.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploaderConfigForBackup {
    /// How many files are read at once; 0 leaves it to the machine.
    #[schemars(with = "Option<Int>")]
    pub parallel_files_upload: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of a backup.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupStatus {
    /// Major version of its format. Of old; `formatVersion` counts.
    #[schemars(with = "Option<Int>")]
    pub version: Option<i64>,
    /// Version of its format.
    pub format_version: Option<String>,
    /// When it may be deleted.
    pub expiration: Option<Time>,
    /// Where it stands.
    pub phase: Option<BackupPhase>,
    /// Its place in the queue, from 1.
    #[schemars(with = "Option<Int>")]
    pub queue_position: Option<i64>,
    /// Why it cannot be.
    #[schemars(extend("nullable" = true))]
    pub validation_errors: Option<Vec<String>>,
    /// When it began, by the server's clock.
    pub start_timestamp: Option<Time>,
    /// When it ended, also where it failed.
    pub completion_timestamp: Option<Time>,
    /// How many snapshots of providers were tried.
    #[schemars(with = "Option<Int>")]
    pub volume_snapshots_attempted: Option<i64>,
    /// How many of them are there.
    #[schemars(with = "Option<Int>")]
    pub volume_snapshots_completed: Option<i64>,
    /// Why there is no backup.
    pub failure_reason: Option<String>,
    /// How many warnings there were; they are in the backup's results.
    #[schemars(with = "Option<Int>")]
    pub warnings: Option<i64>,
    /// How many errors there were; they are in the backup's results.
    #[schemars(with = "Option<Int>")]
    pub errors: Option<i64>,
    /// How far it is.
    #[schemars(extend("nullable" = true))]
    pub progress: Option<BackupProgress>,
    /// How many CSI snapshots were tried.
    #[schemars(with = "Option<Int>")]
    pub csi_volume_snapshots_attempted: Option<i64>,
    /// How many of them are there.
    #[schemars(with = "Option<Int>")]
    pub csi_volume_snapshots_completed: Option<i64>,
    /// How many operations of actions were started.
    #[schemars(with = "Option<Int>")]
    pub backup_item_operations_attempted: Option<i64>,
    /// How many of them ended well.
    #[schemars(with = "Option<Int>")]
    pub backup_item_operations_completed: Option<i64>,
    /// How many of them failed.
    #[schemars(with = "Option<Int>")]
    pub backup_item_operations_failed: Option<i64>,
    /// What became of the hooks.
    #[schemars(extend("nullable" = true))]
    pub hook_status: Option<HookStatus>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// How far a backup is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupProgress {
    /// How many objects there are; grows while more are found.
    #[schemars(with = "Option<Int>")]
    pub total_items: Option<i64>,
    /// How many of them are saved.
    #[schemars(with = "Option<Int>")]
    pub items_backed_up: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
