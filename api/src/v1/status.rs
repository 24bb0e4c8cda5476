//! What several kinds say of their state.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{Int, UnknownFields};

/// What became of the hooks.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookStatus {
    /// How many were run.
    #[schemars(with = "Option<Int>")]
    pub hooks_attempted: Option<i64>,
    /// How many of them failed.
    #[schemars(with = "Option<Int>")]
    pub hooks_failed: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// How far volume data is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataMoveProgress {
    /// How many bytes there are.
    pub total_bytes: Option<i64>,
    /// How many of them are done.
    pub bytes_done: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
