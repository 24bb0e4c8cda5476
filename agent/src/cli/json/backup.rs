//! The last message of a backup.

use std::time::Duration;

use orlop_repo::snapshot::{Snapshot, Statistics};
use serde::Serialize;

use super::time_ms;
use crate::cli::progress::seconds;

/// `summary` of `orlop backup --json`: one for each snapshot.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct BackupSummaryMessage {
    /// Always `summary`.
    message_type: &'static str,
    /// Whether nothing was stored.
    dry_run: bool,
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
    /// Seconds.
    total_duration: f64,
    backup_start: Option<String>,
    backup_end: Option<String>,
    /// Files that are missing or were changing; each has an `error` message of its own.
    error_count: u64,
    /// Whose data it is.
    volume: String,
    /// Absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
}

impl BackupSummaryMessage {
    /// The message about `snapshot`, which took `duration`.
    pub(in crate::cli) fn new(snapshot: &Snapshot, duration: Duration, dry_run: bool) -> Self {
        let Statistics {
            files,
            bytes,
            added,
            added_stored,
            files_new,
            files_changed,
            files_unmodified,
            folders_new,
            folders_changed,
            folders_unmodified,
            ..
        } = snapshot.stats;
        Self {
            message_type: "summary",
            dry_run,
            files_new,
            files_changed,
            files_unmodified,
            dirs_new: folders_new,
            dirs_changed: folders_changed,
            dirs_unmodified: folders_unmodified,
            data_added: added,
            data_added_packed: added_stored,
            total_files_processed: files,
            total_bytes_processed: bytes,
            total_duration: seconds(duration),
            backup_start: time_ms(snapshot.started_ms),
            backup_end: time_ms(snapshot.finished_ms),
            error_count: snapshot.problem_count,
            volume: snapshot.volume.clone(),
            snapshot_id: (!dry_run).then(|| snapshot.id.to_string()),
        }
    }
}
