//! `orlop unforget`

use clap::Args;
use orlop_repo::log::State;
use orlop_repo::model::SnapshotId;
use orlop_repo::repository::{PresentError, UnforgetError};
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::progress::Work;
use crate::cli::repository;
use crate::cli::selection::Selection;

/// Bring forgotten snapshots back, while their data is there
///
/// Every page of a snapshot is read and every chunk looked up first: what comes back is whole.
/// Several snapshots come back together or not at all. `orlop snapshots --forgotten` lists those
/// that may come back.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!("orlop unforget latest"))]
pub(in crate::cli) struct Unforget {
    /// Forgotten snapshots: `latest` for the newest of them, or the first digits of ids
    #[arg(value_name = "SNAPSHOT", required = true)]
    snapshots: Vec<String>,

    #[command(flatten)]
    selection: Selection,
}

/// The result of `orlop unforget --json`, one line a snapshot.
#[derive(Serialize)]
struct Unforgotten {
    /// Always `unforgotten`.
    message_type: &'static str,
    snapshot_id: String,
    short_id: String,
}

impl Unforget {
    /// Prints the ids of what came back.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let ids = self.ids(&repository.state().await)?;
        let index = repository::open_index(context, &repository)()
            .map_err(|error| Failure::new("cannot use the local index").because(error))?;
        let client = concat!("orlop ", env!("CARGO_PKG_VERSION"));
        let (progress, display) = context.work(Work::Objects, "unforget");
        let cancelled = move || progress.cancelled();
        let done = repository.unforget(&ids, &index, client, cancelled).await;
        display.end();
        done.map_err(failure)?;
        let mut out = context.output();
        for id in ids {
            if context.options.json {
                out.json(&Unforgotten {
                    message_type: "unforgotten",
                    snapshot_id: id.to_string(),
                    short_id: format!("{id:.8}"),
                })?;
            } else if context.options.quiet {
                out.line(id.to_string())?;
            } else {
                out.line(format!("snapshot {id:.8} is back"))?;
            }
        }
        out.flush()?;
        Ok(ExitStatus::Done)
    }

    fn ids(&self, state: &State) -> Result<Vec<SnapshotId>, Failure> {
        let filter = self.selection.filter();
        let forgotten = || {
            state
                .forgotten
                .values()
                .map(|forgotten| &forgotten.snapshot)
        };
        let one = |name: &String| {
            if forgotten().next().is_none() {
                return Err(Failure::new("no forgotten snapshot can come back").because(
                    "none was forgotten, or maintenance has taken the space of those that were",
                ));
            }
            let found = filter.find(name, forgotten()).map_err(|error| {
                Failure::new(format!("no single forgotten snapshot is meant by {name:?}"))
                    .because(error)
                    .next("`orlop snapshots --forgotten` lists those that may come back")
            })?;
            Ok(found.id)
        };
        let mut ids = self
            .snapshots
            .iter()
            .map(one)
            .collect::<Result<Vec<_>, _>>()?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

fn failure(error: UnforgetError) -> Failure {
    let (next, status) = match &error {
        UnforgetError::NotForgotten { .. } => (
            Some("`orlop snapshots --forgotten` lists those that may come back"),
            None,
        ),
        UnforgetError::NotWhole { source, .. } if matches!(**source, PresentError::Cancelled) => {
            (None, Some(ExitStatus::Interrupted))
        }
        UnforgetError::NotWhole { source, .. } if source.is_damage() => (
            Some("it cannot come back whole; other snapshots may still have that file"),
            None,
        ),
        _ => (None, None),
    };
    let mut failure = Failure::new("nothing was brought back").because(error);
    if let Some(next) = next {
        failure = failure.next(next);
    }
    match status {
        Some(status) => failure.status(status),
        None => failure,
    }
}
