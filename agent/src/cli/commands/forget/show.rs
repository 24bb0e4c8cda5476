//! What became of the snapshots, for people and for programs.

use std::collections::BTreeMap;

use orlop_repo::retention::{Group, Reason, Verdict};
use serde::Serialize;

use super::chosen::Chosen;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::human;
use crate::cli::json::SnapshotMessage;
use crate::cli::table::Table;

/// A group: an element of `orlop forget --json`.
#[derive(Serialize)]
struct GroupMessage {
    /// Volume of all of them, if they were grouped by it.
    volume: Option<String>,
    /// Tags of all of them, if they were grouped by those.
    tags: Option<BTreeMap<String, String>>,
    keep: Vec<SnapshotMessage>,
    remove: Vec<SnapshotMessage>,
    /// Why each is kept.
    reasons: Vec<ReasonMessage>,
}

/// Why a snapshot is kept.
#[derive(Serialize)]
struct ReasonMessage {
    snapshot: SnapshotMessage,
    matches: Vec<String>,
}

/// Prints what becomes of each snapshot, or would.
pub(super) fn show(context: &Context, chosen: &Chosen<'_>, dry_run: bool) -> Result<(), Failure> {
    let mut out = context.output();
    if context.options.json {
        let messages: Vec<_> = chosen.groups.iter().map(message).collect();
        out.json(&messages)?;
    } else if context.options.quiet {
        for snapshot in chosen.forgotten() {
            out.line(snapshot.id.to_string())?;
        }
    } else {
        for line in table(chosen).lines() {
            out.line(line)?;
        }
        let all: usize = chosen.groups.iter().map(|group| group.verdicts.len()).sum();
        let forgotten = chosen.forgotten().count();
        let count = |number: usize| human::count(number as u64, "snapshot", "snapshots");
        out.line(if dry_run {
            format!(
                "would forget {} and keep {}; nothing was changed",
                count(forgotten),
                all - forgotten
            )
        } else {
            format!("forgot {}, kept {}", count(forgotten), all - forgotten)
        })?;
    }
    out.flush()
}

fn message(group: &Group<'_>) -> GroupMessage {
    let (kept, gone): (Vec<_>, Vec<_>) = group.verdicts.iter().partition(|v| v.is_kept());
    let snapshots = |verdicts: &[&Verdict<'_>]| {
        let messages = verdicts.iter().map(|v| SnapshotMessage::new(v.snapshot));
        messages.collect()
    };
    GroupMessage {
        volume: group.volume.map(str::to_owned),
        tags: group.tags.cloned(),
        keep: snapshots(&kept),
        remove: snapshots(&gone),
        reasons: kept
            .iter()
            .map(|verdict| ReasonMessage {
                snapshot: SnapshotMessage::new(verdict.snapshot),
                matches: verdict.reasons.iter().map(Reason::to_string).collect(),
            })
            .collect(),
    }
}

fn table(chosen: &Chosen<'_>) -> Table {
    let mut table = Table::new(&["ID", "Time", "Volume", ">Size", "", "Why"]);
    for verdict in chosen.groups.iter().flat_map(|group| &group.verdicts) {
        let snapshot = verdict.snapshot;
        let reasons: Vec<_> = verdict.reasons.iter().map(Reason::to_string).collect();
        table.row([
            format!("{:.8}", snapshot.id),
            human::local_time(snapshot.started_ms),
            human::name(snapshot.volume.as_bytes()),
            human::bytes(snapshot.stats.bytes),
            if verdict.is_kept() { "keep" } else { "forget" }.to_owned(),
            human::name(reasons.join(", ").as_bytes()),
        ]);
    }
    table
}
