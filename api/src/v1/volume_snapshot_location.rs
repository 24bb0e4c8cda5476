//! Where snapshots go.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{SecretKeySelector, UnknownFields, kind, null_as_default, open_enum};

kind! {
    /// A place for snapshots at a provider.
    VolumeSnapshotLocation {
        group: Velero,
        version: "v1",
        plural: "volumesnapshotlocations",
        spec: VolumeSnapshotLocationSpec,
        status: VolumeSnapshotLocationStatus,
        short_names: ["vsl"],
        columns: [],
    }
}

open_enum! {
    /// Whether a location can be used. No server says so.
    VolumeSnapshotLocationPhase {
        /// It can.
        Available = "Available",
        /// It cannot.
        Unavailable = "Unavailable",
    }
    default Unavailable
}

/// Where the place is, and what opens it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["provider"]))]
pub struct VolumeSnapshotLocationSpec {
    /// Who makes the snapshots.
    #[serde(default, deserialize_with = "null_as_default")]
    pub provider: String,
    /// What the provider wants to know.
    pub config: Option<BTreeMap<String, String>>,
    /// The Secret with credentials, in the same namespace.
    pub credential: Option<SecretKeySelector>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// How a location is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotLocationStatus {
    /// Whether it can be used.
    pub phase: Option<VolumeSnapshotLocationPhase>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
