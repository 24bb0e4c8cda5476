//! `orlop repair`: mends what can be mended, and declares what cannot be.

mod index;
mod log;
mod snapshots;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use orlop_repo::check::CheckProgress;
use orlop_repo::repair::{RepairError, RepairOptions};

use super::check::{Watch, options as check_options};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::values::Percent;
use crate::progress::Progress;

/// Mend what is damaged, and say what is lost
///
/// `orlop check` says which of these are needed, and in which order: log, index, snapshots. None of
/// them deletes anything or changes a snapshot. Each may be interrupted and run again, and shows
/// with --dry-run what it would do.
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum RepairCommand {
    Log(log::RepairLog),
    Index(index::RepairIndex),
    Snapshots(snapshots::RepairSnapshots),
}

impl RepairCommand {
    /// Does it.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        match self {
            Self::Log(command) => command.run(context).await,
            Self::Index(command) => command.run(context).await,
            Self::Snapshots(command) => command.run(context).await,
        }
    }
}

/// How a repair is done.
fn options(
    context: &Context,
    dry_run: bool,
    read_data: Option<Percent>,
    scratch: PathBuf,
) -> Result<RepairOptions, Failure> {
    Ok(RepairOptions {
        dry_run,
        accept_loss: false,
        check: check_options(context, read_data, scratch)?,
        client: concat!("orlop ", env!("CARGO_PKG_VERSION")).to_owned(),
    })
}

fn watch(progress: Arc<Progress>) -> Arc<dyn CheckProgress> {
    Arc::new(Watch(progress))
}

fn failure(what: &str, error: RepairError) -> Failure {
    if error.is_cancelled() {
        return Failure::new("the repair was stopped")
            .next("run it again: it goes on from there")
            .status(ExitStatus::Interrupted);
    }
    let next = match &error {
        RepairError::IndexFirst { .. } => Some("run `orlop repair index` first"),
        RepairError::KeysOutdated => Some("run it again, with a key that opens the newest ones"),
        RepairError::Outrun => Some("run it again when fewer backups run"),
        _ => None,
    };
    let failure = Failure::new(what).because(error);
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}

/// What was done, or in a trial run would be.
fn done(dry_run: bool, what: &str) -> String {
    if dry_run {
        format!("would have {what}")
    } else {
        what.to_owned()
    }
}
