//! The last message of a backup.

use serde::Serialize;

use super::counts::Counts;
use super::time_ms;
use crate::backup::BackupSummary;
use crate::cli::progress::seconds;

/// `summary` of `orlop backup --json`: one for each snapshot.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct BackupSummaryMessage {
    /// Always `summary`.
    message_type: &'static str,
    /// Whether nothing was stored.
    dry_run: bool,
    #[serde(flatten)]
    counts: Counts,
    /// Files taken over from backups that were cut off.
    files_resumed: u64,
    /// Their content, in bytes.
    data_resumed: u64,
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
    /// The message about a backup.
    pub(in crate::cli) fn new(done: &BackupSummary, dry_run: bool) -> Self {
        let BackupSummary {
            snapshot,
            duration,
            resumed,
        } = done;
        Self {
            message_type: "summary",
            dry_run,
            counts: Counts::of(&snapshot.stats),
            files_resumed: resumed.files,
            data_resumed: resumed.bytes,
            total_duration: seconds(*duration),
            backup_start: time_ms(snapshot.started_ms),
            backup_end: time_ms(snapshot.finished_ms),
            error_count: snapshot.problem_count,
            volume: snapshot.volume.clone(),
            snapshot_id: (!dry_run).then(|| snapshot.id.to_string()),
        }
    }
}
