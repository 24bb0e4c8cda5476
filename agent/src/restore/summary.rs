//! What came of a restore.

use orlop_repo::explain::explain;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use orlop_chunker::ChunkId;
use orlop_repo::model::SnapshotId;
use orlop_repo::repository::TreeError;
use orlop_repo::tree::PageFailure;
use parking_lot::Mutex;

use super::lost::LostPage;
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
    /// Pages of the tree that could not be read, sorted: what stands below them is not restored,
    /// and nothing was deleted.
    pub lost_pages: Vec<LostPage>,
    /// How many there were.
    pub lost_page_count: u64,
    /// Metadata that could not be set.
    pub warnings: Vec<Named>,
    /// How many there were.
    pub warning_count: u64,
}

impl RestoreSummary {
    /// Whether everything that was asked for is there.
    pub fn is_complete(&self) -> bool {
        self.damaged_count == 0 && self.failed_count == 0 && self.lost_page_count == 0
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
    lost: Vec<LostPage>,
    /// Those that were named, since several passes over the tree meet the same.
    lost_ids: HashSet<ChunkId>,
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

    /// A page of the tree that cannot be read; named once however often it is met.
    pub(super) fn lost_page(
        &self,
        progress: &Progress,
        snapshot: SnapshotId,
        failure: &PageFailure<TreeError>,
    ) {
        let lost = LostPage::new(snapshot, failure);
        let mut names = self.names.lock();
        if !names.lost_ids.insert(lost.page) {
            return;
        }
        progress.problem(lost.path.clone(), lost.what.clone());
        if names.lost.len() < MAX_NAMED {
            names.lost.push(lost);
        }
    }

    /// Whether there is a page of the tree that cannot be read.
    pub(super) fn has_lost_pages(&self) -> bool {
        !self.names.lock().lost_ids.is_empty()
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
        names.lost.sort_unstable();
        RestoreSummary {
            lost_page_count: names.lost_ids.len() as u64,
            lost_pages: names.lost,
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
