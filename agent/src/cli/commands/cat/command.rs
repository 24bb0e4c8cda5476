//! One file or folder to standard output.

use std::io::Write as _;

use clap::Args;
use orlop_repo::tree::EntryKind;

use super::archive;
use crate::cli::blocking::blocking;
use crate::cli::browse::{Browse, shown};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::output::{self, Output};
use crate::cli::selection::Selection;
use crate::cli::values::SnapshotPath;
use crate::cli::{human, repository};

/// Write a file, a stream or a device to standard output; a folder as tar
///
/// The tar has everything that its format (PAX) can hold: long and strange names, owners, times to
/// the nanosecond, hard links, devices, extended attributes with ACLs and capabilities. Holes are
/// written as zeros, and sockets left out.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop cat latest:/hostname",
    "3    " "written, but something cannot be in a tar: each is named"
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
        let browse = repository::browse(context, &self.selection, &self.what.snapshot).await?;
        let path = self.what.path;
        let (status, left_out) = blocking(move || {
            let mut out = Output::stdout();
            let key = Browse::key(&path)?;
            let entry = browse.entry(&key)?;
            let left_out = match entry.kind {
                EntryKind::File => {
                    for piece in browse.content(&entry) {
                        out.write_all(&piece?).map_err(output::failure)?;
                    }
                    Vec::new()
                }
                EntryKind::Folder => archive::write(&browse, &key, &mut out)?,
                _ => {
                    return Err(Failure::new(format!(
                        "{} is no file and no folder",
                        human::name(&shown(&key))
                    ))
                    .next("`orlop ls -l` shows what it is"));
                }
            };
            out.flush()?;
            let status = if left_out.is_empty() {
                ExitStatus::Done
            } else {
                ExitStatus::Incomplete
            };
            Ok((status, left_out))
        })
        .await?;
        for path in left_out {
            context.warn(&format!(
                "{} cannot be in a tar: left out",
                human::name(&path)
            ));
        }
        Ok(status)
    }
}
