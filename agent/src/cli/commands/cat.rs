//! `orlop cat`

use clap::Args;

use crate::cli::blocking::blocking;
use crate::cli::browse::{self, Browse};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::output::{self, Output};
use crate::cli::selection::Selection;
use crate::cli::values::SnapshotPath;
use crate::cli::{human, repository};
use crate::memory::MemoryPlan;
use crate::progress::Progress;
use crate::restore::{RestoreError, write_out};

/// Write a file, a stream or a device to standard output; a folder as tar
///
/// The tar has everything that its format (PAX) can hold: long and strange names, owners, times to
/// the nanosecond, hard links, devices, extended attributes with ACLs and capabilities. Holes are
/// written as zeros, and sockets left out.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop cat latest:/hostname",
    "3    " "the tar is whole, but has zeros where files are damaged: each is named"
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
        let damaged = blocking(move || {
            let key = Browse::key(&path)?;
            let path = path.join(&b'/');
            let progress = Progress::new();
            let mut out = Output::stdout();
            write_out(&tools, &snapshot, &path, &memory, &mut out, &progress).map_err(|error| {
                match error {
                    RestoreError::NoSuchPath { .. } => browse::missing(&key, &snapshot),
                    error => failure(&path, error),
                }
            })
        })
        .await?;
        for file in &damaged {
            let path = human::name(&file.path.to_slashed());
            context.warn(&format!("{path}: {}", file.what));
        }
        Ok(if damaged.is_empty() {
            ExitStatus::Done
        } else {
            ExitStatus::Incomplete
        })
    }
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
