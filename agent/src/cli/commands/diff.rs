//! `orlop diff`

use std::collections::HashMap;

use clap::Args;
use orlop_chunker::ChunkId;
use orlop_repo::model::Extent;
use orlop_repo::repository::TreeError;
use orlop_repo::tree::{Content, Difference, Entry, EntryKind};
use serde::Serialize;

use crate::cli::blocking::blocking;
use crate::cli::browse::{Browse, Listed};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::output::Output;
use crate::cli::selection::Selection;
use crate::cli::{human, json, repository};

/// Show what differs between two snapshots
///
/// `+` is only in the second, `-` only in the first, `M` has other content, `T` is of another kind,
/// and with --metadata `U` differs only in owner, mode, times or attributes. Bytes of a file that
/// changed count by the chunks that only one of the two has.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop diff latest latest",
    "3    " "compared, but incomplete: each part that cannot be read is named"
))]
pub(in crate::cli) struct Diff {
    /// The older one: `latest` or the first digits of an id
    first: String,

    /// The newer one
    second: String,

    /// Also show entries whose content is the same and whose metadata is not
    #[arg(long)]
    metadata: bool,

    #[command(flatten)]
    selection: Selection,
}

/// A line of `orlop diff --json`.
#[derive(Debug, Serialize)]
struct Change {
    /// Always `change`.
    message_type: &'static str,
    path: String,
    /// Bytes of the path as hex digits, if it is no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    /// `+`, `-`, `M`, `T` or `U`.
    modifier: char,
}

/// The last line of `orlop diff --json`.
#[derive(Debug, Default, Serialize)]
struct Totals {
    /// Always `statistics`.
    message_type: &'static str,
    source_snapshot: String,
    target_snapshot: String,
    /// Files with other content.
    changed_files: u64,
    added: Side,
    removed: Side,
}

/// What one of the snapshots has and the other has not.
#[derive(Debug, Default, Serialize)]
struct Side {
    files: u64,
    dirs: u64,
    others: u64,
    bytes: u64,
}

impl Side {
    fn count(&mut self, entry: &Entry) {
        match entry.kind {
            EntryKind::File => self.files += 1,
            EntryKind::Folder => self.dirs += 1,
            _ => self.others += 1,
        }
        self.bytes += entry.file_bytes();
    }
}

impl Diff {
    /// Prints a line for each difference, then the totals.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let state = repository.state().await;
        let open = |name| {
            let snapshot = self.selection.one(name, &state)?;
            Ok::<_, Failure>(Browse::new(
                &repository,
                snapshot,
                context.cache_memory() / 2,
                repository::open_index(context, &repository),
            ))
        };
        let (first, second) = (open(&self.first)?, open(&self.second)?);
        let (json, metadata) = (context.options.json, self.metadata);
        let missing = blocking(move || {
            let mut diff = Running {
                metadata,
                json,
                out: Output::stdout(),
                totals: Totals {
                    message_type: "statistics",
                    source_snapshot: first.snapshot.id.to_string(),
                    target_snapshot: second.snapshot.id.to_string(),
                    ..Totals::default()
                },
            };
            diff.trees(&first, &second)?;
            diff.end()?;
            let mut missing = first.take_missing();
            missing.absorb(second.take_missing());
            Ok(missing)
        })
        .await?;
        Ok(missing.report(context, "diff"))
    }
}

struct Running {
    metadata: bool,
    json: bool,
    out: Output,
    totals: Totals,
}

impl Running {
    /// Goes through what differs, in the order of the keys.
    fn trees(&mut self, first: &Browse, second: &Browse) -> Result<(), Failure> {
        for difference in first.differences(second) {
            match difference? {
                Difference::Removed(was) => {
                    let was = Listed::of(was);
                    self.totals.removed.count(&was.entry);
                    self.line('-', &was.path)?;
                }
                Difference::Added(is) => {
                    let is = Listed::of(is);
                    self.totals.added.count(&is.entry);
                    self.line('+', &is.path)?;
                }
                Difference::Changed { old, new } => {
                    let old = Listed::of(*old);
                    self.both(&old.path, (first, &old.entry), (second, &new))?;
                }
            }
        }
        Ok(())
    }

