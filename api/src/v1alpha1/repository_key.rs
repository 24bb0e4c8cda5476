//! Keys that others bring.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use crate::object::rules;
use crate::object::{
    Column, ColumnType, Condition, UnknownFields, kind, null_as_default, open_enum,
};
use crate::repository::SlotStatus;

kind! {
    /// A key for a repository, in a Secret of the same namespace.
    ///
    /// In a tenant's namespace it is for that namespace's repository. A new key is written beside the
    /// old ones, read back and tried; only then the slot of the key that it replaces goes.
    RepositoryKey {
        group: Orlop,
        version: "v1alpha1",
        plural: "repositorykeys",
        spec: RepositoryKeySpec,
        status: RepositoryKeyStatus,
        short_names: [],
        columns: [
            Column::new("Location", ".spec.storageLocation", ColumnType::Text),
            Column::new("Mode", ".spec.mode", ColumnType::Text),
            Column::new(
                "Ready",
                ".status.conditions[?(@.type==\"Ready\")].status",
                ColumnType::Text,
            ),
            Column::new("Slot", ".status.slotID", ColumnType::Text),
            Column::new("Age", ".metadata.creationTimestamp", ColumnType::Date),
        ],
    }
}

open_enum! {
    /// What a key is for.
    RepositoryKeyMode {
        /// It opens the repository beside the others.
        Additional = "Additional",
        /// It alone opens the repository: whoever destroys it destroys the data. There is no slot of
        /// the operator and none for recovery.
        Exclusive = "Exclusive",
        /// It opens the repository already, perhaps one that another cluster made: nothing is
        /// written, the controller uses it to read.
        Import = "Import",
    }
    default Additional
}

/// Which key for which repository. Only `secret` can be changed.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = spec_rules(), "required" = ["mode", "secret", "storageLocation"]))]
pub struct RepositoryKeySpec {
    /// The location of the repository.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_location: String,
    /// The namespace whose volumes are in the repository; this object's own if absent, and always
    /// in a tenant's namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// The repository, where the location has several of the namespace: needed to import.
    #[serde(rename = "repositoryID")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub repository_id: Option<String>,
    /// What the key is for.
    #[serde(default, deserialize_with = "null_as_default")]
    pub mode: RepositoryKeyMode,
    /// The Secret with the key: 32 bytes or 64 hex digits; to import, a recovery file too. Another
    /// one here, or another value there, replaces the key.
    #[serde(default, deserialize_with = "null_as_default")]
    pub secret: SecretKey,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// One value of a Secret in the same namespace.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["key", "name"]))]
pub struct SecretKey {
    /// Name of the Secret.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key whose value is meant.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryKeyStatus {
    /// The generation of the object that was looked at.
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// The repository.
    #[serde(rename = "repositoryID")]
    pub repository_id: Option<String>,
    /// The slot that the key opens.
    #[serde(rename = "slotID")]
    pub slot_id: Option<String>,
    /// Whether no other slot opens the repository. Only then destroying the key destroys the data.
    pub exclusive: Option<bool>,
    /// All slots of the repository.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub slots: Option<Vec<SlotStatus>>,
    /// What holds. `Ready` is false with reason `KeyMismatch` if the key opens no slot; nothing is
    /// written then.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// Only the key itself may be another one.
fn spec_rules() -> Value {
    rules::rules([
        rules::fixed("storageLocation"),
        rules::fixed_optional("namespace"),
        rules::fixed_optional("repositoryID"),
        rules::fixed("mode"),
    ])
}
