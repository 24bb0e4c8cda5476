//! What a repair has found and done.

use crate::check::CheckReport;
use crate::log::{BrokenEntries, Role, Seen};
use crate::model::{ObjectName, PackName, SessionId};

/// What a repair of the log has found and done; in a trial run, would do.
#[derive(Debug, Default)]
pub struct LogRepair {
    /// Entries of the newest log generation that cannot be used, ascending.
    pub broken: Vec<BrokenEntries>,
    /// Nothing was done: somebody has to accept that what some of them said is lost.
    pub refused: bool,
    /// Sessions that were open when such an entry was written. If one of them is a backup, it may
    /// have ended with it, and its snapshot is lost. They were declared dead.
    pub sessions: Vec<LostSession>,
    /// Packs that no entry named any more and that were found whole; they are named again.
    pub packs_adopted: u64,
    /// Bytes of these.
    pub bytes_adopted: u64,
    /// The log generation that was begun.
    pub generation: Option<u16>,
    /// Objects that were stored again as they were.
    pub restored: Vec<ObjectName>,
    /// Key slots that cannot be read and were taken out of the log: what opened them opens nothing.
    pub slots: Vec<String>,
    /// Whether a fold was made anew.
    pub folded: bool,
    /// The end of the log.
    pub seen: Option<Seen>,
}

impl LogRepair {
    /// Whether there was anything to do.
    pub fn is_needed(&self) -> bool {
        !self.broken.is_empty()
            || self.generation.is_some()
            || !self.restored.is_empty()
            || !self.slots.is_empty()
            || self.folded
    }
}

/// An open session whose end nobody knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LostSession {
    /// The session.
    pub id: SessionId,
    /// What it was for.
    pub role: Role,
    /// The volume that it saved.
    pub volume: Option<String>,
    /// Program and version.
    pub client: String,
}

/// What a repair of the index has found and done; in a trial run, would do.
#[derive(Debug, Default)]
pub struct IndexRepair {
    /// Segments that cannot be used.
    pub replaced: Vec<ObjectName>,
    /// Packs that were listed anew.
    pub listed: Vec<PackName>,
    /// Packs that nothing lists and that cannot be, with the reason: they are gone, or what they
    /// list of themselves is damaged. What is in them is found by the trees that need it.
    pub unlisted: Vec<(PackName, String)>,
    /// Packs that were listed and in which something is damaged.
    pub damaged: Vec<(PackName, String)>,
    /// Segments that were written.
    pub written: u64,
    /// Whether a fold was made anew.
    pub folded: bool,
}

impl IndexRepair {
    /// Whether there was anything to do.
    pub fn is_needed(&self) -> bool {
        !self.replaced.is_empty() || !self.listed.is_empty() || self.folded
    }
}

/// What a repair of the snapshots has found and done; in a trial run, would do.
#[derive(Debug, Default)]
pub struct SnapshotRepair {
    /// What was found, with every file of every snapshot that is hurt, also by what an earlier run
    /// has declared lost.
    pub found: CheckReport,
    /// Chunks and pages that were declared lost.
    pub lost: u64,
    /// Those that were, and can be read again: the declaration was taken back.
    pub back: u64,
    /// Chunks and pages that were copied out of damaged packs.
    pub salvaged: u64,
    /// Packs that they were copied out of.
    pub salvaged_from: Vec<PackName>,
}

impl SnapshotRepair {
    /// Whether there was anything to do.
    pub fn is_needed(&self) -> bool {
        self.lost > 0 || self.back > 0 || self.salvaged > 0
    }
}
