//! What all entries of the log add up to. Pure: no I/O, no clock.
//!
//! ```text
//! mod        what a state holds, and questions about it
//! validity   which entries may stand next
//! effects    what an entry changes
//! ```

mod effects;
mod invalid;
mod validity;

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

pub use self::invalid::Invalid;
use super::entry::{Role, SegmentRef};
use crate::model::{ObjectHash, PackName, PackSet, SessionId, SnapshotId};
use crate::snapshot::{RootRef, Snapshot};

/// A session that is open, or dead with a checkpoint that can still be adopted.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Session {
    /// Number of its `Begin`.
    #[n(0)]
    pub begun: u64,
    /// What it is for.
    #[n(1)]
    pub role: Role,
    /// The snapshot that it pins.
    #[n(2)]
    pub base: Option<SnapshotId>,
    /// Dead sessions whose checkpoints it pins.
    #[n(3)]
    pub adopts: Vec<SessionId>,
    /// UID of the object that asked for the work.
    #[n(4)]
    pub owner: Option<String>,
    /// Program and version.
    #[n(5)]
    pub client: String,
    /// Packs that its checkpoints named as its own.
    #[n(6)]
    pub packs: PackSet,
    /// Packs that its checkpoints rely on, adopted ones included, and from its `Begin` on all that
    /// the checkpoints that it adopts name.
    #[n(7)]
    pub relied: PackSet,
    /// Tree of what its last checkpoint holds.
    #[n(8)]
    pub partial: Option<RootRef>,
    /// Number of its last checkpoint.
    #[n(9)]
    pub checkpoint: Option<u64>,
    /// Ended or killed: no longer a root, adoptable until a `Condemn` breaks it.
    #[n(10)]
    pub dead: bool,
    /// The volume that it saves.
    #[n(11)]
    pub volume: Option<String>,
}

/// Packs announced as unreferenced.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Condemned {
    /// Number of the `Condemn`.
    #[n(0)]
    pub number: u64,
    /// Those of its packs that nobody has rescued or swept since.
    #[n(1)]
    pub packs: PackSet,
    /// Other objects that it named.
    #[n(2)]
    pub others: BTreeSet<String>,
}

/// A `Sweep` whose deletions are not known to be complete.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct OpenSweep {
    /// Number of the `Sweep`.
    #[n(0)]
    pub number: u64,
    /// Its packs.
    #[n(1)]
    pub packs: PackSet,
    /// Its segments.
    #[n(2)]
    pub segments: Vec<SegmentRef>,
    /// Other objects.
    #[n(3)]
    pub others: Vec<String>,
}

/// Keepers that may not be condemned until the packs that they replace are swept or rescued.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Bond {
    /// Number of the `Relocate`.
    #[n(0)]
    pub number: u64,
    /// Packs copied from, not yet swept or rescued.
    #[n(1)]
    pub old: PackSet,
    /// Packs copied to.
    #[n(2)]
    pub keepers: PackSet,
}

/// What was sealed while an older generation of keys was in force.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct OlderKeys {
    /// Number of the entry that started the next generation.
    #[n(0)]
    pub ended: u64,
    /// Packs that stand in the log and may hold blocks of this generation: those that were named
    /// under it, and those of sessions that were opened under it.
    #[n(1)]
    pub packs: PackSet,
}

/// A forgotten snapshot that may still be brought back.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Forgotten {
    /// Number of the `Forget`.
    #[n(0)]
    pub number: u64,
    /// Its record.
    #[n(1)]
    pub snapshot: Snapshot,
}

