//! What a maintenance run has done, and what waits for whom.

use crate::log::Role;
use crate::model::SessionId;

/// So many objects.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Amount {
    /// Packs.
    pub packs: u64,
    /// Their stored bytes, as far as they are known.
    pub bytes: u64,
    /// Segments, folds and side objects.
    pub others: u64,
}

impl Amount {
    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.packs == 0 && self.others == 0
    }

    pub(super) fn add(&mut self, more: Self) {
        self.packs += more.packs;
        self.bytes += more.bytes;
        self.others += more.others;
    }
}

/// A session that something condemned waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitsFor {
    /// The session.
    pub session: SessionId,
    /// Number of its `Begin`.
    pub begun: u64,
    /// What it is for.
    pub role: Role,
    /// Program and version.
    pub client: String,
    /// The volume that it saves.
    pub volume: Option<String>,
}

/// What one `Condemn` named and was not deleted yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Number of the `Condemn`.
    pub entry: u64,
    /// What waits.
    pub amount: Amount,
    /// When the time of grace is over, in milliseconds since 1970, if it is not yet.
    pub until_ms: Option<u64>,
    /// Open sessions that may still rely on it.
    pub sessions: Vec<WaitsFor>,
}

/// What a run has done; of a dry run, what it would have.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MaintainReport {
    /// Live snapshots.
    pub snapshots: u64,
    /// Packs that are named and not condemned after the run.
    pub packs: u64,
    /// Their stored bytes.
    pub bytes: u64,
    /// Dead bytes in them, by the share of the plain bytes.
    pub unused_bytes: u64,
    /// Sweeps of others that were finished.
    pub finished: u64,
    /// Objects that had been swept, had come back, and were deleted again.
    pub reappeared: u64,
    /// Sessions that were declared dead.
    pub killed: Vec<SessionId>,
    /// Condemned packs that something live needs, which were brought back.
    pub rescued: u64,
    /// Dead checkpoints that cannot be carried on any more.
    pub broken: u64,
    /// What was condemned.
    pub condemned: Amount,
    /// What was swept and deleted.
    pub swept: Amount,
    /// What is condemned and stays for now.
    pub waiting: Vec<Waiting>,
    /// Packs out of which was copied what lives in them.
    pub repacked: Amount,
    /// Packs that it was copied into.
    pub keepers: Amount,
    /// Index segments that were merged.
    pub merged: u64,
    /// Whether a fold was written.
    pub folded: bool,
    /// Packs that can only go when more chunks were read elsewhere: the next run does.
    pub postponed: u64,
    /// What was wrong and stopped nothing.
    pub notes: Vec<String>,
}
