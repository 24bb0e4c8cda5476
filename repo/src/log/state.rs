//! What all entries of the log add up to. Pure: no I/O, no clock.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

use super::entry::{
    Begin, Body, Commit, Condemn, Feature, Relocate, Role, SegmentRef, Sweep, Unforget,
};
use crate::model::{ObjectHash, ObjectName, PackName, PackSet, SessionId, SnapshotId};
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
}

/// Why an entry may not be appended in a state.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// A session of that name exists.
    #[error("session {0} exists already")]
    SessionExists(SessionId),
    /// The session was killed by somebody who took it for dead, or has ended.
    #[error("session {0} is no longer open: it has ended or was declared dead")]
    SessionNotOpen(SessionId),
    /// The snapshot is not live (any more).
    #[error("snapshot {0} is not in the repository (any more)")]
    NoSnapshot(SnapshotId),
    /// The checkpoint of the session cannot be adopted.
    #[error("the checkpoint of session {0} is gone or broken")]
    NotAdoptable(SessionId),
    /// The pack was named by a `Sweep`: its chunks are gone.
    #[error("{0} was swept: what relied on it must be stored again")]
    Swept(PackName),
    /// The pack is in no entry, or belongs to another session.
    #[error("{0} is not known to the log")]
    UnknownPack(PackName),
    /// The pack is condemned, so nothing may move onto it.
    #[error("{0} is condemned")]
    Condemned(PackName),
    /// The pack is not condemned.
    #[error("{0} is not condemned")]
    NotCondemned(PackName),
    /// An open session goes on from the checkpoint of that session.
    #[error("the checkpoint of session {0} is being carried on")]
    Adopted(SessionId),
    /// The pack keeps chunks of a pack that is about to go.
    #[error("{0} keeps chunks of another pack")]
    Bonded(PackName),
    /// An open session may still rely on the pack.
    #[error("session {session} may still rely on {pack}")]
    InUse {
        /// The pack.
        pack: PackName,
        /// The session.
        session: SessionId,
    },
    /// The segment is not (or already) in the index.
    #[error("index segment {}/{} is not in the expected state", .0.session, .0.number)]
    Segment(SegmentRef),
    /// A snapshot of that UID is there: the work is done.
    #[error("the snapshot {0} was already committed for the same owner")]
    AlreadyCommitted(SnapshotId),
    /// The snapshot of that UID was forgotten.
    #[error("a snapshot for owner {0} was stored and forgotten")]
    OwnerForgotten(String),
    /// The object is in use, or nothing that may be collected.
    #[error("{0} may not be collected")]
    NotCollectable(String),
    /// There is no `Sweep` with that number left to finish.
    #[error("entry {0} is no unfinished sweep")]
    NoSweep(u64),
    /// The fold is of an entry that is not there yet.
    #[error("there is no entry {0} to fold")]
    Fold(u64),
    /// A slot of that name is there, or is not, or is the last that opens the repository.
    #[error("key slot {0} is not in the expected state")]
    Slot(String),
    /// A key generation out of turn.
    #[error("key generation {0} is not the next one")]
    Generation(u32),
    /// The generation of the log is not closed, or was opened already.
    #[error("the log does not go on in another generation here")]
    NotClosed,
    /// The log was closed or holds something newer; only reading is safe.
    #[error("the log needs a newer version of the program: only reading is possible")]
    ReadOnly,
    /// `Init` stands first and only there.
    #[error("an init entry can only be the first one")]
    Init,
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
    pub(super) fn is_understood(&self) -> bool {
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

    /// Whether an entry with this body may stand at [`Self::next`].
    pub fn validate(&self, body: &Body) -> Result<(), Invalid> {
        if matches!(body, Body::Init(_)) != (self.next == 0) {
            return Err(Invalid::Init);
        }
        if matches!(body, Body::Open(_)) {
            return self.validate_open(body);
        }
        if !self.is_writable() {
            return Err(Invalid::ReadOnly);
        }
        let collects = matches!(
            body,
            Body::Condemn(_) | Body::Sweep(_) | Body::Relocate(_) | Body::MergeIndex(_)
        );
        if collects && !self.collect_features.is_empty() {
            return Err(Invalid::ReadOnly);
        }
        match body {
            Body::Fold(fold) if fold.number >= self.next => Err(Invalid::Fold(fold.number)),
            Body::Init(_) | Body::Fold(_) | Body::Lost(_) | Body::Found(_) | Body::Feature(_) => {
                Ok(())
            }
            Body::Close(close) if close.next > self.generation => Ok(()),
            Body::Close(_) | Body::Open(_) | Body::Unknown(_) => Err(Invalid::ReadOnly),
            Body::Begin(begin) => self.validate_begin(begin),
            Body::Checkpoint(c) => {
                self.validate_names(c.session, &c.packs, &c.segments, &c.relied, &c.adopted)
            }
            Body::Commit(commit) => self.validate_commit(commit),
            Body::End(session) | Body::Kill(session) => self.open_session(*session).map(|_| ()),
            Body::Forget(forget) => forget.snapshots.iter().try_for_each(|id| self.live(*id)),
            Body::Unforget(unforget) => self.validate_unforget(unforget),
            Body::Condemn(condemn) => self.validate_condemn(condemn),
            Body::Sweep(sweep) => self.validate_sweep(sweep),
            Body::Swept(swept) => self
                .sweeps
                .iter()
                .any(|s| s.number == swept.sweep)
                .then_some(())
                .ok_or(Invalid::NoSweep(swept.sweep)),
            Body::Relocate(relocate) => self.validate_relocate(relocate),
            Body::MergeIndex(merge) => {
                self.open_session(merge.session)?;
                merge.removed.iter().try_for_each(|s| {
                    self.segments
                        .contains(s)
                        .then_some(())
                        .ok_or(Invalid::Segment(*s))
                })?;
                self.new_segments(&merge.added)
            }
            Body::SlotAdd(slot) if self.slots.contains_key(&slot.name) => {
                Err(Invalid::Slot(slot.name.clone()))
            }
            Body::SlotRemove(slot)
                if !self.slots.contains_key(&slot.name) || self.slots.len() == 1 =>
            {
                Err(Invalid::Slot(slot.name.clone()))
            }
            Body::SlotAdd(_) | Body::SlotRemove(_) => Ok(()),
            Body::Generation(generation) => (Some(generation.number)
                == self.key_generation.checked_add(1))
            .then_some(())
            .ok_or(Invalid::Generation(generation.number)),
        }
    }

    fn validate_open(&self, body: &Body) -> Result<(), Invalid> {
        if !self.is_understood() {
            return Err(Invalid::ReadOnly);
        }
        self.follows(body).then_some(()).ok_or(Invalid::NotClosed)
    }

    /// Whether a body may follow on from the entry before it: after `Close`, and only there, a
    /// log generation is opened.
    pub(super) fn follows(&self, body: &Body) -> bool {
        match body {
            Body::Open(open) => {
                self.closed.is_some()
                    && open.generation == self.generation
                    && open.number.checked_add(1) == Some(self.next)
                    && open.close == self.head
            }
            _ => self.closed.is_none(),
        }
    }

    fn live(&self, id: SnapshotId) -> Result<(), Invalid> {
        self.snapshots
            .contains_key(&id)
            .then_some(())
            .ok_or(Invalid::NoSnapshot(id))
    }

    fn validate_begin(&self, begin: &Begin) -> Result<(), Invalid> {
        if self.sessions.contains_key(&begin.session) {
            return Err(Invalid::SessionExists(begin.session));
        }
        begin.base.map_or(Ok(()), |base| self.live(base))?;
        begin.adopts.iter().try_for_each(|&id| self.adoptable(id))
    }

    /// Whether a `Begin` may adopt the session: it is dead, has a checkpoint, and nothing below
    /// that is condemned or swept.
    pub fn adoptable(&self, id: SessionId) -> Result<(), Invalid> {
        let dead = self
            .sessions
            .get(&id)
            .filter(|s| s.dead && s.checkpoint.is_some())
            .ok_or(Invalid::NotAdoptable(id))?;
        let broken = |packs: &PackSet| {
            packs.common(&self.swept).is_some()
                || self
                    .condemned
                    .iter()
                    .any(|c| packs.common(&c.packs).is_some())
        };
        if broken(&dead.packs) || broken(&dead.relied) {
            return Err(Invalid::NotAdoptable(id));
        }
        Ok(())
    }

    fn validate_names(
        &self,
        session: SessionId,
        own: &PackSet,
        segments: &[SegmentRef],
        relied: &PackSet,
        adopted: &PackSet,
    ) -> Result<(), Invalid> {
        self.open_session(session)?;
        for set in [own, relied, adopted] {
            if let Some(pack) = set.common(&self.swept) {
                return Err(Invalid::Swept(pack));
            }
        }
        if let Some(pack) = own.sessions().find(|&s| s != session) {
            return Err(Invalid::UnknownPack(PackName {
                session: pack,
                number: 0,
            }));
        }
        if let Some(open) = adopted
            .sessions()
            .find(|s| *s == session || self.sessions.get(s).is_some_and(|other| !other.dead))
        {
            return Err(Invalid::NotAdoptable(open));
        }
        if let Some(pack) = relied.missing_from(&self.packs)
            && !adopted.contains(pack)
            && !own.contains(pack)
        {
            return Err(Invalid::UnknownPack(pack));
        }
        self.new_segments(segments)
    }

    /// Names are never reused: none of these is live, was swept, or stands here twice.
    fn new_segments(&self, segments: &[SegmentRef]) -> Result<(), Invalid> {
        let mut names = BTreeSet::new();
        match segments.iter().find(|s| {
            !names.insert((s.session, s.number))
                || self.live_segment(s.session, s.number)
                || self.dead_objects.contains(s.name().as_str())
        }) {
            Some(known) => Err(Invalid::Segment(*known)),
            None => Ok(()),
        }
    }

    fn live_segment(&self, session: SessionId, number: u32) -> bool {
        let first = SegmentRef {
            session,
            number,
            len: 0,
            hash: ObjectHash::from_bytes([0; ObjectHash::LEN]),
        };
        self.segments
            .range(first..)
            .next()
            .is_some_and(|s| (s.session, s.number) == (session, number))
    }

    fn validate_commit(&self, c: &Commit) -> Result<(), Invalid> {
        self.validate_names(c.session, &c.packs, &c.segments, &c.relied, &c.adopted)?;
        if self.snapshots.contains_key(&c.snapshot.id)
            || self.forgotten.contains_key(&c.snapshot.id)
        {
            return Err(Invalid::AlreadyCommitted(c.snapshot.id));
        }
        if let Some(owner) = &c.snapshot.owner {
            if let Some(done) = self.snapshot_of_owner(owner) {
                return Err(Invalid::AlreadyCommitted(done.id));
            }
            if self.forgotten_owners.contains(owner) {
                return Err(Invalid::OwnerForgotten(owner.clone()));
            }
        }
        Ok(())
    }

    fn validate_unforget(&self, unforget: &Unforget) -> Result<(), Invalid> {
        self.validate_names(
            unforget.session,
            &PackSet::new(),
            &[],
            &unforget.relied,
            &PackSet::new(),
        )?;
        match unforget
            .snapshots
            .iter()
            .find(|id| !self.forgotten.contains_key(id))
        {
            Some(&id) => Err(Invalid::NoSnapshot(id)),
            None => Ok(()),
        }
    }

    /// The part of the rule that the state can judge; the mark itself is the maintainer's to hold.
    fn validate_condemn(&self, condemn: &Condemn) -> Result<(), Invalid> {
        if let Some(pack) = condemn.packs.common(&self.swept) {
            return Err(Invalid::Swept(pack));
        }
        for bond in &self.bonds {
            if let Some(pack) = condemn.packs.common(&bond.keepers) {
                return Err(Invalid::Bonded(pack));
            }
        }
        for (&id, session) in self.sessions.iter().filter(|(_, s)| !s.dead) {
            let used = condemn.packs.common(&session.packs);
            if let Some(pack) = used.or_else(|| condemn.packs.common(&session.relied)) {
                return Err(Invalid::InUse { pack, session: id });
            }
            // Uploaded and not yet named.
            if let Some(pack) = condemn.packs.first_of(id) {
                return Err(Invalid::InUse { pack, session: id });
            }
            if let Some(&broken) = condemn.broken.iter().find(|&b| session.adopts.contains(b)) {
                return Err(Invalid::Adopted(broken));
            }
        }
        if let Some(&open) = condemn
            .broken
            .iter()
            .find(|b| self.sessions.get(b).is_none_or(|s| !s.dead))
        {
            return Err(Invalid::NotAdoptable(open));
        }
        match condemn.others.iter().find(|name| !self.collectable(name)) {
            Some(name) => Err(Invalid::NotCollectable(name.clone())),
            None => Ok(()),
        }
    }

    /// Whether an object other than a pack may be garbage: a fold, or a segment or side object
    /// that is not live and whose session is not open.
    fn collectable(&self, name: &str) -> bool {
        if self.dead_objects.contains(name) {
            return false;
        }
        if name.starts_with("meta/folds/") {
            return ObjectName::parse(name).is_ok();
        }
        let (is_segment, rest) = match name.split_once('/') {
            Some(("index", rest)) => (true, rest),
            Some(("side", rest)) => (false, rest),
            _ => return false,
        };
        let Some((session, number)) = rest.split_once('/') else {
            return false;
        };
        let (Some(session), Ok(number)) = (SessionId::from_hex(session), number.parse::<u32>())
        else {
            return false;
        };
        let canonical = if is_segment {
            ObjectName::segment(session, number)
        } else {
            ObjectName::side(session, number)
        };
        canonical.as_str() == name
            && self.open_session(session).is_err()
            && !(is_segment && self.live_segment(session, number))
    }

    fn validate_sweep(&self, sweep: &Sweep) -> Result<(), Invalid> {
        let mut left = sweep.packs.clone();
        for condemned in &self.condemned {
            let packs = left.intersection(&condemned.packs);
            left.subtract(&packs);
            let Some(some) = packs.iter().next() else {
                continue;
            };
            for (&id, session) in self.sessions.iter().filter(|(_, s)| !s.dead) {
                let idle = session.begun < condemned.number
                    && session.checkpoint.is_none_or(|n| n < condemned.number);
                let used = packs.common(&session.packs);
                let pack = used
                    .or_else(|| packs.common(&session.relied))
                    .or_else(|| idle.then_some(some));
                if let Some(pack) = pack {
                    return Err(Invalid::InUse { pack, session: id });
                }
            }
        }
        if let Some(pack) = left.iter().next() {
            return Err(Invalid::NotCondemned(pack));
        }
        if let Some(segment) = sweep.segments.iter().find(|s| !self.segments.contains(s)) {
            return Err(Invalid::Segment(*segment));
        }
        let condemned = |name| self.condemned.iter().any(|c| c.others.contains(name));
        match sweep.others.iter().find(|&name| !condemned(name)) {
            Some(name) => Err(Invalid::NotCollectable(name.clone())),
            None => Ok(()),
        }
    }

    fn validate_relocate(&self, relocate: &Relocate) -> Result<(), Invalid> {
        self.open_session(relocate.session)?;
        if let Some(pack) = relocate.keepers.common(&self.swept) {
            return Err(Invalid::Swept(pack));
        }
        // Were an old pack gone already, the bond on the keepers would never end.
        if let Some(pack) = relocate.old.common(&self.swept) {
            return Err(Invalid::Swept(pack));
        }
        for set in [&relocate.keepers, &relocate.old] {
            if let Some(pack) = set.missing_from(&self.packs) {
                return Err(Invalid::UnknownPack(pack));
            }
        }
        if let Some(pack) = relocate.keepers.common(&relocate.old) {
            return Err(Invalid::Bonded(pack));
        }
        if let Some(pack) = self
            .condemned
            .iter()
            .find_map(|c| relocate.keepers.common(&c.packs))
        {
            return Err(Invalid::Condemned(pack));
        }
        if let Some(pack) = self
            .bonds
            .iter()
            .find_map(|b| relocate.old.common(&b.keepers))
        {
            return Err(Invalid::Bonded(pack));
        }
        self.new_segments(&relocate.segments)
    }

    /// Takes the effects of an entry that stands in the log at [`Self::next`].
    ///
    /// What stands in the log was valid for its author; it is not judged again.
    pub fn apply(&mut self, body: &Body, hash: ObjectHash) {
        let number = self.next;
        match body {
            Body::Init(init) => {
                self.format = Some(init.format);
                self.slots.extend(init.slots.iter().cloned());
            }
            Body::Begin(begin) => self.begin(begin, number),
            Body::Checkpoint(c) => {
                self.name(&c.packs, &c.segments, &c.relied, &c.adopted);
                if let Some(session) = self.sessions.get_mut(&c.session) {
                    session.packs.extend(&c.packs);
                    session.relied.extend(&c.relied);
                    session.relied.extend(&c.adopted);
                    session.checkpoint = Some(number);
                    if c.partial.is_some() {
                        session.partial = c.partial;
                    }
                }
            }
            Body::Commit(commit) => self.commit(commit),
            Body::End(session) | Body::Kill(session) => self.bury(*session),
            Body::Forget(forget) => {
                for id in &forget.snapshots {
                    if let Some(snapshot) = self.snapshots.remove(id) {
                        self.forgotten_owners.extend(snapshot.owner.clone());
                        self.forgotten.insert(*id, Forgotten { number, snapshot });
                    }
                }
            }
            Body::Unforget(unforget) => {
                self.rescue(&unforget.relied);
                for id in &unforget.snapshots {
                    if let Some(back) = self.forgotten.remove(id) {
                        if let Some(owner) = &back.snapshot.owner {
                            self.forgotten_owners.remove(owner);
                        }
                        self.snapshots.insert(*id, back.snapshot);
                    }
                }
            }
            Body::Condemn(condemn) => {
                for id in &condemn.broken {
                    if self.sessions.get(id).is_some_and(|s| s.dead) {
                        self.sessions.remove(id);
                    }
                }
                self.condemned.push(Condemned {
                    number,
                    packs: condemn.packs.clone(),
                    others: condemn.others.iter().cloned().collect(),
                });
                self.tidy();
            }
            Body::Sweep(sweep) => self.sweep(sweep, number),
            Body::Swept(swept) => self.sweeps.retain(|s| s.number != swept.sweep),
            Body::Relocate(relocate) => {
                self.add_segments(&relocate.segments);
                self.bonds.push(Bond {
                    number,
                    old: relocate.old.clone(),
                    keepers: relocate.keepers.clone(),
                });
                self.tidy();
            }
            Body::MergeIndex(merge) => {
                for segment in &merge.removed {
                    self.segments.remove(segment);
                }
                self.add_segments(&merge.added);
            }
            Body::Fold(_) => {}
            Body::SlotAdd(slot) => {
                self.slots.insert(slot.name.clone(), slot.hash);
            }
            Body::SlotRemove(slot) => {
                self.slots.remove(&slot.name);
            }
            Body::Generation(generation) => self.key_generation = generation.number,
            Body::Lost(lost) => self.lost.extend(lost.chunks.iter().copied()),
            Body::Found(found) => self.lost.retain(|id| !found.chunks.contains(id)),
            Body::Feature(feature) => self.raise(feature),
            Body::Close(close) => self.closed = Some(close.next),
            Body::Open(_) => self.generation = self.closed.take().unwrap_or(self.generation),
            Body::Unknown(_) => self.unknown_entry = Some(number),
        }
        self.next = number.saturating_add(1);
        self.head = hash;
    }

    fn raise(&mut self, feature: &Feature) {
        self.read_features.extend(feature.read.iter().cloned());
        self.write_features.extend(feature.write.iter().cloned());
        self.collect_features
            .extend(feature.collect.iter().cloned());
    }

    fn begin(&mut self, begin: &Begin, number: u64) {
        // What the adopted checkpoints name must outlive them: somebody may adopt this one.
        let mut relied = PackSet::new();
        for adopted in begin.adopts.iter().filter_map(|id| self.sessions.get(id)) {
            relied.extend(&adopted.packs);
            relied.extend(&adopted.relied);
        }
        let session = Session {
            begun: number,
            role: begin.role,
            base: begin.base,
            adopts: begin.adopts.clone(),
            owner: begin.owner.clone(),
            client: begin.client.clone(),
            packs: PackSet::new(),
            relied,
            partial: None,
            checkpoint: None,
            dead: false,
            volume: begin.volume.clone(),
        };
        self.sessions.insert(begin.session, session);
    }

    fn commit(&mut self, c: &Commit) {
        self.name(&c.packs, &c.segments, &c.relied, &c.adopted);
        if let Some(session) = self.sessions.remove(&c.session) {
            for set in [&session.packs, &session.relied] {
                self.rescue(set);
            }
            self.let_go(&session.adopts);
        }
        self.snapshots.insert(c.snapshot.id, c.snapshot.clone());
    }

    /// Makes packs and segments part of the repository and rescues those that were condemned.
    fn name(
        &mut self,
        own: &PackSet,
        segments: &[SegmentRef],
        relied: &PackSet,
        adopted: &PackSet,
    ) {
        self.packs.extend(own);
        self.packs.extend(adopted);
        self.add_segments(segments);
        for set in [own, relied, adopted] {
            self.rescue(set);
        }
    }

    /// Adds segments to the index. One that was condemned as an orphan is none any more.
    fn add_segments(&mut self, segments: &[SegmentRef]) {
        self.segments.extend(segments.iter().copied());
        if self.condemned.iter().any(|c| !c.others.is_empty()) {
            for segment in segments {
                let name = segment.name();
                for condemned in &mut self.condemned {
                    condemned.others.remove(name.as_str());
                }
            }
            self.tidy();
        }
    }

    /// Drops condemnations and bonds that hold nothing any more.
    fn tidy(&mut self) {
        self.condemned
            .retain(|c| !c.packs.is_empty() || !c.others.is_empty());
        self.bonds.retain(|b| !b.old.is_empty());
    }

    /// Takes condemned packs back, and with them the bonds that waited for their sweep.
    fn rescue(&mut self, packs: &PackSet) {
        if packs.is_empty() {
            return;
        }
        for condemned in &mut self.condemned {
            let back = condemned.packs.intersection(packs);
            condemned.packs.subtract(&back);
            for bond in &mut self.bonds {
                bond.old.subtract(&back);
            }
        }
        self.tidy();
    }

    /// Forgets dead sessions whose work a commit has carried to its end, unless another open
    /// session carries it on as well.
    fn let_go(&mut self, adopted: &[SessionId]) {
        for &id in adopted {
            let mut open = self.sessions.values().filter(|s| !s.dead);
            if !open.any(|s| s.adopts.contains(&id))
                && self.sessions.get(&id).is_some_and(|s| s.dead)
            {
                self.sessions.remove(&id);
            }
        }
    }

    /// Declares a session dead. Its checkpoint stays adoptable.
    fn bury(&mut self, id: SessionId) {
        match self.sessions.get_mut(&id) {
            Some(session) if session.checkpoint.is_some() => session.dead = true,
            Some(_) => {
                self.sessions.remove(&id);
            }
            None => {}
        }
    }

    fn sweep(&mut self, sweep: &Sweep, number: u64) {
        self.packs.subtract(&sweep.packs);
        self.swept.extend(&sweep.packs);
        for segment in &sweep.segments {
            self.segments.remove(segment);
            self.dead_objects.insert(segment.name().as_str().to_owned());
        }
        self.dead_objects.extend(sweep.others.iter().cloned());
        let mut newest = None;
        for condemned in &mut self.condemned {
            if condemned.packs.common(&sweep.packs).is_some() {
                newest = newest.max(Some(condemned.number));
            }
            condemned.packs.subtract(&sweep.packs);
            condemned.others.retain(|name| !sweep.others.contains(name));
        }
        for bond in &mut self.bonds {
            bond.old.subtract(&sweep.packs);
        }
        self.tidy();
        // What was forgotten before a condemnation may have lost chunks by it, unless a session
        // has pinned it since.
        let pinned: BTreeSet<_> = self
            .sessions
            .values()
            .filter(|s| !s.dead)
            .filter_map(|s| s.base)
            .collect();
        self.forgotten
            .retain(|id, f| Some(f.number) > newest || pinned.contains(id));
        // So may a dead checkpoint; `Condemn` broke those that it knew of.
        self.sessions.retain(|_, s| {
            !s.dead
                || (s.packs.common(&sweep.packs).is_none()
                    && s.relied.common(&sweep.packs).is_none())
        });
        self.sweeps.push(OpenSweep {
            number,
            packs: sweep.packs.clone(),
            segments: sweep.segments.clone(),
            others: sweep.others.clone(),
        });
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
