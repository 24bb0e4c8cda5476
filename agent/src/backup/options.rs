//! What is backed up, how, and what came of it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use orlop_repo::index::LocalIndex;
use orlop_repo::log::State;
use orlop_repo::model::SnapshotId;
use orlop_repo::repository::{Elsewhere, Repository, TreePages};
use orlop_repo::snapshot::Snapshot;
use tokio::runtime::Handle;

use super::checkpoints::CheckpointPolicy;
use super::error::BackupError;
use super::predecessor::Predecessors;
use crate::fs::{RelPath, Root};
use crate::memory::MemoryPlan;

/// Says whether an entry is left out, a folder with everything beneath it.
pub type Exclude = Box<dyn FnMut(&RelPath, bool) -> bool + Send>;

/// Makes such a judge for a walk: a volume may be walked twice at the same time.
pub type Excludes = Box<dyn Fn() -> Exclude + Send>;

/// What is backed up.
pub enum Source {
    /// A folder and all below it, or a single file.
    Folder {
        /// Where it is.
        path: PathBuf,
        /// What is left out.
        exclude: Option<Excludes>,
        /// Do not enter folders on other file systems.
        one_file_system: bool,
    },
    /// A folder and all below it, or a block device, that was opened already: what a path leads to
    /// may have changed since somebody looked.
    Opened {
        /// What was opened.
        root: Root,
        /// What it is called in the snapshot.
        named: PathBuf,
        /// What is left out.
        exclude: Option<Excludes>,
        /// Do not enter folders on other file systems.
        one_file_system: bool,
    },
    /// A stream, stored as one file of that name.
    Stream {
        /// Name of the file in the snapshot.
        name: String,
        /// Where the bytes come from.
        reader: Box<dyn Read + Send>,
    },
    /// A block device or image, stored as one file, cut at multiples of 64 KiB.
    Device {
        /// Where it is.
        path: PathBuf,
    },
}

/// How it is backed up.
pub struct BackupOptions {
    /// Whose data it is; finds the parent.
    pub volume: String,
    /// Tags of the snapshot.
    pub tags: BTreeMap<String, String>,
    /// Compare with this snapshot and not with the volume's latest.
    pub parent: Option<SnapshotId>,
    /// Read every file.
    pub force: bool,
    /// Share of the files that look unchanged which is read all the same, 0 to 1.
    pub sample: f64,
    /// From when on a first backup counts what there is to read, for [`Progress`](crate::progress::Progress); never, if
    /// nobody looks.
    pub scan: Option<Duration>,
    /// Store nothing.
    pub dry_run: bool,
    /// UID of the object that asked for it.
    pub owner: Option<String>,
    /// Program and version.
    pub client: String,
    /// Worker threads.
    pub threads: usize,
    /// How memory is shared out.
    pub memory: MemoryPlan,
    /// A folder for temporary files.
    pub scratch: PathBuf,
    /// How sessions of dead processes are known, whose work this backup carries on.
    pub predecessors: Predecessors,
    /// How often what is stored is named in the log.
    pub checkpoints: CheckpointPolicy,
}

/// What a backup works with.
#[derive(Clone)]
pub struct Tools {
    /// The repository.
    pub repository: Arc<Repository>,
    /// Its index, kept on this machine.
    pub index: Arc<LocalIndex>,
    /// Where I/O runs.
    pub runtime: Handle,
}

/// What came of a backup.
#[derive(Clone, Debug)]
pub struct BackupSummary {
    /// The snapshot; in a dry run, the one that would have been made.
    pub snapshot: Snapshot,
    /// How long it took.
    pub duration: Duration,
    /// What was taken over from backups that were cut off.
    pub resumed: Resumed,
}

/// What a backup took over from others that were cut off, without reading it again. What they had
/// stored of other files is not counted: it was read, and not stored again.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Resumed {
    /// Sessions that were carried on.
    pub sessions: usize,
    /// Regular files.
    pub files: u64,
    /// Their content, in bytes.
    pub bytes: u64,
}

impl Tools {
    /// Finds data of `snapshot`, or of a tree that belongs to none yet, that is not where its tree says.
    pub fn elsewhere(&self, snapshot: impl Into<Option<SnapshotId>>) -> Arc<Elsewhere> {
        let index = Arc::clone(&self.index);
        let open = Box::new(move || Ok(Arc::clone(&index)));
        Arc::new(Elsewhere::new(Arc::clone(&self.repository), snapshot, open))
    }

    /// The pages of the tree of `snapshot`; up to `cache` bytes of them are kept.
    pub fn pages(&self, snapshot: impl Into<Option<SnapshotId>>, cache: u64) -> TreePages {
        let (repository, runtime) = (Arc::clone(&self.repository), self.runtime.clone());
        TreePages::new(repository, runtime, cache, self.elsewhere(snapshot))
    }
    /// Brings the local index to the segments that are live in the log; gives the state that they
    /// are live in.
    pub async fn sync_index(&self) -> Result<State, BackupError> {
        let state = self.repository.state().await;
        self.repository.sync_index(&self.index, state).await
    }
}
