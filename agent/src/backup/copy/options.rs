//! What is copied, how, and what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use orlop_repo::log::State;
use orlop_repo::model::{RepositoryId, SnapshotId};
use orlop_repo::snapshot::Snapshot;

use crate::backup::{CheckpointPolicy, Predecessors, Resumed};
use crate::memory::MemoryPlan;

/// Tag of a copied snapshot that says which snapshot of which repository it is a copy of.
pub const COPIED_FROM: &str = "copied-from";

/// How a snapshot is copied.
pub struct CopyOptions {
    /// Store nothing.
    pub dry_run: bool,
    /// Program and version.
    pub client: String,
    /// Worker threads.
    pub threads: usize,
    /// How memory is shared out.
    pub memory: MemoryPlan,
    /// A folder for temporary files.
    pub scratch: PathBuf,
    /// How sessions of dead processes are known, whose work this copy carries on.
    pub predecessors: Predecessors,
    /// How often what is stored is named in the log.
    pub checkpoints: CheckpointPolicy,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct CopySummary {
    /// The copy; in a dry run, the one that would have been made.
    pub snapshot: Snapshot,
    /// Problems that the copying met itself; those of the original are in the snapshot, too.
    pub damaged: u64,
    /// How long it took.
    pub duration: Duration,
    /// What was taken over from copies that were cut off.
    pub resumed: Resumed,
}

/// A snapshot of a repository, wherever it is spoken of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Origin {
    /// The repository.
    pub repository: RepositoryId,
    /// The snapshot in it.
    pub snapshot: SnapshotId,
}

impl fmt::Display for Origin {
    /// As it stands in the tag.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.repository, self.snapshot)
    }
}

impl Origin {
    /// What a snapshot says that it is a copy of.
    pub fn of_copy(snapshot: &Snapshot) -> Option<Self> {
        let (repository, of) = snapshot.tags.get(COPIED_FROM)?.split_once('/')?;
        Some(Self {
            repository: RepositoryId::from_hex(repository)?,
            snapshot: SnapshotId::from_hex(of)?,
        })
    }

    /// The copies among the live snapshots of a repository, by what they are copies of.
    pub fn copies(state: &State) -> BTreeMap<Self, &Snapshot> {
        let copies = state.snapshots.values();
        copies
            .filter_map(|copy| Some((Self::of_copy(copy)?, copy)))
            .collect()
    }

    /// The live snapshot of `target`, in `state`, that is the same as `snapshot` of `source`: a
    /// copy of it, or what it is itself a copy of.
    pub fn same<'s>(
        source: RepositoryId,
        snapshot: &Snapshot,
        target: RepositoryId,
        state: &'s State,
    ) -> Option<&'s Snapshot> {
        let origin = Self {
            repository: source,
            snapshot: snapshot.id,
        };
        let back = Self::of_copy(snapshot).filter(|origin| origin.repository == target);
        let back = back.and_then(|origin| state.snapshots.get(&origin.snapshot));
        back.or_else(|| Self::copies(state).get(&origin).copied())
    }
}
