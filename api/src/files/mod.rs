//! Files of a backup or a restore in the bucket, as JSON before compression.
//!
//! Most keys are in camel case, those for which Velero forgot to say so begin with a capital. Of an
//! empty list some writers make null, others `[]`: [`read_list`] takes both.

mod data_upload_result;
mod list;
mod native_snapshot;
mod operation;
mod results;
mod volume_info;

pub use data_upload_result::DataUploadResult;
pub use list::{ResourceList, read_list};
pub use native_snapshot::{
    NativeSnapshot, NativeSnapshotPhase, NativeSnapshotSpec, NativeSnapshotStatus,
};
pub use operation::{
    BackupOperation, BackupOperationSpec, OperationPhase, OperationStatus, ResourceIdentifier,
    RestoreOperation, RestoreOperationSpec,
};
pub use results::{Messages, Results};
pub use volume_info::{
    BackupVolumeInfo, CsiSnapshotInfo, NativeSnapshotInfo, PodVolumeInfo, RestoreVolumeInfo,
    SnapshotDataMovementInfo, VolumeMethod, VolumeProperties, VolumeResult,
};
