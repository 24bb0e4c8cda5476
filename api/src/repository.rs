//! What Orlop knows of a repository.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{DurationText, Time, UnknownFields, null_as_default};

/// What Orlop knows of a repository.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    /// Its id, which is the fingerprint of its root key. Agents compare it before they write.
    #[serde(rename = "repositoryID")]
    pub repository_id: Option<String>,
    /// The slots that open it.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub slots: Option<Vec<SlotStatus>>,
    /// The last entry of its log that was seen here. A log that ends before it was rolled back.
    pub log_position: Option<LogPosition>,
    /// What maintenance did and will do.
    pub maintenance: Option<MaintenanceStatus>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A key slot.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["id", "kind"]))]
pub struct SlotStatus {
    /// Its id, in hex digits.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(max = 64))]
    pub id: String,
    /// What opens it: `raw`, `passphrase`, `recipient` or `kms`.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(max = 63))]
    pub kind: String,
    /// What its maker called it.
    #[schemars(length(max = 1024))]
    pub label: Option<String>,
    /// When it was made, by its maker's clock.
    pub created: Option<Time>,
    /// The newest generation of keys in it.
    #[schemars(range(min = 0))]
    pub generation: Option<i64>,
    /// `ok`, or why it opens nothing.
    #[schemars(length(max = 1024))]
    pub state: Option<String>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// An entry of a repository's log.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["generation", "hash", "number"]))]
pub struct LogPosition {
    /// Generation of the log.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(range(min = 0))]
    pub generation: i64,
    /// Number of the entry.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(range(min = 0))]
    pub number: i64,
    /// Its hash, in hex digits.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(max = 128))]
    pub hash: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What maintenance did and will do.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceStatus {
    /// How long the last run took that ended well.
    pub last_duration: Option<DurationText>,
    /// How many bytes of the store it freed.
    #[schemars(range(min = 0))]
    pub bytes_reclaimed: Option<i64>,
    /// What keeps data from being freed, as a running backup or a time of grace: each with the time
    /// from which it no longer does, if that is known.
    #[schemars(length(max = 100))]
    pub waits_for: Option<Vec<String>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
