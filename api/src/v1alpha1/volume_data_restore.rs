//! Restoring data without re-creating pods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use crate::object::rules;
use crate::object::{
    Column, ColumnType, Condition, Time, UnknownFields, kind, null_as_default, open_enum,
};

kind! {
    /// Brings one volume of a backup, or some paths of it, into an existing claim.
    ///
    /// Pods are not re-created: a node's agent writes into the volume where it is mounted, or mounts
    /// it itself. Only what differs is written. In a tenant's namespace it can name only data that
    /// was recorded from that namespace, and a claim of that namespace; anything else must be asked
    /// for in Orlop's namespace.
    VolumeDataRestore {
        group: Orlop,
        version: "v1alpha1",
        plural: "volumedatarestores",
        spec: VolumeDataRestoreSpec,
        status: VolumeDataRestoreStatus,
        phase: VolumeDataRestorePhase,
        short_names: ["vdr"],
        columns: [
            Column::new("Status", ".status.phase", ColumnType::Text),
            Column::new("Backup", ".spec.source.backup", ColumnType::Text),
            Column::new("Claim", ".spec.target.claim", ColumnType::Text),
            Column::new("Bytes Done", ".status.progress.bytesDone", ColumnType::Integer),
            Column::new("Total Bytes", ".status.progress.totalBytes", ColumnType::Integer),
            Column::new("Node", ".status.node", ColumnType::Text),
            Column::new("Age", ".metadata.creationTimestamp", ColumnType::Date),
        ],
    }
}

open_enum! {
    /// Where a restore of data stands.
    VolumeDataRestorePhase {
        /// Nobody has looked at it yet.
        New = "New",
        /// A node has taken it.
        Accepted = "Accepted",
        /// Files are written.
        InProgress = "InProgress",
        /// It is being stopped.
        Canceling = "Canceling",
        /// It was stopped; what was written stays.
        Canceled = "Canceled",
        /// Everything is there.
        Completed = "Completed",
        /// Some files are damaged or could not be written; the others are there.
        PartiallyFailed = "PartiallyFailed",
        /// It could not be done.
        Failed = "Failed",
    }
    default New also ""
    last Canceled | Completed | PartiallyFailed | Failed
}

open_enum! {
    /// What happens to a file that is there already.
    ExistingFiles {
        /// It is replaced if size or modification time differ.
        IfChanged = "IfChanged",
        /// Its content is compared, and replaced if it differs.
        Always = "Always",
        /// It is replaced if the snapshot's is newer.
        IfNewer = "IfNewer",
        /// It stays as it is.
        Never = "Never",
    }
    default IfChanged also ""
}

/// What to bring where. Nothing but `cancel` can be changed.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = spec_rules(), "required" = ["source", "target"]))]
pub struct VolumeDataRestoreSpec {
    /// Which volume of which backup.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source: VolumeDataSource,
    /// The claim to write into.
    #[serde(default, deserialize_with = "null_as_default")]
    pub target: VolumeDataTarget,
    /// Files and folders to bring, from the volume's top; everything if absent. A path whose name
    /// is not UTF-8 can be had only with a folder above it.
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 4096)))]
    pub paths: Option<Vec<String>>,
    /// What happens to files that are there already; `IfChanged` if absent.
    pub existing_files: Option<ExistingFiles>,
    /// Whether files go that the backup does not have, below what is brought.
    pub delete_others: Option<bool>,
    /// Whether to stop; cannot be taken back.
    pub cancel: Option<bool>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A volume as it was saved.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = source_rules()))]
pub struct VolumeDataSource {
    /// Name of the Backup. Either this, with a claim or a pod's volume, or `snapshot`.
    #[schemars(length(min = 1, max = 253))]
    pub backup: Option<String>,
    /// A snapshot in a repository.
    pub snapshot: Option<SnapshotSource>,
    /// The namespace from which the data was recorded; this object's own if absent.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Name that the claim had in the backup.
    #[schemars(length(min = 1, max = 253))]
    pub claim: Option<String>,
    /// A volume that had no claim, or whose claim is not known.
    pub pod_volume: Option<PodVolumeSource>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A snapshot in the repository of a namespace.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["id", "storageLocation"]))]
pub struct SnapshotSource {
    /// The location of the repository.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_location: String,
    /// Id of the snapshot, or its first digits.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[0-9a-f]+$"))]
    pub id: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A volume of a pod, as both were called.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["pod", "volume"]))]
pub struct PodVolumeSource {
    /// Name of the pod.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 253))]
    pub pod: String,
    /// Name of the volume in the pod.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 63))]
    pub volume: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// The claim to write into.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["claim"]))]
pub struct VolumeDataTarget {
    /// Name of the claim.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(length(min = 1, max = 253))]
    pub claim: String,
    /// Its namespace; this object's own if absent, and always in a tenant's namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// A folder of the volume to write into; its top if absent. Links in it are not followed.
    #[schemars(length(min = 1, max = 4096))]
    pub folder: Option<String>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// What became of it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeDataRestoreStatus {
    /// Where it stands.
    pub phase: Option<VolumeDataRestorePhase>,
    /// The generation of the object that was looked at.
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// What happened, and what to do.
    pub message: Option<String>,
    /// The node whose agent does it.
    pub node: Option<String>,
    /// The repository that the data is in.
    #[serde(rename = "repositoryID")]
    pub repository_id: Option<String>,
    /// The snapshot that was found.
    #[serde(rename = "snapshotID")]
    pub snapshot_id: Option<String>,
    /// When files began to be written.
    pub start_timestamp: Option<Time>,
    /// When it ended, also where it failed.
    pub completion_timestamp: Option<Time>,
    /// How far it is.
    pub progress: Option<VolumeDataProgress>,
    /// The first files that are damaged or could not be written, each with the reason.
    #[schemars(length(max = 100))]
    pub failed_files: Option<Vec<String>>,
    /// What holds.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// How far a restore of data is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeDataProgress {
    /// How many bytes there are.
    #[schemars(range(min = 0))]
    pub total_bytes: Option<i64>,
    /// How many of them are done, with those that were there already.
    #[schemars(range(min = 0))]
    pub bytes_done: Option<i64>,
    /// How many of them were written.
    #[schemars(range(min = 0))]
    pub bytes_written: Option<i64>,
    /// How many files there are.
    #[schemars(range(min = 0))]
    pub total_files: Option<i64>,
    /// How many of them are done.
    #[schemars(range(min = 0))]
    pub files_done: Option<i64>,
    /// How many of them are damaged or could not be written.
    #[schemars(range(min = 0))]
    pub files_failed: Option<i64>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// A restore that runs is not another one a moment later.
fn spec_rules() -> Value {
    rules::rules([
        rules::fixed("source"),
        rules::fixed("target"),
        rules::fixed_optional("paths"),
        rules::fixed_optional("existingFiles"),
        rules::fixed_optional("deleteOthers"),
        rules::rule(
            "!has(oldSelf.cancel) || !oldSelf.cancel || (has(self.cancel) && self.cancel)",
            "a cancellation cannot be taken back: make another object",
        ),
    ])
}

fn source_rules() -> Value {
    rules::rules([
        rules::rule(
            "has(self.backup) != has(self.snapshot)",
            "name either a backup or a snapshot",
        ),
        rules::rule(
            "!has(self.backup) || has(self.claim) != has(self.podVolume)",
            "name either a claim or a pod's volume of the backup",
        ),
        rules::rule(
            "!has(self.snapshot) || (!has(self.claim) && !has(self.podVolume))",
            "a snapshot is of one volume: name no claim and no pod",
        ),
    ])
}
