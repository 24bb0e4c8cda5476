//! Conditions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::open_enum::open_enum;
use super::time::Time;
use super::unknown::{UnknownFields, null_as_default};

open_enum! {
    /// Whether a condition holds.
    ConditionStatus {
        /// It holds.
        True = "True",
        /// It does not.
        False = "False",
        /// Nobody could find out.
        Unknown = "Unknown",
    }
    default Unknown
}

/// Something that holds or does not, since when and why.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["lastTransitionTime", "message", "reason", "status", "type"]))]
pub struct Condition {
    /// What it is about, as `Ready`.
    #[serde(rename = "type", default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 316))]
    pub kind: String,
    /// Whether it holds.
    #[serde(default)]
    pub status: ConditionStatus,
    /// Why, in one word for programs.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// Why, for people, and what to do.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(max = 32768))]
    pub message: String,
    /// Since when the status is what it is.
    pub last_transition_time: Option<Time>,
    /// The generation of the object that was looked at.
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
