//! `orlop cat`

use std::sync::Arc;

use clap::Args;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{KeyRange, TreeCursor};

use crate::backup::Tools;
use crate::cli::blocking::blocking;
use crate::cli::browse::{self, Browse};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::missing::Missing;
use crate::cli::output::{self, Output};
use crate::cli::selection::Selection;
use crate::cli::values::SnapshotPath;
use crate::cli::{human, repository};
use crate::memory::MemoryPlan;
use crate::progress::Progress;
use crate::restore::{RestoreError, cat, tar};

/// Write a file, a stream or a device to standard output; a folder as tar
///
/// The tar has everything that its format (PAX) can hold: long and strange names, owners, times to
/// the nanosecond, hard links, devices, extended attributes with ACLs and capabilities. Holes are
/// written as zeros, and sockets left out.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop cat latest:/hostname",
    "3    " "the tar has zeros where files are damaged, or lacks entries: each is named"
))]
pub(in crate::cli) struct Cat {
    /// `latest` or the first digits of an id, and a file or folder in it
    #[arg(value_name = "SNAPSHOT:PATH")]
    what: SnapshotPath,

    #[command(flatten)]
    selection: Selection,
}

impl Cat {
    /// Writes it.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let state = repository.state().await;
        let snapshot = self.selection.one(&self.what.snapshot, &state)?;
        let tools = repository::tools(context, repository)?;
        let memory = MemoryPlan::new(context.memory());
        let path = self.what.path;
        let (job, joined) = ((tools.clone(), snapshot.clone()), path.join(&b'/'));
        let file = blocking(move || {
            let (tools, snapshot) = job;
            let mut out = Output::stdout();
            let progress = Progress::new();
            // Most often it is a file: that takes the fewest requests.
            match cat(&tools, &snapshot, &joined, &memory, &mut out, &progress) {
                Ok(_) => Ok(None),
                Err(RestoreError::IsFolder { .. }) => Ok(Some(joined)),
                // If its own entry is lost, what is beneath it may be there still.
                Err(RestoreError::Page(lost)) if lost.source.is_damage() => {
                    let pages = tools.pages(snapshot.id, memory.block_cache);
                    let range = KeyRange::descendants(&Browse::key(&path)?);
                    let mut below = TreeCursor::new(&pages, snapshot.root.0, range);
                    if below.any(|located| located.is_ok()) {
                        Ok(Some(joined))
                    } else {
                        Err(failure(&joined, RestoreError::Page(lost)))
                    }
                }
                Err(RestoreError::NoSuchPath { .. }) => {
                    Err(browse::missing(&Browse::key(&path)?, &snapshot))
                }
                Err(error) => Err(failure(&joined, error)),
            }
        })
        .await?;
        match file {
            None => Ok(ExitStatus::Done),
            Some(folder) => archive(context, tools, snapshot, folder).await,
        }
    }
}

/// Writes a folder as tar.
async fn archive(
    context: &Context,
    tools: Tools,
    snapshot: Arc<Snapshot>,
    path: Vec<u8>,
) -> Result<ExitStatus, Failure> {
    let memory = MemoryPlan::new(context.memory());
    let reading = repository::announce(context, &tools.repository, Some(snapshot.id)).await?;
    let progress = Arc::new(Progress::new());
    context.interrupt.cancels(&progress);
    let done = blocking(move || {
        let mut out = Output::stdout();
        tar(&tools, &snapshot, &path, &memory, &mut out, &progress)
            .map_err(|error| failure(&path, error))
    })
    .await;
    reading.end().await;
    let done = done?;
    let mut missing = Missing::default();
    for page in done.lost_pages {
        missing.lost(page);
    }
    for file in done.damaged {
        missing.file(file.path.to_slashed(), file.what);
    }
    Ok(missing.report(context, "cat"))
}

fn failure(path: &[u8], error: RestoreError) -> Failure {
    if let RestoreError::Output(error) = error {
        return output::failure(error);
    }
    let next = match &error {
        RestoreError::NoContent { .. } => Some("`orlop ls -l` shows what it is"),
        error if error.is_damage() => Some("run `orlop check`: it names what is hurt"),
        _ => None,
    };
    let failure = Failure::new(format!("cannot write out {}", human::name(path))).because(error);
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}
