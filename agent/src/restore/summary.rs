//! What came of a restore.

use orlop_repo::explain::explain;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::fs::{FsError, RelPath, Warning};
use crate::progress::Progress;

/// Names kept of each sort; beyond that they are counted.
const MAX_NAMED: usize = 100_000;

/// An object of the target and what was wrong with it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Named {
    /// Where it stands beneath the target.
    pub path: RelPath,
    /// What was wrong, as a sentence without capital and full stop.
    pub what: String,
}

/// What came of a restore.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct RestoreSummary {
    /// Regular files restored, wholly or in part.
    pub files: u64,
    /// Folders made or given their metadata.
    pub folders: u64,
    /// Links, fifos and devices restored.
    pub others: u64,
    /// Further names of objects that have several.
    pub hard_links: u64,
    /// Sum of the sizes of the files restored.
    pub bytes: u64,
    /// Bytes of content written to the target.
    pub bytes_written: u64,
    /// Files left as they were because they are the same.
    pub unchanged: u64,
    /// Objects left as they were because the options say so.
    pub kept: u64,
    /// Objects removed that the snapshot does not have; a folder counts once.
    pub deleted: u64,
    /// Sockets of the snapshot: only a program can make one.
    pub sockets: u64,
    /// Files whose content is damaged in the repository, sorted: what could be read is restored,
    /// the rest is zeros, and the modification time is not the recorded one, so that a restore
    /// from a healed repository writes it again.
    pub damaged: Vec<Named>,
    /// How many there were.
    pub damaged_count: u64,
    /// Objects that could not be restored, or differ after all; sorted.
    pub failed: Vec<Named>,
    /// How many there were.
    pub failed_count: u64,
    /// Metadata that could not be set.
    pub warnings: Vec<Named>,
    /// How many there were.
    pub warning_count: u64,
}

impl RestoreSummary {
    /// Whether everything that was asked for is there.
    pub fn is_complete(&self) -> bool {
        self.damaged_count == 0 && self.failed_count == 0
    }
}

/// Counters and names, written by several threads.
#[derive(Default)]
pub(super) struct Report {
    pub(super) files: AtomicU64,
    pub(super) folders: AtomicU64,
    pub(super) others: AtomicU64,
    pub(super) hard_links: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) bytes_written: AtomicU64,
    pub(super) unchanged: AtomicU64,
    pub(super) kept: AtomicU64,
    pub(super) deleted: AtomicU64,
    pub(super) sockets: AtomicU64,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    damaged: List,
    failed: List,
    warnings: List,
}

#[derive(Default)]
struct List {
    named: Vec<Named>,
    count: u64,
}

impl List {
    fn push(&mut self, path: &RelPath, what: String) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            let path = path.clone();
            self.named.push(Named { path, what });
        }
    }
}

impl Report {
    pub(super) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    /// A file whose content is damaged in the repository.
    pub(super) fn damaged(&self, progress: &Progress, path: &RelPath, what: String) {
        progress.problem(path.to_slashed(), what.clone());
        self.names.lock().damaged.push(path, what);
    }

    /// An object that is not what it should be.
    pub(super) fn failed(&self, progress: &Progress, path: &RelPath, what: String) {
        progress.problem(path.to_slashed(), what.clone());
        self.names.lock().failed.push(path, what);
    }

    /// The same, for an error of the file system.
    pub(super) fn error(&self, progress: &Progress, path: &RelPath, error: &FsError) {
        self.failed(progress, path, explain(error));
    }

    /// Metadata that could not be set.
    pub(super) fn warnings(&self, warnings: Vec<Warning>) {
        if warnings.is_empty() {
            return;
        }
        let mut names = self.names.lock();
        for warning in warnings {
            let what = format!("cannot {}: {}", warning.action, warning.errno);
            names.warnings.push(&warning.path, what);
        }
    }

    /// Paths that were named as damaged or failed.
    pub(super) fn hurt(&self) -> HashSet<RelPath> {
        let names = self.names.lock();
        let hurt = names.damaged.named.iter().chain(&names.failed.named);
        hurt.map(|named| named.path.clone()).collect()
    }

    pub(super) fn into_summary(self) -> RestoreSummary {
        let mut names = self.names.into_inner();
        for list in [&mut names.damaged, &mut names.failed, &mut names.warnings] {
            list.named.sort_unstable();
        }
        RestoreSummary {
            files: self.files.into_inner(),
            folders: self.folders.into_inner(),
            others: self.others.into_inner(),
            hard_links: self.hard_links.into_inner(),
            bytes: self.bytes.into_inner(),
            bytes_written: self.bytes_written.into_inner(),
            unchanged: self.unchanged.into_inner(),
            kept: self.kept.into_inner(),
            deleted: self.deleted.into_inner(),
            sockets: self.sockets.into_inner(),
            damaged: names.damaged.named,
            damaged_count: names.damaged.count,
            failed: names.failed.named,
            failed_count: names.failed.count,
            warnings: names.warnings.named,
            warning_count: names.warnings.count,
        }
    }
}
