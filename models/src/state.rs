//! A moment of a world: the log, the store, and what everybody is about.

use crate::entry::{Entry, Names};
use crate::flaws::Flaw;
use crate::log::{Log, PACKS_EACH, SESSIONS, SNAPSHOTS};
use crate::sets::{Chunks, Packs, Sessions, Snapshots, members, pack};
use crate::world::{Actor, Setup};

/// Packs of a world, at most.
pub const PACKS: usize = SESSIONS * PACKS_EACH;
/// Segments that merges make, at most.
pub const MERGED: usize = 3;

/// Everything.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// What the log adds up to.
    pub log: Log,
    /// Chunks of each pack that was made.
    pub content: [Chunks; PACKS],
    /// Packs that each merged segment lists.
    pub merged: [Packs; MERGED],
    /// Packs that are in the store.
    pub stored: Packs,
    /// Puts whose sender is dead and that may still take effect: pack and content.
    pub late_puts: Vec<(u8, Chunks)>,
    /// Packs that a delayed delete may still hit.
    pub late_deletes: Packs,
    /// What was swept at the last fold.
    pub folded: Packs,
    /// What everybody is about.
    pub actors: Vec<Doing>,
    /// What may still happen.
    pub left: Budget,
    /// Snapshots that were reported as done.
    pub reported: Snapshots,
    /// Snapshots that were ever forgotten.
    pub dropped: Snapshots,
    /// Chunks that were lost while a snapshot had them already.
    pub excused: [Chunks; SNAPSHOTS],
    /// Somebody could not go on because of somebody else (I3).
    pub hindered: bool,
}

/// How often the surroundings may still do something.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Budget {
    /// Sessions declared dead by somebody who guesses.
    pub kills: u8,
    /// Processes that die.
    pub crashes: u8,
    /// Snapshots forgotten.
    pub forgets: u8,
    /// Folds.
    pub folds: u8,
    /// Puts and deletes that take effect late.
    pub delays: u8,
    /// Replies to appends that are lost.
    pub lost_replies: u8,
    /// Packs that the store loses.
    pub losses: u8,
    /// Pages that cannot be read for a while.
    pub outages: u8,
}

/// What somebody is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Doing {
    /// Makes a snapshot.
    Writer(Writer),
    /// Runs maintenance.
    Collector(Collector),
    /// Reads, merges, or brings back.
    Other(Other),
}

/// How far somebody's session is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// Not begun.
    Off,
    /// `Begin` may or may not stand in the log.
    BeginInDoubt,
    /// At work.
    Open,
    /// `Commit` may or may not stand in the log.
    CommitInDoubt,
    /// Done, or given up.
    Over,
}

/// A writer at work.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Writer {
    /// How far it is.
    pub phase: Phase,
    /// Which of its sessions it is in.
    pub run: u8,
    /// Packs that it takes for reliable, as of when it looked last.
    pub view: Packs,
    /// What it may take over without looking it up.
    pub heritage: Chunks,
    /// Chunks that it has a place for.
    pub have: Chunks,
    /// Every pack that it relies on by its own look-ups.
    pub relied: Packs,
    /// Of those, what no entry has named.
    pub relied_unnamed: Packs,
    /// Own packs that no entry has named.
    pub own_unnamed: Packs,
    /// Own packs in all.
    pub own: u8,
    /// A checkpoint that is about to be appended, and the tree that it has.
    pub prepared: Option<(Names, Chunks)>,
    /// Whether it has appended a checkpoint.
    pub named: bool,
    /// Whether it overlooks that it was killed.
    pub blind: bool,
    /// What was lost when it began.
    pub lost: Chunks,
}

/// A maintenance run.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Collector {
    /// What its mark lets go.
    pub mark: Option<Mark>,
    /// Whether it has begun its session to repack, and what it has copied.
    pub repack: Repack,
}

/// What a mark lets go.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Mark {
    /// Packs that nobody needs.
    pub candidates: Packs,
    /// Dead checkpoints that it breaks.
    pub broken: Sessions,
    /// Whether all pages were read.
    pub read: bool,
}

/// How far a repack is.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub enum Repack {
    /// Not begun.
    #[default]
    Off,
    /// The session is open.
    Open,
    /// Live chunks of that pack are copied and named.
    Copied(u8),
    /// The places are added, or will not be.
    Related,
    /// Ended, or given up.
    Over,
}

/// A session that is none of those.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Other {
    /// How far it is.
    pub phase: Phase,
    /// Snapshot that it is about, once chosen.
    pub snapshot: u8,
    /// What it has found: packs that it verified, or segments that it merges.
    pub found: Packs,
    /// Whether it has done its work.
    pub done: bool,
}

