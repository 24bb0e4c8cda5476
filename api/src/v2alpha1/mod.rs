//! Kinds of `velero.io/v2alpha1`: moving the data of CSI snapshots.

mod data_download;
mod data_upload;

pub use data_download::{DataDownload, DataDownloadSpec, DataDownloadStatus, TargetVolume};
pub use data_upload::{CsiSnapshotSpec, DataUpload, DataUploadSpec, DataUploadStatus, NodeOs};
