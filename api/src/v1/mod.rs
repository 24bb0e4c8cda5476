//! Kinds of `velero.io/v1`.

mod backup;
mod backup_repository;
mod backup_storage_location;
mod delete_backup_request;
mod download_request;
mod hooks;
mod pod_volume_backup;
mod pod_volume_phase;
mod pod_volume_restore;
mod restore;
mod schedule;
mod server_status_request;
mod status;
mod uploader_type;
mod volume_snapshot_location;

pub use backup::{
    Backup, BackupMetadata, BackupPhase, BackupProgress, BackupSpec, BackupStatus,
    UploaderConfigForBackup,
};
pub use backup_repository::{
    BackupRepository, BackupRepositoryPhase, BackupRepositorySpec, BackupRepositoryStatus,
    MaintenanceResult, RecentMaintenance,
};
pub use backup_storage_location::{
    AccessMode, BackupStorageLocation, BackupStorageLocationPhase, BackupStorageLocationSpec,
    BackupStorageLocationStatus, ObjectStorageLocation,
};
pub use delete_backup_request::{
    DeleteBackupRequest, DeleteBackupRequestPhase, DeleteBackupRequestSpec,
    DeleteBackupRequestStatus,
};
pub use download_request::{
    DownloadRequest, DownloadRequestPhase, DownloadRequestSpec, DownloadRequestStatus,
    DownloadTarget, DownloadTargetKind,
};
pub use hooks::{
    BackupHooks, BackupResourceHook, BackupResourceHookSpec, ExecHook, ExecRestoreHook,
    HookErrorMode, InitRestoreHook, RestoreHooks, RestoreResourceHook, RestoreResourceHookSpec,
};
pub use pod_volume_backup::{PodVolumeBackup, PodVolumeBackupSpec, PodVolumeBackupStatus};
pub use pod_volume_phase::DataMovePhase;
pub use pod_volume_restore::{PodVolumeRestore, PodVolumeRestoreSpec, PodVolumeRestoreStatus};
pub use restore::{
    ExistingResourcePolicy, Restore, RestorePhase, RestoreProgress, RestoreSpec, RestoreStatus,
    RestoreStatusSpec, UploaderConfigForRestore,
};
pub use schedule::{Schedule, SchedulePhase, ScheduleSpec, ScheduleStatus};
pub use server_status_request::{
    PluginInfo, ServerStatusRequest, ServerStatusRequestPhase, ServerStatusRequestSpec,
    ServerStatusRequestStatus,
};
pub use status::{DataMoveProgress, HookStatus};
pub use uploader_type::UploaderType;
pub use volume_snapshot_location::{
    VolumeSnapshotLocation, VolumeSnapshotLocationPhase, VolumeSnapshotLocationSpec,
    VolumeSnapshotLocationStatus,
};
