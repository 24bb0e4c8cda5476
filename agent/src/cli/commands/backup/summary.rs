//! What came of it.

use crate::backup::BackupSummary;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::human;
use crate::cli::json::BackupSummaryMessage;

/// Prints the result for people or programs.
pub(super) fn show(context: &Context, done: &BackupSummary, dry_run: bool) -> Result<(), Failure> {
    let mut out = context.output();
    if context.options.json {
        out.json(&BackupSummaryMessage::new(done, dry_run))?;
    } else if context.options.quiet {
        if !dry_run {
            out.line(done.snapshot.id.to_string())?;
        }
    } else {
        for line in lines(done, dry_run) {
            out.line(line)?;
        }
    }
    out.flush()
}

fn lines(done: &BackupSummary, dry_run: bool) -> Vec<String> {
    let snapshot = &done.snapshot;
    let volume = human::name(snapshot.volume.as_bytes());
    let stats = &snapshot.stats;
    let mut lines = vec![if dry_run {
        format!("would save {volume}")
    } else {
        format!("saved {volume} as snapshot {:.8}", snapshot.id)
    }];
    let compared = |what, new, changed, unmodified| {
        format!("  {what:<8} {new} new, {changed} changed, {unmodified} unmodified")
    };
    lines.push(compared(
        "files",
        stats.files_new,
        stats.files_changed,
        stats.files_unmodified,
    ));
    lines.push(compared(
        "folders",
        stats.folders_new,
        stats.folders_changed,
        stats.folders_unmodified,
    ));
    if done.resumed.files > 0 {
        lines.push(format!(
            "  {:<8} {}, {}, read by a backup that was cut off",
            "resumed",
            human::count(done.resumed.files, "file", "files"),
            human::bytes(done.resumed.bytes)
        ));
    }
    lines.push(format!(
        "  {:<8} {}, {} of it new, {} stored",
        "data",
        human::bytes(stats.bytes),
        human::bytes(stats.added),
        human::bytes(stats.added_stored)
    ));
    lines.push(format!(
        "  {:<8} {} in {}",
        "read",
        human::count(stats.files, "file", "files"),
        human::span(done.duration)
    ));
    if snapshot.problem_count > 0 {
        lines.push(format!(
            "  incomplete: {}",
            human::count(snapshot.problem_count, "problem", "problems")
        ));
    }
    lines
}