    fn both(
        &mut self,
        path: &[u8],
        (first, was): (&Browse, &Entry),
        (second, is): (&Browse, &Entry),
    ) -> Result<(), Failure> {
        if was.kind != is.kind {
            self.totals.removed.count(was);
            self.totals.added.count(is);
            return self.line('T', path);
        }
        let same_content =
            was.content.same(&is.content) && was.target == is.target && was.rdev == is.rdev;
        if !same_content {
            // Of content lists that are damaged nothing is counted; that they differ is known.
            let Some((removed, added)) = bytes(path, (first, was), (second, is))? else {
                self.totals.changed_files += 1;
                return self.line('M', path);
            };
            // Content pages may differ where the content does not.
            if removed + added > 0 || was.kind != EntryKind::File {
                self.totals.changed_files += u64::from(is.kind == EntryKind::File);
                self.totals.removed.bytes += removed;
                self.totals.added.bytes += added;
                return self.line('M', path);
            }
        }
        if self.metadata && !same_metadata(was, is) {
            return self.line('U', path);
        }
        Ok(())
    }

    fn line(&mut self, modifier: char, path: &[u8]) -> Result<(), Failure> {
        if self.json {
            return self.out.json(&Change {
                message_type: "change",
                path: json::text(path),
                path_hex: json::raw(path),
                modifier,
            });
        }
        self.out.path_line(&format!("{modifier}  "), path)
    }

    fn end(mut self) -> Result<(), Failure> {
        if self.json {
            self.out.json(&self.totals)?;
        } else {
            let Totals {
                changed_files,
                added,
                removed,
                ..
            } = &self.totals;
            self.out.line(format!(
                "{}, {} changed",
                human::count(added.files, "file added", "files added")
                    + &format!(", {} removed", removed.files),
                changed_files
            ))?;
            self.out.line(format!(
                "{} added, {} removed",
                human::bytes(added.bytes),
                human::bytes(removed.bytes)
            ))?;
        }
        self.out.flush()
    }
}

fn same_metadata(was: &Entry, is: &Entry) -> bool {
    was.mode == is.mode
        && (was.uid, was.gid) == (is.uid, is.gid)
        && was.mtime == is.mtime
        && was.xattrs == is.xattrs
        && (was.flags, was.project) == (is.flags, is.project)
}

/// Bytes that only the old and only the new content has; nothing if that cannot be read.
fn bytes(
    path: &[u8],
    first: (&Browse, &Entry),
    second: (&Browse, &Entry),
) -> Result<Option<(u64, u64)>, Failure> {
    let mut pieces: HashMap<Piece, (u64, i64)> = HashMap::new();
    let mut whole = true;
    for ((browse, entry), sign) in [(first, -1), (second, 1)] {
        let read = for_each_piece(browse, entry, |piece, len| {
            pieces.entry(piece).or_insert((len, 0)).1 += sign;
        });
        match read {
            Ok(()) => {}
            Err(error) if error.is_damage() => {
                browse.leave_out_file(path, &error);
                whole = false;
            }
            Err(error) => {
                return Err(Failure::new("cannot read the content list of a file").because(error));
            }
        }
    }
    let (mut removed, mut added) = (0, 0);
    for (len, balance) in pieces.into_values() {
        let sum = if balance < 0 {
            &mut removed
        } else {
            &mut added
        };
        *sum += len * balance.unsigned_abs();
    }
    Ok(whole.then_some((removed, added)))
}

/// A piece of content by what it is.
#[derive(PartialEq, Eq, Hash)]
enum Piece {
    Chunk(ChunkId),
    Zeros(u64),
    Inline(Vec<u8>),
}

fn for_each_piece(
    browse: &Browse,
    entry: &Entry,
    mut each: impl FnMut(Piece, u64),
) -> Result<(), TreeError> {
    if let Content::Inline(bytes) = &entry.content {
        each(Piece::Inline(bytes.clone()), bytes.len() as u64);
    }
    for extent in browse.extents(entry) {
        match extent? {
            Extent::Data(chunk) => each(Piece::Chunk(chunk.id), u64::from(chunk.len)),
            other => each(Piece::Zeros(other.len()), other.len()),
        }
    }
    Ok(())
}