/// The state of a repository after an entry. Encoded, it is a fold (FORMAT.md section 10.4).
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct State {
    /// Log generation.
    #[n(0)]
    pub generation: u16,
    /// Number of the next entry.
    #[n(1)]
    pub next: u64,
    /// Hash of the entry before it; zeros before the first.
    #[n(2)]
    pub head: ObjectHash,
    /// Live snapshots.
    #[n(3)]
    pub snapshots: BTreeMap<SnapshotId, Snapshot>,
    /// Open sessions and dead ones that can be adopted.
    #[n(4)]
    pub sessions: BTreeMap<SessionId, Session>,
    /// Live segments.
    #[n(5)]
    pub segments: BTreeSet<SegmentRef>,
    /// Packs that an entry has named and no `Sweep` has; condemned ones are among them.
    #[n(6)]
    pub packs: PackSet,
    /// Packs announced as unreferenced.
    #[n(7)]
    pub condemned: Vec<Condemned>,
    /// Every pack that a `Sweep` ever named: dead for ever.
    #[n(8)]
    pub swept: PackSet,
    /// Sweeps whose deletions may be unfinished.
    #[n(9)]
    pub sweeps: Vec<OpenSweep>,
    /// Keepers under bond.
    #[n(10)]
    pub bonds: Vec<Bond>,
    /// Forgotten snapshots that may come back.
    #[n(11)]
    pub forgotten: BTreeMap<SnapshotId, Forgotten>,
    /// UIDs of forgotten snapshots: their owner must not store them again.
    #[n(12)]
    pub forgotten_owners: BTreeSet<String>,
    /// Key slots: name to hash.
    #[n(13)]
    pub slots: BTreeMap<String, ObjectHash>,
    /// Newest generation of keys.
    #[n(14)]
    pub key_generation: u32,
    /// Features needed to read.
    #[n(15)]
    pub read_features: BTreeSet<String>,
    /// Features needed to write.
    #[n(16)]
    pub write_features: BTreeSet<String>,
    /// Features needed to collect.
    #[n(17)]
    pub collect_features: BTreeSet<String>,
    /// Prefixes of the ids of lost chunks.
    #[n(18)]
    pub lost: BTreeSet<minicbor::bytes::ByteArray<16>>,
    /// Every other object that a `Sweep` ever named.
    #[n(19)]
    pub dead_objects: BTreeSet<String>,
    /// Number of the last entry of a kind that this version does not know.
    #[n(20)]
    pub unknown_entry: Option<u64>,
    /// Set by `Close`: the next log generation.
    #[n(21)]
    pub closed: Option<u16>,
    /// Hash of `meta/format`, from `Init`.
    #[n(22)]
    pub format: Option<ObjectHash>,
    /// Generations of keys before the newest.
    #[n(23)]
    pub older_keys: BTreeMap<u32, OlderKeys>,
}

impl State {
    /// The state before the first entry of a log generation.
    pub fn empty(generation: u16) -> Self {
        Self {
            generation,
            next: 0,
            head: ObjectHash::from_bytes([0; ObjectHash::LEN]),
            snapshots: BTreeMap::new(),
            sessions: BTreeMap::new(),
            segments: BTreeSet::new(),
            packs: PackSet::new(),
            condemned: Vec::new(),
            swept: PackSet::new(),
            sweeps: Vec::new(),
            bonds: Vec::new(),
            forgotten: BTreeMap::new(),
            forgotten_owners: BTreeSet::new(),
            slots: BTreeMap::new(),
            key_generation: 1,
            read_features: BTreeSet::new(),
            write_features: BTreeSet::new(),
            collect_features: BTreeSet::new(),
            lost: BTreeSet::new(),
            dead_objects: BTreeSet::new(),
            unknown_entry: None,
            closed: None,
            format: None,
            older_keys: BTreeMap::new(),
        }
    }

    /// The open session of that name.
    pub fn open_session(&self, id: SessionId) -> Result<&Session, Invalid> {
        self.sessions
            .get(&id)
            .filter(|s| !s.dead)
            .ok_or(Invalid::SessionNotOpen(id))
    }

    /// Whether a chunk that stands in `pack` may be relied on: an entry named the pack, no
    /// `Sweep` has, and it is not condemned (a condemned pack would have to be rescued).
    pub fn is_reliable(&self, pack: PackName) -> bool {
        self.packs.contains(pack) && !self.is_condemned(pack)
    }

    /// The oldest generation of keys that something in `pack` may be sealed under.
    pub fn key_generation_of(&self, pack: PackName) -> u32 {
        let mut older = self.older_keys.iter();
        let found = older.find(|(_, older)| older.packs.contains(pack));
        found.map_or(self.key_generation, |(generation, _)| *generation)
    }

    /// Whether `pack` is condemned and neither rescued nor swept.
    pub fn is_condemned(&self, pack: PackName) -> bool {
        self.condemned.iter().any(|c| c.packs.contains(pack))
    }

    /// Whether this version may open the repository: it knows every feature needed to read.
    pub fn is_readable(&self) -> bool {
        self.read_features.is_empty()
    }

    /// Whether this version may append: it knows every feature and every entry so far. (Version 1
    /// defines no features.)
    pub fn is_writable(&self) -> bool {
        self.is_understood() && self.closed.is_none()
    }

    /// Whether this version knows every feature and every entry so far.
    pub(in crate::log) fn is_understood(&self) -> bool {
        self.is_readable() && self.write_features.is_empty() && self.unknown_entry.is_none()
    }

    /// Log generation in which the entry [`Self::next`] stands: another one after `Close`.
    pub fn next_generation(&self) -> u16 {
        self.closed.unwrap_or(self.generation)
    }

    /// The live snapshot of an owner.
    pub fn snapshot_of_owner(&self, owner: &str) -> Option<&Snapshot> {
        self.snapshots
            .values()
            .find(|s| s.owner.as_deref() == Some(owner))
    }
}

#[cfg(test)]
mod tests;
