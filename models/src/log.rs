//! The state that the log adds up to: the rules of FORMAT.md section 10.2, in small sets.
//!
//! `tests/conformity.rs` holds these rules against those of `orlop_repo::log::State`.

use crate::entry::{Entry, Names, Role};
use crate::flaws::Flaw;
use crate::sets::{Chunks, Packs, Sessions, Snapshots, bit, meet, members, pack};

/// Sessions of a world, at most.
pub const SESSIONS: usize = 6;
/// Snapshots of a world, at most.
pub const SNAPSHOTS: usize = 4;
/// Packs of one session.
pub const PACKS_EACH: usize = 2;

/// Packs of a session, named or not.
pub const fn packs_of(session: usize) -> Packs {
    0b11 << (session * PACKS_EACH)
}

/// The session of a pack.
pub const fn session_of(pack: usize) -> usize {
    pack / PACKS_EACH
}

/// The one segment of a session that is not of one pack: what a merge makes.
pub const fn merged_segment(session: usize) -> usize {
    SESSIONS * PACKS_EACH + session / 2
}

/// A session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Session {
    /// Ended or killed.
    pub dead: bool,
    /// For what it was opened.
    pub role: Role,
    /// Number of its `Begin`.
    pub begun: u8,
    /// Pinned snapshot.
    pub base: Option<u8>,
    /// Dead sessions that it carries on.
    pub adopts: Sessions,
    /// Own packs that it named.
    pub packs: Packs,
    /// Packs that it relies on.
    pub relied: Packs,
    /// Content of its partial tree.
    pub partial: Option<Chunks>,
    /// Number of its last checkpoint.
    pub checkpoint: Option<u8>,
}

/// An announcement that nobody needs something.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Condemned {
    /// Number of the `Condemn`.
    pub number: u8,
    /// Its packs, neither rescued nor swept.
    pub packs: Packs,
    /// Orphaned segments.
    pub others: Packs,
}

/// A `Sweep` that is not known to be carried out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OpenSweep {
    /// Its number.
    pub number: u8,
    /// Its packs.
    pub packs: Packs,
    /// Its segments of both kinds.
    pub segments: Packs,
}

/// Keepers that may not be condemned before the packs that they replace are gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bond {
    /// Packs copied from.
    pub old: Packs,
    /// Packs copied to.
    pub keepers: Packs,
}

/// The state after some entry.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Log {
    /// Number of the next entry.
    pub next: u8,
    /// Live snapshots.
    pub snapshots: Snapshots,
    /// Number of the `Forget` of each that may come back.
    pub forgotten: [Option<u8>; SNAPSHOTS],
    /// Sessions that are open or can be adopted.
    pub sessions: [Option<Session>; SESSIONS],
    /// Live segments.
    pub segments: Packs,
    /// Packs named by an entry and by no `Sweep`.
    pub packs: Packs,
    /// Condemned packs.
    pub condemned: Vec<Condemned>,
    /// Packs that a `Sweep` ever named.
    pub swept: Packs,
    /// Unfinished sweeps.
    pub sweeps: Vec<OpenSweep>,
    /// Keepers under bond.
    pub bonds: Vec<Bond>,
    /// Lost chunks.
    pub lost: Chunks,
    /// Segments that a `Sweep` ever named.
    pub dead_segments: Packs,
}

impl Log {
    /// The state after `Init`.
    pub fn new() -> Self {
        Self {
            next: 1,
            snapshots: 0,
            forgotten: [None; SNAPSHOTS],
            sessions: [None; SESSIONS],
            segments: 0,
            packs: 0,
            condemned: Vec::new(),
            swept: 0,
            sweeps: Vec::new(),
            bonds: Vec::new(),
            lost: 0,
            dead_segments: 0,
        }
    }

    /// The open session of that number.
    pub fn open(&self, session: usize) -> Option<&Session> {
        self.sessions.get(session)?.as_ref().filter(|s| !s.dead)
    }

    /// All open sessions.
    pub fn all_open(&self) -> impl Iterator<Item = (usize, &Session)> {
        (0..SESSIONS).filter_map(|id| Some((id, self.open(id)?)))
    }

    /// All condemned packs.
    pub fn all_condemned(&self) -> Packs {
        self.condemned.iter().fold(0, |all, c| all | c.packs)
    }

