//! Asking the server how it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{Time, UnknownFields, kind, null_as_default, open_enum};

kind! {
    /// Asks the server for its version and its plugins.
    ServerStatusRequest {
        group: Velero,
        version: "v1",
        plural: "serverstatusrequests",
        spec: ServerStatusRequestSpec,
        status: ServerStatusRequestStatus,
        phase: ServerStatusRequestPhase,
        short_names: ["ssr"],
        columns: [],
    }
}

open_enum! {
    /// Where a request stands.
    ServerStatusRequestPhase {
        /// Nobody has looked at it yet.
        New = "New",
        /// The answer is there.
        Processed = "Processed",
    }
    default New also ""
    last Processed
}

/// There is nothing to ask for.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatusRequestSpec {
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// The answer.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatusRequestStatus {
    /// Where the request stands.
    pub phase: Option<ServerStatusRequestPhase>,
    /// When it was answered.
    pub processed_timestamp: Option<Time>,
    /// Version of the server.
    pub server_version: Option<String>,
    /// What it can do.
    #[schemars(extend("nullable" = true))]
    pub plugins: Option<Vec<PluginInfo>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A plugin of the server.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["kind", "name"]))]
pub struct PluginInfo {
    /// Its name, as `velero.io/pod`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// What it does, as `BackupItemAction`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub kind: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
