//! Who lives in a world, and what may befall them.

use crate::entry::Entry;
use crate::explore::World;
use crate::flaws::Flaw;
use crate::sets::Chunks;
use crate::state::{Budget, State};
use crate::{collector, invariants, others, surroundings, writer};

/// What a world has, so that pairs of it can be counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the words of the protocol")]
pub enum Feature {
    Base,
    Adoption,
    Rescue,
    Relocate,
    Unforget,
    Fold,
    Reader,
    Kill,
    Crash,
    LostReply,
    Delay,
}

/// All of them.
pub const FEATURES: [Feature; 11] = [
    Feature::Base,
    Feature::Adoption,
    Feature::Rescue,
    Feature::Relocate,
    Feature::Unforget,
    Feature::Fold,
    Feature::Reader,
    Feature::Kill,
    Feature::Crash,
    Feature::LostReply,
    Feature::Delay,
];

/// Somebody.
#[derive(Clone, Copy, Debug)]
pub enum Actor {
    /// Makes a snapshot; starts again with the next session when it dies.
    Writer {
        /// Its sessions, one a run.
        sessions: &'static [usize],
        /// The snapshot that it makes.
        snapshot: usize,
    },
    /// Runs maintenance; with a session, repacks.
    Collector {
        /// For repacking.
        session: Option<usize>,
    },
    /// Reads a snapshot.
    Reader {
        /// Its session.
        session: usize,
    },
    /// Merges two segments.
    Merger {
        /// Its session.
        session: usize,
    },
    /// Brings a forgotten snapshot back.
    Unforgetter {
        /// Its session.
        session: usize,
    },
}

/// A world.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What it has.
    pub features: &'static [Feature],
    /// Content of each snapshot, the root page included.
    pub contents: [Chunks; crate::log::SNAPSHOTS],
    /// Pages with what stands below them.
    pub pages: &'static [(Chunks, Chunks)],
    /// Who lives in it.
    pub actors: Vec<Actor>,
    /// What may befall them.
    pub budget: Budget,
    /// What is there at the beginning.
    pub start: fn(&mut State),
    /// Whether garbage is looked for (I4): not where data is lost.
    pub quiet: bool,
    /// The rule that is left out.
    pub flaw: Option<Flaw>,
}

/// What somebody did.
#[derive(Clone, Copy)]
pub struct Step {
    /// Who, by their place in the list of actors; nobody in particular if there is none.
    pub who: Option<usize>,
    /// What.
    pub what: &'static str,
    /// With which packs, chunks or snapshot.
    pub with: u16,
    /// The entry that was appended.
    pub entry: Option<Entry>,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.who {
            Some(who) => write!(f, "{who}: {}", self.what)?,
            None => write!(f, "*: {}", self.what)?,
        }
        if self.with != 0 {
            write!(f, " {:#b}", self.with)?;
        }
        match &self.entry {
            Some(entry) => write!(f, "  {entry:?}"),
            None => Ok(()),
        }
    }
}

impl Setup {
    /// The same with a rule left out.
    #[must_use]
    pub fn without(&self, flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            ..self.clone()
        }
    }

    /// Whether that rule is left out.
    pub fn lacks(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The content of a snapshot.
    pub fn content(&self, snapshot: usize) -> Chunks {
        self.contents.get(snapshot).copied().unwrap_or(0)
    }
}

impl World for Setup {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        let mut state = State::new(self);
        (self.start)(&mut state);
        state
    }

    fn steps(&self, state: &State, found: &mut Vec<(Step, State)>) {
        let mut all = Steps {
            setup: self,
            who: None,
            found,
        };
        surroundings::steps(&mut all, state);
        for (who, actor) in self.actors.iter().enumerate() {
            all.who = Some(who);
            match *actor {
                Actor::Writer { sessions, snapshot } => {
                    let again = sessions.first().map(|first| [*first; 2]);
                    let sessions = match &again {
                        Some(again) if self.lacks(Flaw::NamesReused) => again,
                        _ => sessions,
                    };
                    writer::steps(&mut all, state, who, sessions, snapshot);
                }
                Actor::Collector { session } => collector::steps(&mut all, state, who, session),
                Actor::Reader { session }
                | Actor::Merger { session }
                | Actor::Unforgetter { session } => {
                    others::steps(&mut all, state, who, session);
                }
            }
        }
    }

    fn wrong(&self, state: &State) -> Option<String> {
        invariants::wrong(self, state)
    }
}

/// Where steps are collected.
pub(crate) struct Steps<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) who: Option<usize>,
    found: &'a mut Vec<(Step, State)>,
}

impl Steps<'_> {
    /// Adds a step that leads to `state`.
    pub(crate) fn add(&mut self, what: &'static str, with: u16, state: State) {
        self.push(what, with, None, state);
    }

    /// Appends an entry and adds that as a step, after `then`; says whether it was allowed.
    pub(crate) fn append(
        &mut self,
        what: &'static str,
        entry: Entry,
        flaw: Option<Flaw>,
        mut state: State,
        then: impl FnOnce(&mut State),
    ) -> bool {
        let allowed = state.append(self.setup, &entry, flaw);
        if allowed {
            then(&mut state);
            self.push(what, 0, Some(entry), state);
        }
        allowed
    }

    fn push(&mut self, what: &'static str, with: u16, entry: Option<Entry>, mut state: State) {
        state.log.renumber();
        state.late_puts.sort_unstable();
        let step = Step {
            who: self.who,
            what,
            with,
            entry,
        };
        self.found.push((step, state));
    }
}
