//! `orlop ls`

use clap::Args;
use orlop_repo::tree::{Entry, EntryKind, KeyRange};

use crate::cli::blocking::blocking;
use crate::cli::browse::{Browse, shown};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::json::{Node, SnapshotMessage, letter};
use crate::cli::output::Output;
use crate::cli::selection::Selection;
use crate::cli::values::SnapshotPath;
use crate::cli::{human, repository};

/// List files in a snapshot
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop ls -l latest",
    "3    " "listed, but incomplete: each part that cannot be read is named"
))]
pub(in crate::cli) struct Ls {
    /// `latest` or the first digits of an id, and a folder or file in it
    #[arg(value_name = "SNAPSHOT[:PATH]")]
    what: SnapshotPath,

    /// Show mode, owner, size and time
    #[arg(short, long)]
    long: bool,

    /// Everything below the folder, with full paths
    #[arg(short = 'R', long)]
    recursive: bool,

    #[command(flatten)]
    selection: Selection,
}

impl Ls {
    /// Prints one line an entry.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let browse = repository::browse(context, &self.selection, &self.what.snapshot).await?;
        let json = context.options.json;
        let missing = blocking(move || {
            let mut out = Output::stdout();
            self.list(&browse, json, &mut out)?;
            out.flush()?;
            Ok(browse.take_missing())
        })
        .await?;
        Ok(missing.report(context, "ls"))
    }

    fn list(&self, browse: &Browse, json: bool, out: &mut Output) -> Result<(), Failure> {
        if json {
            let mut message = SnapshotMessage::new(&browse.snapshot);
            message.message_type = Some("snapshot");
            out.json(&message)?;
        }
        let key = Browse::key(&self.what.path)?;
        let top = browse.entry(&key)?;
        // If its own entry is lost, what is beneath it may be there still.
        if let Some(top) = top.filter(|top| top.kind != EntryKind::Folder) {
            return self.line(&shown(&key), &top, json, out);
        }
        let range = if self.recursive {
            KeyRange::descendants(&key)
        } else {
            KeyRange::children(&key)
        };
        for listed in browse.entries(range) {
            let listed = listed?;
            self.line(&listed.path, &listed.entry, json, out)?;
        }
        Ok(())
    }

    fn line(
        &self,
        path: &[u8],
        entry: &Entry,
        json: bool,
        out: &mut Output,
    ) -> Result<(), Failure> {
        if json {
            let mut node = Node::new(path, entry);
            node.message_type = Some("node");
            return out.json(&node);
        }
        let name = if self.recursive || entry.name.is_empty() {
            path
        } else {
            &entry.name
        };
        if self.long {
            let mut name = name.to_vec();
            if let Some(target) = &entry.target {
                name.extend_from_slice(b" -> ");
                name.extend_from_slice(target);
            }
            return out.path_line(&format!("{} ", details(entry)), &name);
        }
        out.path_line("", name)
    }
}

/// Mode, owner, group, size or device number, and time.
fn details(entry: &Entry) -> String {
    let size = match entry.rdev {
        Some((major, minor)) => format!("{major}, {minor}"),
        None => entry.size.to_string(),
    };
    format!(
        "{}{} {:>5} {:>5} {size:>12} {}",
        letter(entry.kind),
        human::permissions(entry.mode.into()),
        entry.uid,
        entry.gid,
        human::local_seconds(entry.mtime.secs),
    )
}
