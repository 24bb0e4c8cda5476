//! Restores.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::hooks::RestoreHooks;
use super::status::HookStatus;
use crate::object::{
    DurationText, Int, LabelSelector, Time, TypedLocalObjectReference, UnknownFields, kind,
    open_enum,
};

kind! {
    /// A restore of a backup, or of a part of it.
    Restore {
        group: Velero,
        version: "v1",
        plural: "restores",
        spec: RestoreSpec,
        status: RestoreStatus,
        phase: RestorePhase,
        short_names: [],
        columns: [],
    }
}

open_enum! {
    /// Where a restore stands.
    RestorePhase {
        /// Nobody has looked at it yet.
        New = "New",
        /// It asks for what cannot be.
        FailedValidation = "FailedValidation",
        /// It runs.
        InProgress = "InProgress",
        /// Objects are there; operations of actions, such as moving data, still run.
        WaitingForPluginOperations = "WaitingForPluginOperations",
        /// The same, and something failed.
        WaitingForPluginOperationsPartiallyFailed = "WaitingForPluginOperationsPartiallyFailed",
        /// It is complete.
        Completed = "Completed",
        /// It is done, and something is missing.
        PartiallyFailed = "PartiallyFailed",
        /// It could not be done.
        Failed = "Failed",
        /// Volumes are put in order, and hooks are awaited.
        Finalizing = "Finalizing",
        /// The same, and something failed.
        FinalizingPartiallyFailed = "FinalizingPartiallyFailed",
    }
    default New also ""
    last FailedValidation | Completed | PartiallyFailed | Failed
}

open_enum! {
    /// What happens to an object that is there already.
    ExistingResourcePolicy {
        /// It stays as it is.
        None = "none",
        /// It is made as in the backup, if it can be.
        Update = "update",
    }
    default None also ""
}

/// What to restore, and how.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreSpec {
    /// The backup. Either this or `scheduleName`.
    pub backup_name: Option<String>,
    /// The Schedule whose last backup is meant.
    pub schedule_name: Option<String>,
    /// Namespaces to restore; all if empty.
    #[schemars(extend("nullable" = true))]
    pub included_namespaces: Option<Vec<String>>,
    /// Namespaces to leave out.
    #[schemars(extend("nullable" = true))]
    pub excluded_namespaces: Option<Vec<String>>,
    /// Resources to restore; all if empty.
    #[schemars(extend("nullable" = true))]
    pub included_resources: Option<Vec<String>>,
    /// Resources to leave out.
    #[schemars(extend("nullable" = true))]
    pub excluded_resources: Option<Vec<String>>,
    /// Other namespaces to restore into, by those of the backup.
    pub namespace_mapping: Option<BTreeMap<String, String>>,
    /// Labels that objects must have.
    #[schemars(extend("nullable" = true))]
    pub label_selector: Option<LabelSelector>,
    /// Labels of which objects must have those of one element. Not together with `labelSelector`.
    #[schemars(extend("nullable" = true))]
    pub or_label_selectors: Option<Vec<LabelSelector>>,
    /// Whether volumes are restored.
    #[serde(rename = "restorePVs")]
    #[schemars(extend("nullable" = true))]
    pub restore_pvs: Option<bool>,
    /// Whose status is restored.
    #[schemars(extend("nullable" = true))]
    pub restore_status: Option<RestoreStatusSpec>,
    /// Whether services keep the ports on nodes that they had.
    #[schemars(extend("nullable" = true))]
    pub preserve_node_ports: Option<bool>,
    /// Whether resources without a namespace are restored; those that others need, if absent.
    #[schemars(extend("nullable" = true))]
    pub include_cluster_resources: Option<bool>,
    /// What is run in restored pods.
    pub hooks: Option<RestoreHooks>,
    /// What happens to objects that are there already: `none` leaves them, `update` changes them.
    #[schemars(with = "Option<String>", extend("nullable" = true))]
    pub existing_resource_policy: Option<ExistingResourcePolicy>,
    /// How long operations of actions may take; 4 hours if absent.
    pub item_operation_timeout: Option<DurationText>,
    /// The `ConfigMap` with changes to make to objects.
    #[schemars(extend("nullable" = true))]
    pub resource_modifier: Option<TypedLocalObjectReference>,
    /// The `ConfigMap` with filters for namespaces and resources.
    #[schemars(extend("nullable" = true))]
    pub resource_policy: Option<TypedLocalObjectReference>,
    /// How volume data is written.
    #[schemars(extend("nullable" = true))]
    pub uploader_config: Option<UploaderConfigForRestore>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// Whose status is restored.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreStatusSpec {
    /// Resources whose status is restored; all if empty.
    #[schemars(extend("nullable" = true))]
    pub included_resources: Option<Vec<String>>,
    /// Resources whose status is not.
    #[schemars(extend("nullable" = true))]
    pub excluded_resources: Option<Vec<String>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// How volume data is written.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploaderConfigForRestore {
    /// Whether holes are made of zeros.
    #[schemars(extend("nullable" = true))]
    pub write_sparse_files: Option<bool>,
    /// How many files are written at once; 0 leaves it to the machine.
    #[schemars(with = "Option<Int>")]
    pub parallel_files_download: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of a restore.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreStatus {
    /// Where it stands.
    pub phase: Option<RestorePhase>,
    /// Why it cannot be.
    #[schemars(extend("nullable" = true))]
    pub validation_errors: Option<Vec<String>>,
    /// How many warnings there were; they are in the restore's results.
    #[schemars(with = "Option<Int>")]
    pub warnings: Option<i64>,
    /// How many errors there were; they are in the restore's results.
    #[schemars(with = "Option<Int>")]
    pub errors: Option<i64>,
    /// Why it could not be done.
    pub failure_reason: Option<String>,
    /// When it began, by the server's clock.
    pub start_timestamp: Option<Time>,
    /// When it ended, also where it failed.
    pub completion_timestamp: Option<Time>,
    /// How far it is.
    #[schemars(extend("nullable" = true))]
    pub progress: Option<RestoreProgress>,
    /// How many operations of actions were started.
    #[schemars(with = "Option<Int>")]
    pub restore_item_operations_attempted: Option<i64>,
    /// How many of them ended well.
    #[schemars(with = "Option<Int>")]
    pub restore_item_operations_completed: Option<i64>,
    /// How many of them failed.
    #[schemars(with = "Option<Int>")]
    pub restore_item_operations_failed: Option<i64>,
    /// What became of the hooks.
    #[schemars(extend("nullable" = true))]
    pub hook_status: Option<HookStatus>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// How far a restore is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreProgress {
    /// How many objects there are; grows while more are found.
    #[schemars(with = "Option<Int>")]
    pub total_items: Option<i64>,
    /// How many of them are done.
    #[schemars(with = "Option<Int>")]
    pub items_restored: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