impl State {
    /// Nothing has happened.
    pub fn new(setup: &Setup) -> Self {
        let off = Other {
            phase: Phase::Off,
            snapshot: 0,
            found: 0,
            done: false,
        };
        let actors = setup.actors.iter().map(|actor| match actor {
            Actor::Writer { .. } => Doing::Writer(Writer::new(0)),
            Actor::Collector { .. } => Doing::Collector(Collector::default()),
            _ => Doing::Other(off),
        });
        Self {
            log: Log::new(),
            content: [0; PACKS],
            merged: [0; MERGED],
            stored: 0,
            late_puts: Vec::new(),
            late_deletes: 0,
            folded: 0,
            actors: actors.collect(),
            left: setup.budget,
            reported: 0,
            dropped: 0,
            excused: [0; SNAPSHOTS],
            hindered: false,
        }
    }

    /// Appends an entry by the one rule, and lets every mark take note of it; says whether the
    /// state allows it.
    pub fn append(&mut self, setup: &Setup, entry: &Entry, flaw: Option<Flaw>) -> bool {
        if !self.log.allows(entry, flaw) {
            return false;
        }
        let adopted = |adopts: Sessions| {
            members(adopts).filter_map(|id| self.log.sessions.get(id).copied().flatten())
        };
        let mut below = 0;
        let (named, roots) = match *entry {
            Entry::Begin { base, adopts, .. } => {
                let base = base.map_or(0, |base| setup.content(base));
                let roots = adopted(adopts).fold(base, |roots, s| {
                    below |= s.packs | s.relied;
                    roots | s.partial.unwrap_or_default()
                });
                (0, roots)
            }
            Entry::Checkpoint(_, names, partial) => (names.all(), partial.unwrap_or_default()),
            Entry::Commit(_, names, snapshot) => (names.all(), setup.content(snapshot)),
            Entry::Unforget(_, snapshots, relied) => {
                let roots = members(snapshots).fold(0, |all, s| all | setup.content(s));
                (relied, roots)
            }
            Entry::Relocate { keepers, .. } => (keepers, 0),
            _ => (0, 0),
        };
        self.log.apply(entry, flaw.or(setup.flaw));
        let mut kept = named;
        if setup.flaw != Some(Flaw::MarkByNamesOnly) {
            kept |= below | self.with(self.usable(), roots);
        }
        for actor in &mut self.actors {
            if let Doing::Collector(me) = actor
                && let Repack::Copied(old) = me.repack
                && (named | below) & pack(old.into()) != 0
            {
                // Chunks that were not copied may be needed now: it stays.
                me.repack = Repack::Related;
            }
        }
        if kept != 0 {
            for actor in &mut self.actors {
                if let Doing::Collector(Collector {
                    mark: Some(mark), ..
                }) = actor
                {
                    mark.candidates &= !kept;
                }
            }
        }
        true
    }

    /// Packs that a live segment lists.
    pub fn listed(&self) -> Packs {
        members(self.log.segments).fold(0, |all, segment| all | self.listing(segment))
    }

    /// Packs that a segment lists.
    pub fn listing(&self, segment: usize) -> Packs {
        match segment.checked_sub(PACKS) {
            None => pack(segment),
            Some(merged) => self.merged.get(merged).copied().unwrap_or(0),
        }
    }

    /// Packs in which the log and the index find chunks, and on which one may rely.
    pub fn usable(&self) -> Packs {
        self.log.reliable() & self.listed()
    }

    /// Chunks of a pack.
    pub fn chunks(&self, pack: usize) -> Chunks {
        self.content.get(pack).copied().unwrap_or(0)
    }

    /// Those of `packs` that have one of `chunks`.
    pub fn with(&self, packs: Packs, chunks: Chunks) -> Packs {
        members(packs)
            .filter(|p| self.chunks(*p) & chunks != 0)
            .fold(0, |all, p| all | pack(p))
    }

    /// All chunks of `packs`.
    pub fn of(&self, packs: Packs) -> Chunks {
        members(packs).fold(0, |all, p| all | self.chunks(p))
    }
}

impl Writer {
    /// Before it begins.
    pub fn new(run: u8) -> Self {
        Self {
            phase: Phase::Off,
            run,
            view: 0,
            heritage: 0,
            have: 0,
            relied: 0,
            relied_unnamed: 0,
            own_unnamed: 0,
            own: 0,
            prepared: None,
            named: false,
            blind: false,
            lost: 0,
        }
    }
}
