//! `orlop snapshots`

use clap::Args;
use orlop_repo::snapshot::Snapshot;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::json::SnapshotMessage;
use crate::cli::selection::Selection;
use crate::cli::table::Table;
use crate::cli::{human, repository};

/// List the snapshots, oldest first
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!("orlop snapshots"))]
pub(in crate::cli) struct Snapshots {
    #[command(flatten)]
    selection: Selection,

    /// List the forgotten ones that `orlop unforget` may still bring back
    #[arg(long)]
    forgotten: bool,
}

impl Snapshots {
    /// Prints a table, or one JSON array.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let state = repository::open(context).await?.state().await;
        let snapshots = if self.forgotten {
            let forgotten = state.forgotten.values();
            let forgotten = forgotten.map(|forgotten| &forgotten.snapshot);
            self.selection.filter().select(forgotten)
        } else {
            self.selection.all(&state)
        };
        let mut out = context.output();
        if context.options.json {
            let messages: Vec<_> = snapshots.into_iter().map(SnapshotMessage::new).collect();
            out.json(&messages)?;
        } else if context.options.quiet {
            for snapshot in snapshots {
                out.line(snapshot.id.to_string())?;
            }
        } else {
            for line in table(&snapshots).lines() {
                out.line(line)?;
            }
            let count = snapshots.len() as u64;
            out.line(human::count(count, "snapshot", "snapshots"))?;
        }
        out.flush()?;
        Ok(ExitStatus::Done)
    }
}

fn table(snapshots: &[&Snapshot]) -> Table {
    let mut table = Table::new(&["ID", "Time", "Volume", ">Files", ">Size", ">Stored", "Tags"]);
    for snapshot in snapshots {
        let tags = snapshot
            .tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        let mut notes: Vec<_> = tags.collect();
        if snapshot.problem_count > 0 {
            notes.push(human::count(snapshot.problem_count, "problem", "problems"));
        }
        table.row([
            format!("{:.8}", snapshot.id),
            human::local_time(snapshot.started_ms),
            human::name(snapshot.volume.as_bytes()),
            snapshot.stats.files.to_string(),
            human::bytes(snapshot.stats.bytes),
            human::bytes(snapshot.stats.added_stored),
            human::name(notes.join(", ").as_bytes()),
        ]);
    }
    table
}
