//! `orlop find`

use std::path::Path;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use orlop_repo::tree::{Entry, EntryKey, EntryKind, KeyRange};
use serde::Serialize;

use crate::cli::blocking::blocking;
use crate::cli::browse::Browse;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::json::Node;
use crate::cli::missing::Missing;
use crate::cli::output::Output;
use crate::cli::selection::Selection;
use crate::cli::values::Age;
use crate::cli::{human, repository};
use crate::exclude::Exclude;

/// Look for files by name in all snapshots, oldest first
///
/// Patterns are those of `backup --exclude`: `*.conf` and `a/b` match at any depth, `/a` only in
/// the top folder, `a/` only folders.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop find 'host*'",
    "3    " "looked through, but incomplete: each part that cannot be read is named"
))]
pub(in crate::cli) struct Find {
    /// What to look for; any of them
    #[arg(required = true, value_name = "PATTERN")]
    patterns: Vec<String>,

    /// Only this snapshot: `latest` or the first digits of an id
    #[arg(short, long, value_name = "SNAPSHOT")]
    snapshot: Option<String>,

    /// Only entries of this kind
    #[arg(short = 't', long = "type", value_enum, value_name = "KIND")]
    kind: Option<Kind>,

    /// Only what changed within this time, such as 7d
    #[arg(long, value_name = "AGE")]
    newer_than: Option<Age>,

    /// Only what has not changed for this time, such as 1y
    #[arg(long, value_name = "AGE")]
    older_than: Option<Age>,

    #[command(flatten)]
    selection: Selection,
}

/// Kinds of entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Kind {
    /// Regular files
    File,
    /// Folders
    Dir,
    /// Symbolic links
    Symlink,
}

/// What was found in one snapshot: an element of `orlop find --json`.
#[derive(Debug, Serialize)]
struct FoundIn {
    matches: Vec<Node>,
    /// How many.
    hits: usize,
    /// Id of the snapshot.
    snapshot: String,
}

/// What an entry must be like.
struct Wanted {
    patterns: Exclude,
    kind: Option<Kind>,
    /// Seconds since 1970.
    not_before: Option<i64>,
    not_after: Option<i64>,
}

impl Find {
    /// Prints the paths of each snapshot, or one JSON array.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let now = i64::try_from(context.clock.unix_ms() / 1000).unwrap_or(i64::MAX);
        let before = |age: Age| now.saturating_sub_unsigned(age.0.as_secs());
        let wanted = Wanted {
            patterns: Exclude::new(&self.patterns, Path::new("/"))
                .map_err(|error| Failure::usage("cannot use the patterns").because(error))?,
            kind: self.kind,
            not_before: self.newer_than.map(before),
            not_after: self.older_than.map(before),
        };
        let repository = repository::open(context).await?;
        let state = repository.state().await;
        let snapshots = if let Some(name) = &self.snapshot {
            vec![self.selection.one(name, &state)?]
        } else {
            let all = self.selection.all(&state);
            all.into_iter()
                .map(|snapshot| Arc::new(snapshot.clone()))
                .collect()
        };
        let snapshots: Vec<_> = snapshots
            .into_iter()
            .map(|snapshot| (snapshot, repository::open_index(context, &repository)))
            .collect();
        let (json, quiet) = (context.options.json, context.options.quiet);
        let cache = context.cache_memory();
        let missing = blocking(move || {
            let mut out = Output::stdout();
            let mut missing = Missing::default();
            let mut all = Vec::new();
            for (snapshot, index) in snapshots {
                let browse = Browse::new(&repository, snapshot, cache, index);
                if json {
                    all.push(wanted.matches(&browse)?);
                } else {
                    wanted.lines(&browse, quiet, &mut out)?;
                }
                missing.absorb(browse.take_missing());
            }
            if json {
                out.json(&all)?;
            }
            out.flush()?;
            Ok(missing)
        })
        .await?;
        Ok(missing.report(context, "find"))
    }
}

impl Wanted {
    fn is_met(&self, path: &[u8], entry: &Entry) -> bool {
        let kind = match self.kind {
            Some(Kind::File) => entry.kind == EntryKind::File,
            Some(Kind::Dir) => entry.kind == EntryKind::Folder,
            Some(Kind::Symlink) => entry.kind == EntryKind::Symlink,
            None => true,
        };
        kind && self.not_before.is_none_or(|time| entry.mtime.secs >= time)
            && self.not_after.is_none_or(|time| entry.mtime.secs <= time)
            && self.patterns.leaves_out(
                path.strip_prefix(b"/").unwrap_or(path),
                entry.kind == EntryKind::Folder,
            )
    }

    fn matches(&self, browse: &Browse) -> Result<FoundIn, Failure> {
        let mut matches = Vec::new();
        for listed in browse.entries(KeyRange::descendants(&EntryKey::root())) {
            let listed = listed?;
            if self.is_met(&listed.path, &listed.entry) {
                matches.push(Node::new(&listed.path, &listed.entry));
            }
        }
        Ok(FoundIn {
            hits: matches.len(),
            matches,
            snapshot: browse.snapshot.id.to_string(),
        })
    }

    fn lines(&self, browse: &Browse, quiet: bool, out: &mut Output) -> Result<(), Failure> {
        let mut first = true;
        for listed in browse.entries(KeyRange::descendants(&EntryKey::root())) {
            let listed = listed?;
            if !self.is_met(&listed.path, &listed.entry) {
                continue;
            }
            if std::mem::take(&mut first) && !quiet {
                let snapshot = &browse.snapshot;
                let time = human::local_time(snapshot.started_ms);
                let volume = human::name(snapshot.volume.as_bytes());
                out.line(format!("snapshot {:.8} of {volume}, {time}", snapshot.id))?;
            }
            out.path_line("", &listed.path)?;
        }
        Ok(())
    }
}