    /// Packs on which a chunk may be relied.
    pub fn reliable(&self) -> Packs {
        self.packs & !self.all_condemned()
    }

    /// Whether a `Begin` may adopt the session.
    pub fn adoptable(&self, session: usize) -> bool {
        let dead = self.sessions.get(session).copied().flatten();
        dead.is_some_and(|s| {
            let below = s.packs | s.relied;
            s.dead && s.checkpoint.is_some() && !meet(below, self.swept | self.all_condemned())
        })
    }

    /// Whether the entry may stand next, as far as the state can judge. `flaw` is left out of it.
    pub fn allows(&self, entry: &Entry, flaw: Option<Flaw>) -> bool {
        match *entry {
            Entry::Begin {
                session,
                base,
                adopts,
                ..
            } => {
                self.sessions.get(session).is_some_and(Option::is_none)
                    && (flaw == Some(Flaw::BeginChecksNothing)
                        || (base.is_none_or(|base| self.is_live(base))
                            && members(adopts).all(|id| self.adoptable(id))))
            }
            Entry::Checkpoint(session, names, _) => self.allows_names(session, names, flaw),
            Entry::Commit(session, names, snapshot) => {
                self.allows_names(session, names, flaw)
                    && !self.is_live(snapshot)
                    && self.forgotten.get(snapshot).is_some_and(Option::is_none)
            }
            Entry::End(session) | Entry::Kill(session) => self.open(session).is_some(),
            Entry::Forget(snapshot) => self.is_live(snapshot),
            Entry::Unforget(session, snapshots, relied) => {
                let names = Names {
                    relied,
                    ..Names::default()
                };
                self.allows_names(session, names, flaw)
                    && members(snapshots)
                        .all(|id| self.forgotten.get(id).is_some_and(Option::is_some))
            }
            Entry::Condemn(packs, broken, others) => self.allows_condemn(packs, broken, others),
            Entry::Sweep(packs, segments, others) => {
                self.allows_sweep(packs, segments, others, flaw)
            }
            Entry::Swept(number) => self.sweeps.iter().any(|s| s.number == number),
            Entry::Relocate {
                session,
                segments,
                old,
                keepers,
            } => {
                self.open(session).is_some()
                    && !meet(keepers | old, self.swept | !self.packs)
                    && !meet(keepers, old | self.all_condemned())
                    && self.bonds.iter().all(|b| !meet(old, b.keepers))
                    && self.are_new(segments)
            }
            Entry::MergeIndex(session, added, removed) => {
                self.open(session).is_some() && removed & !self.segments == 0 && self.are_new(added)
            }
            Entry::Fold | Entry::Lost(_) | Entry::Found(_) => true,
        }
    }

    /// Whether the snapshot is live.
    pub fn is_live(&self, snapshot: usize) -> bool {
        self.snapshots & bit(snapshot) != 0
    }

    fn allows_names(&self, session: usize, names: Names, flaw: Option<Flaw>) -> bool {
        let all = names.own | names.relied | names.adopted;
        let of_live = |p| {
            let of = session_of(p);
            of == session || self.open(of).is_some()
        };
        let blind = flaw == Some(Flaw::KillNotLookedFor);
        (blind || self.open(session).is_some())
            && !meet(all, self.swept)
            && names.own & !packs_of(session) == 0
            && !members(names.adopted).any(of_live)
            && names.relied & !(self.packs | names.adopted | names.own) == 0
            && self.are_new(names.segments)
    }

    fn are_new(&self, segments: Packs) -> bool {
        !meet(segments, self.segments | self.dead_segments)
    }

    fn allows_condemn(&self, packs: Packs, broken: Sessions, others: Packs) -> bool {
        !meet(packs, self.swept)
            && self.bonds.iter().all(|b| !meet(packs, b.keepers))
            && self.all_open().all(|(id, s)| {
                !meet(packs, s.packs | s.relied | packs_of(id)) && broken & s.adopts == 0
            })
            && members(broken).all(|id| {
                let session = self.sessions.get(id).copied().flatten();
                session.is_some_and(|s| s.dead)
            })
            && members(others).all(|segment| self.is_orphan(segment))
    }

