//! Operations that actions started, which go on after objects were saved or restored.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{Time, UnknownFields, null_as_default, open_enum};

open_enum! {
    /// Where an operation stands.
    OperationPhase {
        /// It was asked for.
        New = "New",
        /// It runs.
        InProgress = "InProgress",
        /// It ended well.
        Completed = "Completed",
        /// It failed.
        Failed = "Failed",
    }
    default New also ""
    last Completed | Failed
}

/// An operation of a backup.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupOperation {
    /// What it is.
    #[serde(default, deserialize_with = "null_as_default")]
    pub spec: BackupOperationSpec,
    /// How far it is.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: OperationStatus,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// An operation of a restore.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreOperation {
    /// What it is.
    #[serde(default, deserialize_with = "null_as_default")]
    pub spec: RestoreOperationSpec,
    /// How far it is.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: OperationStatus,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// What an operation of a backup is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupOperationSpec {
    /// The backup.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backup_name: String,
    /// Its uid.
    #[serde(rename = "backupUID", default, deserialize_with = "null_as_default")]
    pub backup_uid: String,
    /// The action that started it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backup_item_action: String,
    /// The object for which it was started.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resource_identifier: ResourceIdentifier,
    /// Its id, in the words of the action.
    #[serde(rename = "operationID", default, deserialize_with = "null_as_default")]
    pub operation_id: String,
    /// Objects to save again when it has ended.
    pub post_operation_items: Option<Vec<ResourceIdentifier>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// What an operation of a restore is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreOperationSpec {
    /// The restore.
    #[serde(default, deserialize_with = "null_as_default")]
    pub restore_name: String,
    /// Its uid.
    #[serde(rename = "restoreUID", default, deserialize_with = "null_as_default")]
    pub restore_uid: String,
    /// The action that started it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub restore_item_action: String,
    /// The object for which it was started.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resource_identifier: ResourceIdentifier,
    /// Its id, in the words of the action.
    #[serde(rename = "operationID", default, deserialize_with = "null_as_default")]
    pub operation_id: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// An object, by its resource. All keys begin with a capital.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceIdentifier {
    /// Its API group; empty for the core.
    #[serde(rename = "Group", default, deserialize_with = "null_as_default")]
    pub group: String,
    /// Its resource, in the plural.
    #[serde(rename = "Resource", default, deserialize_with = "null_as_default")]
    pub resource: String,
    /// Its namespace; empty if it has none.
    #[serde(rename = "Namespace", default, deserialize_with = "null_as_default")]
    pub namespace: String,
    /// Its name.
    #[serde(rename = "Name", default, deserialize_with = "null_as_default")]
    pub name: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// How far an operation is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationStatus {
    /// Where it stands.
    pub phase: Option<OperationPhase>,
    /// Why it failed.
    pub error: Option<String>,
    /// How much is done.
    pub n_completed: Option<i64>,
    /// How much there is.
    pub n_total: Option<i64>,
    /// Of what, as `bytes`.
    pub operation_units: Option<String>,
    /// What happens, for people.
    pub description: Option<String>,
    /// When it was asked for.
    pub created: Option<Time>,
    /// When it began.
    pub started: Option<Time>,
    /// When its state was last heard of.
    pub updated: Option<Time>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}
