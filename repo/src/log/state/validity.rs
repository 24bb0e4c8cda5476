//! Which entries may stand next (FORMAT.md section 10.2). Pure: no I/O, no clock.

use std::collections::BTreeSet;

use super::super::entry::{
    Begin, Body, Commit, Condemn, Generation, Relocate, SegmentRef, Sweep, Unforget,
};
use super::{Invalid, State};
use crate::flaws::{Flaw, is_left_out};
use crate::model::{ObjectHash, ObjectName, PackName, PackSet, SessionId, SnapshotId};

impl State {
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
            Body::Generation(generation) => self.validate_generation(generation),
        }
    }

    fn validate_generation(&self, generation: &Generation) -> Result<(), Invalid> {
        if Some(generation.number) != self.key_generation.checked_add(1) {
            return Err(Invalid::Generation(generation.number));
        }
        // Slots of the generation before open nothing that follows, and nobody may be locked out.
        if generation.slots.is_empty() {
            return Err(Invalid::NoSlots);
        }
        let mut names = BTreeSet::new();
        let mut slots = generation.slots.iter();
        match slots.find(|(name, _)| self.slots.contains_key(name) || !names.insert(name)) {
            Some((name, _)) => Err(Invalid::Slot(name.clone())),
            None => Ok(()),
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
    pub(in crate::log) fn follows(&self, body: &Body) -> bool {
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
        if is_left_out(Flaw::BeginChecksNothing) {
            return Ok(());
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
        if !is_left_out(Flaw::KillNotLookedFor) {
            self.open_session(session)?;
        }
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
        let mut unknown = relied.clone();
        for known in [&self.packs, adopted, own] {
            unknown.subtract(known);
        }
        if let Some(pack) = unknown.iter().next() {
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
                let idle = !is_left_out(Flaw::SweepIgnoresIdleSessions)
                    && session.begun < condemned.number
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
}
