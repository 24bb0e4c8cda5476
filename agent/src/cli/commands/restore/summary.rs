//! What came of it.

use std::time::Duration;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::human;
use crate::cli::progress::seconds;
use crate::restore::RestoreSummary;

/// `summary` of `orlop restore --json`.
#[derive(Debug, Serialize)]
struct RestoreMessage {
    /// Always `summary`.
    message_type: &'static str,
    /// Whether nothing was changed.
    dry_run: bool,
    seconds_elapsed: f64,
    /// Files restored, and those that are the same already.
    total_files: u64,
    files_restored: u64,
    /// Files that are the same already, or stay because of --overwrite.
    files_skipped: u64,
    /// What the snapshot does not have; a folder counts once.
    files_deleted: u64,
    /// Sum of the sizes of the files restored.
    total_bytes: u64,
    /// Bytes that were written.
    bytes_restored: u64,
    /// Files whose content is damaged in the repository; each has an `error` message.
    files_damaged: u64,
    /// Pages of the tree that cannot be read: what stands below them is not restored, and nothing
    /// was deleted; each has an `error` message.
    pages_lost: u64,
    /// What could not be restored; each has an `error` message.
    files_failed: u64,
    /// Metadata that could not be set.
    warnings: u64,
}

/// Prints the result for people or programs.
pub(super) fn show(
    context: &Context,
    done: &RestoreSummary,
    duration: Duration,
    dry_run: bool,
) -> Result<(), Failure> {
    for warning in done.warnings.iter().take(20) {
        context.warn(&format!(
            "{}: {}",
            human::name(&warning.path.to_slashed()),
            warning.what
        ));
    }
    let more = done.warning_count.saturating_sub(20);
    if more > 0 {
        context.warn(&format!("{more} more"));
    }
    let mut out = context.output();
    if context.options.json {
        out.json(&RestoreMessage {
            message_type: "summary",
            dry_run,
            seconds_elapsed: seconds(duration),
            total_files: done.files + done.unchanged,
            files_restored: done.files,
            files_skipped: done.unchanged + done.kept,
            files_deleted: done.deleted,
            total_bytes: done.bytes,
            bytes_restored: done.bytes_written,
            files_damaged: done.damaged_count,
            pages_lost: done.lost_page_count,
            files_failed: done.failed_count,
            warnings: done.warning_count,
        })?;
    } else if !context.options.quiet {
        for line in lines(done, duration, dry_run) {
            out.line(line)?;
        }
    }
    out.flush()
}

fn lines(done: &RestoreSummary, duration: Duration, dry_run: bool) -> Vec<String> {
    let verb = if dry_run { "would restore" } else { "restored" };
    let mut lines = vec![format!(
        "{verb} {}, {}, {} in {}",
        human::count(done.files, "file", "files"),
        human::count(done.folders, "folder", "folders"),
        human::bytes(done.bytes),
        human::span(duration)
    )];
    for (number, what) in [
        (done.unchanged, "the same already"),
        (done.kept, "kept as they were"),
        (done.deleted, "removed"),
        (done.sockets, "sockets, which only programs make"),
        (done.damaged_count, "damaged in the repository"),
        (
            done.lost_page_count,
            "pages of the tree cannot be read, and what stands below them is missing",
        ),
        (done.failed_count, "failed"),
    ] {
        if number > 0 {
            lines.push(format!("  {number} {what}"));
        }
    }
    lines
}
