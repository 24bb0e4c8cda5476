//! Commands that are run in containers around backups and restores.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use crate::object::{DurationText, LabelSelector, UnknownFields, null_as_default, open_enum};

open_enum! {
    /// What happens when a hook fails.
    HookErrorMode {
        /// The next one is run, and the object is saved.
        Continue = "Continue",
        /// The following ones are not run, and a pod whose hook failed before it is not saved.
        Fail = "Fail",
    }
    default Fail
}

/// What is run in containers before and after their pods are saved.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupHooks {
    /// Hooks, with the objects that each is for.
    #[schemars(extend("nullable" = true))]
    pub resources: Option<Vec<BackupResourceHookSpec>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// Hooks for some objects.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["name"]))]
pub struct BackupResourceHookSpec {
    /// Its name, for messages.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// Namespaces of the objects; all if empty.
    #[schemars(extend("nullable" = true))]
    pub included_namespaces: Option<Vec<String>>,
    /// Namespaces whose objects it is not for.
    #[schemars(extend("nullable" = true))]
    pub excluded_namespaces: Option<Vec<String>>,
    /// Resources that it is for; in fact only pods.
    #[schemars(extend("nullable" = true))]
    pub included_resources: Option<Vec<String>>,
    /// Resources that it is not for.
    #[schemars(extend("nullable" = true))]
    pub excluded_resources: Option<Vec<String>>,
    /// Labels that the objects must have.
    #[schemars(extend("nullable" = true))]
    pub label_selector: Option<LabelSelector>,
    /// What is run before an object is saved.
    pub pre: Option<Vec<BackupResourceHook>>,
    /// What is run afterwards.
    pub post: Option<Vec<BackupResourceHook>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// One hook.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["exec"]))]
pub struct BackupResourceHook {
    /// A command in a container.
    pub exec: Option<ExecHook>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A command in a container of the pod.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["command"]))]
pub struct ExecHook {
    /// The container; the first if absent.
    pub container: Option<String>,
    /// Command and arguments. No shell is between.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// What happens when it fails.
    pub on_error: Option<HookErrorMode>,
    /// How long it may take; 30 seconds if absent.
    pub timeout: Option<DurationText>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What is run in restored pods.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreHooks {
    /// Hooks, with the objects that each is for.
    pub resources: Option<Vec<RestoreResourceHookSpec>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// Hooks for some restored objects.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["name"]))]
pub struct RestoreResourceHookSpec {
    /// Its name, for messages.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// Namespaces of the objects; all if empty.
    #[schemars(extend("nullable" = true))]
    pub included_namespaces: Option<Vec<String>>,
    /// Namespaces whose objects it is not for.
    #[schemars(extend("nullable" = true))]
    pub excluded_namespaces: Option<Vec<String>>,
    /// Not looked at: hooks are for pods.
    #[schemars(extend("nullable" = true))]
    pub included_resources: Option<Vec<String>>,
    /// Not looked at: hooks are for pods.
    #[schemars(extend("nullable" = true))]
    pub excluded_resources: Option<Vec<String>>,
    /// Labels that the objects must have.
    #[schemars(extend("nullable" = true))]
    pub label_selector: Option<LabelSelector>,
    /// What is run.
    pub post_hooks: Option<Vec<RestoreResourceHook>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// One hook: a command, or containers that are run before the others.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreResourceHook {
    /// A command in a container.
    pub exec: Option<ExecRestoreHook>,
    /// Containers that are run before the others.
    pub init: Option<InitRestoreHook>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A command in a container of the restored pod.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["command"]))]
pub struct ExecRestoreHook {
    /// The container; the first if absent.
    pub container: Option<String>,
    /// Command and arguments. No shell is between.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// What happens when it fails.
    pub on_error: Option<HookErrorMode>,
    /// How long the command may take; 30 seconds if absent.
    pub exec_timeout: Option<DurationText>,
    /// How long the container may take to be there; any time if absent.
    pub wait_timeout: Option<DurationText>,
    /// Whether the container must be ready, not only running.
    #[schemars(extend("nullable" = true))]
    pub wait_for_ready: Option<bool>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// Containers that are run before the others.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InitRestoreHook {
    /// The containers, as in a pod.
    #[serde(default)]
    #[schemars(schema_with = "any_containers")]
    pub init_containers: Option<Vec<Value>>,
    /// How long they may take.
    pub timeout: Option<DurationText>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// Containers are not looked into: a newer server's have fields that nobody here knows.
fn any_containers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "x-kubernetes-preserve-unknown-fields": true,
        "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
    })
}