    /// Whether a segment is neither live nor swept nor of an open session.
    pub fn is_orphan(&self, segment: usize) -> bool {
        let known = self.segments | self.dead_segments;
        !meet(pack(segment), known) && self.open(session_of(segment)).is_none()
    }

    fn allows_sweep(
        &self,
        packs: Packs,
        segments: Packs,
        others: Packs,
        flaw: Option<Flaw>,
    ) -> bool {
        let (mut left, mut orphans) = (packs, others);
        for condemned in &self.condemned {
            let here = left & condemned.packs;
            left &= !here;
            orphans &= !condemned.others;
            let in_use = |s: &Session| {
                let idle =
                    s.begun < condemned.number && s.checkpoint.is_none_or(|n| n < condemned.number);
                meet(here, s.packs | s.relied)
                    || (idle && flaw != Some(Flaw::SweepIgnoresIdleSessions))
            };
            if here != 0 && self.all_open().any(|(_, s)| in_use(s)) {
                return false;
            }
        }
        left == 0 && orphans == 0 && segments & !self.segments == 0
    }

    /// Takes the effects of an entry.
    pub fn apply(&mut self, entry: &Entry, flaw: Option<Flaw>) {
        let number = self.next;
        match *entry {
            Entry::Begin { session, role, .. } if flaw == Some(Flaw::BeginPinsNothing) => {
                self.begin(session, role, None, 0);
            }
            Entry::Begin {
                session,
                role,
                base,
                adopts,
            } => self.begin(session, role, base, adopts),
            Entry::Checkpoint(session, names, partial) => {
                self.name(names);
                if let Some(Some(s)) = self.sessions.get_mut(session) {
                    s.packs |= names.own;
                    if flaw != Some(Flaw::ReliedLeftOut) {
                        s.relied |= names.relied;
                    }
                    s.relied |= names.adopted;
                    s.checkpoint = Some(number);
                    s.partial = partial.or(s.partial);
                }
            }
            Entry::Commit(session, names, snapshot) => {
                self.name(names);
                let ended = self.sessions.get_mut(session).and_then(Option::take);
                if let Some(s) = ended {
                    self.rescue(s.packs | s.relied);
                    self.let_go(s.adopts);
                }
                self.snapshots |= bit(snapshot);
            }
            Entry::End(session) | Entry::Kill(session) => {
                if let Some(slot) = self.sessions.get_mut(session) {
                    match slot {
                        Some(s) if s.checkpoint.is_some() => s.dead = true,
                        _ => *slot = None,
                    }
                }
            }
            Entry::Forget(snapshot) => {
                self.snapshots &= !bit(snapshot);
                if let Some(forgotten) = self.forgotten.get_mut(snapshot) {
                    *forgotten = Some(number);
                }
            }
            Entry::Unforget(_, snapshots, relied) => {
                self.rescue(relied);
                for snapshot in members(snapshots) {
                    if let Some(forgotten) = self.forgotten.get_mut(snapshot) {
                        *forgotten = None;
                    }
                    self.snapshots |= bit(snapshot);
                }
            }
            Entry::Condemn(packs, broken, others) => {
                for id in members(broken) {
                    if let Some(slot) = self.sessions.get_mut(id) {
                        *slot = slot.filter(|s| !s.dead);
                    }
                }
                self.condemned.push(Condemned {
                    number,
                    packs,
                    others,
                });
                self.tidy(flaw);
            }
            Entry::Sweep(packs, segments, others) => {
                self.sweep(packs, segments, others, flaw);
            }
            Entry::Swept(done) => self.sweeps.retain(|s| s.number != done),
            Entry::Relocate {
                segments,
                old,
                keepers,
                ..
            } => {
                self.add_segments(segments);
                if flaw == Some(Flaw::RelocateDropsEntries) {
                    self.segments &= !old;
                }
                self.bonds.push(Bond { old, keepers });
                self.tidy(flaw);
            }
            Entry::MergeIndex(_, added, removed) => {
                self.segments &= !removed;
                self.add_segments(added);
            }
            Entry::Fold => {}
            Entry::Lost(chunks) => self.lost |= chunks,
            Entry::Found(chunks) => self.lost &= !chunks,
        }
        self.next = number + 1;
    }

