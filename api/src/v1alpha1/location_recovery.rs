//! How the repositories of a location open without the cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use super::repository_key::SecretKey;
use crate::object::rules;
use crate::object::{Column, ColumnType, Condition, UnknownFields, kind, null_as_default};

kind! {
    /// Says how the data at a location is recovered when the cluster and its Secrets are gone.
    ///
    /// A location without one gets no repository. It stands in Orlop's namespace; in others it is not
    /// looked at.
    LocationRecovery {
        group: Orlop,
        version: "v1alpha1",
        plural: "locationrecoveries",
        spec: LocationRecoverySpec,
        status: LocationRecoveryStatus,
        short_names: [],
        columns: [
            Column::new("Location", ".spec.storageLocation", ColumnType::Text),
            Column::new(
                "Ready",
                ".status.conditions[?(@.type==\"Ready\")].status",
                ColumnType::Text,
            ),
            Column::new("Repositories", ".status.repositories", ColumnType::Integer),
            Column::new("Covered", ".status.repositoriesCovered", ColumnType::Integer),
            Column::new("Age", ".metadata.creationTimestamp", ColumnType::Date),
        ],
    }
}

/// Who can open the repositories of a location. Recipients, an export, or neither by an explicit
/// decision.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = spec_rules(), "required" = ["storageLocation"]))]
pub struct LocationRecoverySpec {
    /// The location. Cannot be changed.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_location: String,
    /// Holders of offline keys. Each can open every repository of the location.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub recipients: Option<Vec<RecoveryRecipient>>,
    /// A key that was copied to a place outside the cluster.
    pub acknowledged_export: Option<AcknowledgedExport>,
    /// The decision to do without: who loses the cluster's Secrets loses the data.
    pub opt_out: Option<RecoveryOptOut>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// Holder of an offline key.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["age", "name"]))]
pub struct RecoveryRecipient {
    /// Who it is; becomes the label of the slots, which anybody who reads the store can read.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The public key, as `age-keygen` prints it.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(max = 62), regex(pattern = "^age1[02-9ac-hj-np-z]{58}$"))]
    pub age: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A key that was copied to a place outside the cluster.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["acknowledgedBy", "secret"]))]
pub struct AcknowledgedExport {
    /// The Secret with the key, 32 bytes. Each repository of the location gets a slot for it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub secret: SecretKey,
    /// Who says that a copy exists and where it is kept.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 253))]
    pub acknowledged_by: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// The decision to do without recovery.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["reason"]))]
pub struct RecoveryOptOut {
    /// Why, for those who find out later.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocationRecoveryStatus {
    /// The generation of the object that was looked at.
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// How many repositories the location has.
    #[schemars(range(min = 0))]
    pub repositories: Option<i64>,
    /// How many of them open as is wanted here: the slot was written, read back and, where the key
    /// is at hand, opened with.
    #[schemars(range(min = 0))]
    pub repositories_covered: Option<i64>,
    /// What holds; `Ready` says whether repositories are made at the location.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

fn spec_rules() -> Value {
    rules::rules([
        rules::fixed("storageLocation"),
        rules::rule(
            "has(self.recipients) || has(self.acknowledgedExport) || has(self.optOut)",
            "name recipients, acknowledge an export, or opt out with a reason",
        ),
        rules::rule(
            "!has(self.optOut) || (!has(self.recipients) && !has(self.acknowledgedExport))",
            "opting out is for locations without recipients and exports",
        ),
    ])
}
