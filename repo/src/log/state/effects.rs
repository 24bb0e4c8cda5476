//! What an entry changes (FORMAT.md section 10.2). Pure: no I/O, no clock.

use std::collections::BTreeSet;

use super::super::entry::{Begin, Body, Commit, Feature, Generation, SegmentRef, Sweep};
use super::{Bond, Condemned, Forgotten, OlderKeys, OpenSweep, Session, State};
use crate::flaws::{Flaw, is_left_out};
use crate::model::{ObjectHash, PackSet, SessionId};

impl State {
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
                self.note_age(c.session, &c.packs, &c.adopted);
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
                if is_left_out(Flaw::RelocateDropsEntries) {
                    self.segments
                        .retain(|s| relocate.old.first_of(s.session).is_none());
                }
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
            Body::Generation(generation) => self.start_keys(generation, number),
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
        let pins = !is_left_out(Flaw::BeginPinsNothing);
        let mut relied = PackSet::new();
        for adopted in begin
            .adopts
            .iter()
            .filter(|_| pins)
            .filter_map(|id| self.sessions.get(id))
        {
            relied.extend(&adopted.packs);
            relied.extend(&adopted.relied);
        }
        let session = Session {
            begun: number,
            role: begin.role,
            base: begin.base.filter(|_| pins),
            adopts: begin.adopts.iter().copied().filter(|_| pins).collect(),
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

    /// Everything that is there is of an older generation of keys from now on.
    fn start_keys(&mut self, started: &Generation, number: u64) {
        let mut packs = self.packs.clone();
        for older in self.older_keys.values() {
            packs.subtract(&older.packs);
        }
        let older = OlderKeys {
            ended: number,
            packs,
        };
        self.older_keys.insert(self.key_generation, older);
        self.key_generation = started.number;
        self.slots = started.slots.iter().cloned().collect();
    }

    /// Notes packs that may hold blocks of an older generation of keys, because their session was
    /// opened before the newest was started. Of a session that is forgotten this is not known.
    fn note_age(&mut self, session: SessionId, own: &PackSet, adopted: &PackSet) {
        if self.older_keys.is_empty() {
            return;
        }
        let begun = |id| self.sessions.get(&id).map(|session| session.begun);
        let mut aged: Vec<(Option<u64>, PackSet)> = vec![(begun(session), own.clone())];
        for pack in adopted.iter() {
            aged.push((begun(pack.session), std::iter::once(pack).collect()));
        }
        let newest = self.older_keys.keys().next_back().copied();
        for (begun, packs) in aged {
            let generation = match begun {
                Some(begun) => {
                    let mut older = self.older_keys.iter();
                    let found = older.find(|(_, older)| begun < older.ended);
                    found.map(|(generation, _)| *generation)
                }
                None => newest,
            };
            if let Some(older) = generation.and_then(|g| self.older_keys.get_mut(&g)) {
                older.packs.extend(&packs);
            }
        }
    }

    fn commit(&mut self, c: &Commit) {
        self.note_age(c.session, &c.packs, &c.adopted);
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

    /// Takes condemned packs back. Packs that are named stay, condemned or not, and nothing moves
    /// out of them any more: bonds do not wait for their sweep.
    fn rescue(&mut self, packs: &PackSet) {
        if packs.is_empty() {
            return;
        }
        for condemned in &mut self.condemned {
            condemned.packs.subtract(packs);
        }
        if !is_left_out(Flaw::BondNeverEnds) {
            for bond in &mut self.bonds {
                bond.old.subtract(packs);
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
        if !is_left_out(Flaw::SweptForgotten) {
            self.swept.extend(&sweep.packs);
        }
        for older in self.older_keys.values_mut() {
            older.packs.subtract(&sweep.packs);
        }
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
        if !is_left_out(Flaw::BondNeverEnds) {
            for bond in &mut self.bonds {
                bond.old.subtract(&sweep.packs);
            }
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
