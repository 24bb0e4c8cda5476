//! The counts of a snapshot, as restic names them.

use orlop_repo::snapshot::Statistics;
use serde::Serialize;

/// What a snapshot holds and what it cost.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    files_new: u64,
    files_changed: u64,
    files_unmodified: u64,
    dirs_new: u64,
    dirs_changed: u64,
    dirs_unmodified: u64,
    /// Plain bytes that the repository did not have.
    data_added: u64,
    /// Bytes that were stored for them.
    data_added_packed: u64,
    total_files_processed: u64,
    total_bytes_processed: u64,
}

impl Counts {
    pub(super) fn of(stats: &Statistics) -> Self {
        Self {
            files_new: stats.files_new,
            files_changed: stats.files_changed,
            files_unmodified: stats.files_unmodified,
            dirs_new: stats.folders_new,
            dirs_changed: stats.folders_changed,
            dirs_unmodified: stats.folders_unmodified,
            data_added: stats.added,
            data_added_packed: stats.added_stored,
            total_files_processed: stats.files,
            total_bytes_processed: stats.bytes,
        }
    }
}