    fn begin(&mut self, session: usize, role: Role, base: Option<usize>, adopts: Sessions) {
        let adopted = members(adopts).filter_map(|id| self.sessions.get(id).copied().flatten());
        let relied = adopted.fold(0, |all, s| all | s.packs | s.relied);
        let begun = self.next;
        if let Some(slot) = self.sessions.get_mut(session) {
            *slot = Some(Session {
                dead: false,
                role,
                begun,
                base: base.and_then(|base| u8::try_from(base).ok()),
                adopts,
                packs: 0,
                relied,
                partial: None,
                checkpoint: None,
            });
        }
    }

    fn name(&mut self, names: Names) {
        self.packs |= names.own | names.adopted;
        self.add_segments(names.segments);
        self.rescue(names.own | names.relied | names.adopted);
    }

    fn add_segments(&mut self, segments: Packs) {
        self.segments |= segments;
        for condemned in &mut self.condemned {
            condemned.others &= !segments;
        }
        self.condemned.retain(|c| c.packs | c.others != 0);
    }

    fn rescue(&mut self, packs: Packs) {
        for condemned in &mut self.condemned {
            condemned.packs &= !packs;
        }
        for bond in &mut self.bonds {
            bond.old &= !packs;
        }
        self.tidy(None);
    }

    fn tidy(&mut self, flaw: Option<Flaw>) {
        self.condemned.retain(|c| c.packs | c.others != 0);
        if flaw != Some(Flaw::BondNeverEnds) {
            self.bonds.retain(|b| b.old != 0);
        }
    }

    fn let_go(&mut self, adopted: Sessions) {
        for id in members(adopted) {
            let carried_on = self.all_open().any(|(_, s)| s.adopts & bit(id) != 0);
            if let Some(slot) = self.sessions.get_mut(id)
                && !carried_on
            {
                *slot = slot.filter(|s| !s.dead);
            }
        }
    }

    fn sweep(&mut self, packs: Packs, segments: Packs, others: Packs, flaw: Option<Flaw>) {
        let number = self.next;
        self.packs &= !packs;
        self.swept |= packs;
        self.segments &= !segments;
        self.dead_segments |= segments | others;
        let mut newest = None;
        for condemned in &mut self.condemned {
            if meet(condemned.packs, packs) {
                newest = newest.max(Some(condemned.number));
            }
            condemned.packs &= !packs;
            condemned.others &= !others;
        }
        if flaw != Some(Flaw::BondNeverEnds) {
            for bond in &mut self.bonds {
                bond.old &= !packs;
            }
        }
        self.tidy(flaw);
        let pinned = self.all_open().filter_map(|(_, s)| s.base);
        let pinned = pinned.fold(0, |all: Snapshots, base| all | bit(base.into()));
        for (id, forgotten) in self.forgotten.iter_mut().enumerate() {
            if *forgotten <= newest && pinned & bit(id) == 0 {
                *forgotten = None;
            }
        }
        for slot in &mut self.sessions {
            *slot = slot.filter(|s| !s.dead || !meet(s.packs | s.relied, packs));
        }
        self.sweeps.push(OpenSweep {
            number,
            packs,
            segments: segments | others,
        });
    }

    /// Makes the numbers of entries as small as their order allows: states that differ in nothing
    /// else are the same.
    pub fn renumber(&mut self) {
        let mut numbers: Vec<u8> = Vec::new();
        self.each_number(|number| numbers.push(*number));
        numbers.sort_unstable();
        numbers.dedup();
        let rank = |number: u8| {
            let at = numbers.partition_point(|n| *n < number);
            u8::try_from(at + 1).unwrap_or(u8::MAX)
        };
        self.each_number(|number| *number = rank(*number));
        self.next = u8::try_from(numbers.len() + 1).unwrap_or(u8::MAX);
        self.bonds.sort_unstable_by_key(|b| (b.old, b.keepers));
    }

    fn each_number(&mut self, mut see: impl FnMut(&mut u8)) {
        for session in self.sessions.iter_mut().flatten() {
            see(&mut session.begun);
            session.checkpoint.iter_mut().for_each(&mut see);
        }
        for condemned in &mut self.condemned {
            see(&mut condemned.number);
        }
        for sweep in &mut self.sweeps {
            see(&mut sweep.number);
        }
        self.forgotten.iter_mut().flatten().for_each(see);
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}
