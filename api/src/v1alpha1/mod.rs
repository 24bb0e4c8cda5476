//! Kinds of `orlop.io/v1alpha1`: what Velero has nothing for.
//!
//! In a tenant's namespace an object may name only data that was recorded from that namespace and
//! claims of it; a server cannot check that, so whoever acts on one must.

mod location_recovery;
mod repository_key;
mod volume_data_restore;

pub use location_recovery::{
    AcknowledgedExport, LocationRecovery, LocationRecoverySpec, LocationRecoveryStatus,
    RecoveryOptOut, RecoveryRecipient,
};
pub use repository_key::{
    RepositoryKey, RepositoryKeyMode, RepositoryKeySpec, RepositoryKeyStatus, SecretKey,
};
pub use volume_data_restore::{
    ExistingFiles, PodVolumeSource, SnapshotSource, VolumeDataProgress, VolumeDataRestore,
    VolumeDataRestorePhase, VolumeDataRestoreSpec, VolumeDataRestoreStatus, VolumeDataSource,
    VolumeDataTarget,
};
