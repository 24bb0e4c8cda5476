//! Where backups go.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{
    Column, ColumnType, DurationText, SecretKeySelector, Time, UnknownFields, kind,
    null_as_default, open_enum,
};

kind! {
    /// A place for backups: a bucket, or a part of one.
    BackupStorageLocation {
        group: Velero,
        version: "v1",
        plural: "backupstoragelocations",
        spec: BackupStorageLocationSpec,
        status: BackupStorageLocationStatus,
        short_names: ["bsl"],
        columns: [
            Column::new("Phase", ".status.phase", ColumnType::Text),
            Column::new("Last Validated", ".status.lastValidationTime", ColumnType::Date),
            Column::new("Age", ".metadata.creationTimestamp", ColumnType::Date),
            Column::new("Default", ".spec.default", ColumnType::Bool),
        ],
    }
}

open_enum! {
    /// Whether a location can be used.
    BackupStorageLocationPhase {
        /// It can.
        Available = "Available",
        /// It cannot; the message says why. Also of one that nobody has tried yet.
        Unavailable = "Unavailable",
    }
    default Unavailable
}

open_enum! {
    /// What may be done to a location.
    AccessMode {
        /// Only reading.
        ReadOnly = "ReadOnly",
        /// Everything.
        ReadWrite = "ReadWrite",
    }
    default ReadWrite also ""
}

/// Where the place is, and what opens it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["objectStorage", "provider"]))]
pub struct BackupStorageLocationSpec {
    /// Who has the store, as `aws`, `gcp` or `azure`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub provider: String,
    /// What the provider wants to know.
    pub config: Option<BTreeMap<String, String>>,
    /// The Secret with credentials, in the same namespace.
    pub credential: Option<SecretKeySelector>,
    /// The bucket.
    #[serde(default, deserialize_with = "null_as_default")]
    pub object_storage: ObjectStorageLocation,
    /// Whether backups that name no location go here.
    pub default: Option<bool>,
    /// What may be done to it; everything if absent.
    pub access_mode: Option<AccessMode>,
    /// How often backups that others made are looked for; 0 never.
    #[schemars(extend("nullable" = true))]
    pub backup_sync_period: Option<DurationText>,
    /// How often it is tried; 0 once.
    #[schemars(extend("nullable" = true))]
    pub validation_frequency: Option<DurationText>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A bucket, or a part of one.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["bucket"]))]
pub struct ObjectStorageLocation {
    /// Its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub bucket: String,
    /// The part of it that is used.
    pub prefix: Option<String>,
    /// Certificates that are trusted, in base64. Of old; `caCertRef` is better, and not together
    /// with it.
    #[schemars(extend("format" = "byte"))]
    pub ca_cert: Option<String>,
    /// The Secret with certificates that are trusted.
    pub ca_cert_ref: Option<SecretKeySelector>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// How a location is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupStorageLocationStatus {
    /// Whether it can be used.
    pub phase: Option<BackupStorageLocationPhase>,
    /// When backups of others were last looked for.
    pub last_synced_time: Option<Time>,
    /// When it was last tried.
    pub last_validation_time: Option<Time>,
    /// Why it cannot be used.
    pub message: Option<String>,
    /// Of old, not used.
    pub last_synced_revision: Option<String>,
    /// Of old, not used.
    pub access_mode: Option<AccessMode>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
