//! What came of it.

use orlop_repo::snapshot::Statistics;

use crate::backup::BackupSummary;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::human;
use crate::cli::json::BackupSummaryMessage;

/// Prints the result for people or programs.
pub(super) fn show(context: &Context, done: &BackupSummary, dry_run: bool) -> Result<(), Failure> {
    let mut out = context.output();
    if context.options.json {
        out.json(&BackupSummaryMessage::new(
            &done.snapshot,
            done.duration,
            dry_run,
        ))?;
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
        files_new,
        files_changed,
        files_unmodified,
    ));
    lines.push(compared(
        "folders",
        folders_new,
        folders_changed,
        folders_unmodified,
    ));
    lines.push(format!(
        "  {:<8} {}, {} of it new, {} stored",
        "data",
        human::bytes(bytes),
        human::bytes(added),
        human::bytes(added_stored)
    ));
    lines.push(format!(
        "  {:<8} {} in {}",
        "read",
        human::count(files, "file", "files"),
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
