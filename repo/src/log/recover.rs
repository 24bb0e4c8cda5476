//! A log of which something is damaged or gone: as much of it as can be proven.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::audit::{entry_place, opened_with, read_fold, unreadable};
use super::chain::{NewerKeys, Seen};
use super::entry::{Body, Generation};
use super::error::LogError;
use super::fold::FoldName;
use super::frame::{self, Entry};
use super::state::State;
use crate::keys::Keyring;
use crate::model::{ObjectHash, ObjectName};
use crate::store::{Folder, ObjectInfo, Store};

/// Entries of the newest log generation, one after the other, whose objects cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokenEntries {
    /// Log generation.
    pub generation: u16,
    /// Number of the first.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
    /// What is wrong with the first, as a clause.
    pub what: String,
    /// Whether what they said is known all the same: from a copy in a later entry, or from a fold.
    pub known: bool,
}

/// What a log still tells.
pub struct Recovered {
    /// What all entries add up to that could be read, in order; the others are passed over.
    pub state: State,
    /// Entries that cannot be used, ascending.
    pub broken: Vec<BrokenEntries>,
    /// Whether the fold cannot be used that the newest log generation was opened with.
    pub fold_lost: bool,
    /// Whether the entry before [`State::next`] is among those that cannot be used.
    pub(super) gap: bool,
}

impl Recovered {
    /// Whether others have to be spared the reading of this log generation.
    pub fn needs_generation(&self) -> bool {
        !self.broken.is_empty() || self.fold_lost || self.state.closed.is_some()
    }

    /// Whether some entry said what nobody knows any more.
    pub fn has_unknown(&self) -> bool {
        self.broken.iter().any(|broken| !broken.known)
    }
}

/// Reads the log from the newest fold that can be used, over whatever is damaged or gone, and the
/// entries of its newest generation before that fold.
///
/// An entry that cannot be read is taken from the tail of a later one, if the chain of hashes
/// proves that copy. One that nobody has is passed over, and the state is what the others add up
/// to: entries are sealed for their numbers, so that each is genuine by itself. `seen` is the last
/// entry that the caller knows of.
///
/// # Errors
///
/// [`LogError::Store`] if the store does not answer; [`LogError::Broken`] if two histories stand
/// side by side, which nobody can mend; [`LogError::Empty`].
pub async fn recover(
    store: &Store,
    keys: &Keyring,
    newer_keys: Option<&dyn NewerKeys>,
    meta: &[ObjectInfo],
    seen: Option<Seen>,
) -> Result<Recovered, LogError> {
    let mut reader = Reader {
        store,
        keys,
        newer_keys,
        meta,
        present: BTreeMap::new(),
        broken: Vec::new(),
        gap: false,
    };
    reader.list(seen).await?;
    let (mut state, known_before) = match reader.start().await? {
        Some(state) => {
            let next = state.next;
            (state, next)
        }
        None => (State::empty(1), 0),
    };
    reader.replay(&mut state).await?;
    if state.next == 0 {
        return Err(LogError::Empty);
    }
    let newest = state.generation;
    let mut broken = reader.before(newest, known_before).await?;
    let fold_lost = reader.is_fold_lost(newest).await?;
    broken.extend(reader.broken.drain(..).filter(|b| b.generation == newest));
    Ok(Recovered {
        state,
        broken,
        fold_lost,
        gap: reader.gap,
    })
}

/// An entry as it was read: what it says, and its sealed tail.
struct Read {
    entry: Entry,
    tail: Bytes,
}

/// Why an entry could not be read.
struct Unread {
    /// As a clause.
    what: String,
    /// The generation of keys that it seems to be sealed under, if that is not at hand.
    lacks: Option<u32>,
}

struct Reader<'a> {
    store: &'a Store,
    keys: &'a Keyring,
    /// Opens generations of keys that the log has started and that are not at hand.
    newer_keys: Option<&'a dyn NewerKeys>,
    /// A listing of `meta/`.
    meta: &'a [ObjectInfo],
    /// Numbers of the entries of each log generation: those that are listed, and the last one that
    /// the caller knows of.
    present: BTreeMap<u16, BTreeSet<u64>>,
    broken: Vec<BrokenEntries>,
    /// Whether the entry before the next one was passed over.
    gap: bool,
}

impl Reader<'_> {
    async fn list(&mut self, seen: Option<Seen>) -> Result<(), LogError> {
        let listing = self.store.list(&Folder::parse("log")?).await;
        for info in listing.map_err(LogError::Store)? {
            if let Some((generation, number)) = entry_place(&info.name) {
                self.present.entry(generation).or_default().insert(number);
            }
        }
        if let Some(seen) = seen {
            let numbers = self.present.entry(seen.generation).or_default();
            numbers.insert(seen.number);
        }
        Ok(())
    }

    /// The newest state that is kept whole.
    async fn start(&self) -> Result<Option<State>, LogError> {
        let mut folds: Vec<_> = self
            .meta
            .iter()
            .filter_map(|info| FoldName::parse(&info.name))
            .collect();
        folds.sort_by_key(|fold| std::cmp::Reverse((fold.generation, fold.number)));
        for fold in folds {
            let state = match read_fold(self.store, self.keys, &fold.object).await {
                Ok(state) => state,
                Err(error) => {
                    unreadable(error)?;
                    continue;
                }
            };
            // A fold of another history is none of this one's.
            match self.read(fold.generation, fold.number).await? {
                Ok(read) if read.entry.hash != state.head => {}
                _ => return Ok(Some(state)),
            }
        }
        Ok(None)
    }

    /// One entry, or what is wrong with its object.
    async fn read(&self, generation: u16, number: u64) -> Result<Result<Read, Unread>, LogError> {
        let name = ObjectName::log_entry(generation, number);
        let read = async {
            let object = self.store.get(&name, frame::MAX_OBJECT).await;
            let (core, tail) = frame::split(&name, &object.map_err(LogError::Store)?)?;
            let entry = frame::open_core(self.keys, generation, number, &core)?;
            Ok::<_, LogError>(Read { entry, tail })
        };
        match read.await {
            Ok(read) => Ok(Ok(read)),
            Err(error) => {
                let lacks = error.lacking_keys();
                let what = unreadable(error)?;
                Ok(Err(Unread { what, lacks }))
            }
        }
    }

    /// A copy of an entry in the tail of a later one.
    async fn copy(&self, generation: u16, number: u64) -> Result<Option<Entry>, LogError> {
        let last = number.saturating_add(frame::MAX_TAIL as u64);
        let Some(numbers) = self.present.get(&generation) else {
            return Ok(None);
        };
        for &later in numbers.range(number.saturating_add(1)..=last) {
            let Ok(read) = self.read(generation, later).await? else {
                continue;
            };
            let tail = frame::proven_tail(self.keys, &read.entry, &read.tail);
            let first = later.saturating_sub(tail.len() as u64);
            let at = number
                .checked_sub(first)
                .and_then(|at| usize::try_from(at).ok());
            if let Some(core) = at.and_then(|at| tail.get(at)) {
                return frame::open_core(self.keys, generation, number, core).map(Some);
            }
        }
        Ok(None)
    }

    fn last(&self, generation: u16) -> Option<u64> {
        self.present.get(&generation)?.last().copied()
    }

    /// Applies every entry from [`State::next`] on that can be had.
    async fn replay(&mut self, state: &mut State) -> Result<(), LogError> {
        loop {
            let (generation, number) = (state.next_generation(), state.next);
            let entry = match self.read(generation, number).await? {
                Ok(read) => Some(read.entry),
                Err(Unread { what, lacks })
                    if self.last(generation).is_some_and(|last| number <= last) =>
                {
                    let copy = self.copy(generation, number).await?;
                    if copy.is_none() {
                        self.needs_no_keys(lacks)?;
                    }
                    self.note(generation, number, what, copy.is_some());
                    if copy.is_none() {
                        self.pass_over(state, generation);
                        continue;
                    }
                    copy
                }
                Err(_) => None,
            };
            if let Some(entry) = entry {
                self.apply(state, &entry).await?;
            } else if !self.jump(state).await? {
                return Ok(());
            }
        }
    }

    /// Fails if what could not be read may be of a generation of keys that is not at hand, and no
    /// damage: there is an object of that generation.
    fn needs_no_keys(&self, lacks: Option<u32>) -> Result<(), LogError> {
        let Some(generation) = lacks else {
            return Ok(());
        };
        let prefix = format!("meta/generations/{generation:010}-");
        let mut names = self.meta.iter().map(|info| info.name.as_str());
        if names.any(|name| name.starts_with(&prefix)) {
            return Err(LogError::NewerKeys {
                generation,
                slots: Vec::new(),
            });
        }
        Ok(())
    }

    async fn apply(&mut self, state: &mut State, entry: &Entry) -> Result<(), LogError> {
        let object = || ObjectName::log_entry(entry.generation, entry.number);
        let follows = entry.previous == state.head && state.follows(&entry.body);
        if !follows && !self.gap {
            return Err(LogError::Broken {
                object: object(),
                what: "it does not follow on from the entry before it, and both can be read"
                    .to_owned(),
            });
        }
        if entry.key_generation > state.key_generation && self.gap {
            return Err(LogError::GenerationLost {
                object: object(),
                generation: entry.key_generation,
            });
        }
        // Or whoever has been shut out by a newer generation could go on writing.
        if entry.key_generation != state.key_generation {
            return Err(LogError::Broken {
                object: object(),
                what: "it is sealed under another generation of keys than the one in force"
                    .to_owned(),
            });
        }
        if let Body::Generation(started) = &entry.body {
            self.get_keys(started, object).await?;
        }
        state.apply(&entry.body, entry.hash);
        self.gap = false;
        Ok(())
    }

    /// Gets the keys of a generation that is started, if they are not at hand.
    async fn get_keys(
        &self,
        started: &Generation,
        object: impl Fn() -> ObjectName,
    ) -> Result<(), LogError> {
        let malformed = |what: String| LogError::Malformed {
            object: object(),
            what,
        };
        match (self.keys.commitment(started.number), self.newer_keys) {
            (Some(held), _) if held == started.commitment => Ok(()),
            (Some(_), _) => Err(malformed(format!(
                "the keys at hand are not those of key generation {} in the log",
                started.number
            ))),
            (None, Some(newer)) => {
                let material = newer.material(started).await?;
                let taken = self.keys.go_on_to(started.number, material);
                taken.map_err(|error| malformed(format!("its keys cannot be taken: {error}")))
            }
            (None, None) => Err(LogError::NewerKeys {
                generation: started.number,
                slots: started.slots.iter().map(|(name, _)| name.clone()).collect(),
            }),
        }
    }

    /// Goes on behind an entry that nobody has.
    fn pass_over(&mut self, state: &mut State, generation: u16) {
        self.gap = true;
        let number = state.next;
        let later = self.present.get(&generation).into_iter().flatten();
        let next = later.copied().find(|later| *later > number);
        state.next = number.saturating_add(1);
        // Of what is not even listed, nothing beyond the reach of a tail has a copy.
        let reach = next.and_then(|next| next.checked_sub(frame::MAX_TAIL as u64));
        if let Some(reach) = reach.filter(|reach| *reach > state.next) {
            if let Some(run) = self.broken.last_mut() {
                run.last = reach - 1;
            }
            state.next = reach;
        }
    }

    fn note(&mut self, generation: u16, number: u64, what: String, known: bool) {
        if let Some(last) = self.broken.last_mut()
            && (last.generation, last.known) == (generation, known)
            && last.last.checked_add(1) == Some(number)
        {
            last.last = number;
            return;
        }
        self.broken.push(BrokenEntries {
            generation,
            first: number,
            last: number,
            what,
            known,
        });
    }

    /// Goes on in the next log generation that there is, when one ends without its `Close`.
    async fn jump(&mut self, state: &mut State) -> Result<bool, LogError> {
        let here = state.next_generation();
        let mut later = self.present.range(here.saturating_add(1)..);
        let first = later.find_map(|(generation, numbers)| Some((*generation, *numbers.first()?)));
        let Some((generation, number)) = first else {
            return Ok(false);
        };
        let name = ObjectName::log_entry(generation, number);
        let opened = match self.read(generation, number).await? {
            Ok(read) => match read.entry.body {
                Body::Open(open) => Ok(open),
                _ => Err("a log generation does not begin with it".to_owned()),
            },
            Err(Unread { what, lacks }) => {
                self.needs_no_keys(lacks)?;
                Err(what)
            }
        };
        match opened {
            Ok(open) => match opened_with(self.store, self.keys, &name, &open).await {
                Ok(opened) => *state = opened,
                Err(error) => {
                    self.needs_no_keys(error.lacking_keys())?;
                    // What the generation before said is all that is left of it.
                    unreadable(error)?;
                    state.generation = open.generation;
                    state.next = number;
                    state.head = open.close;
                    state.closed = Some(generation);
                }
            },
            Err(what) => {
                self.note(generation, number, what, false);
                state.generation = generation;
                state.closed = None;
                state.next = number.saturating_add(1);
                self.gap = true;
                return Ok(true);
            }
        }
        self.gap = false;
        Ok(true)
    }

    /// Entries of a log generation before `next` that cannot be used; a fold says what they said.
    async fn before(&self, generation: u16, next: u64) -> Result<Vec<BrokenEntries>, LogError> {
        let mut broken: Vec<BrokenEntries> = Vec::new();
        let Some(&first) = self.present.get(&generation).and_then(BTreeSet::first) else {
            return Ok(broken);
        };
        let first = if generation == 1 { 0 } else { first };
        let mut previous: Option<ObjectHash> = None;
        for number in first..next {
            let what = match self.read(generation, number).await? {
                Ok(read) if previous.is_none_or(|hash| hash == read.entry.previous) => {
                    previous = Some(read.entry.hash);
                    continue;
                }
                Ok(read) => {
                    previous = Some(read.entry.hash);
                    "it does not follow on from the entry before it".to_owned()
                }
                Err(Unread { what, .. }) => {
                    previous = None;
                    what
                }
            };
            match broken.last_mut() {
                Some(last) if last.last.checked_add(1) == Some(number) => last.last = number,
                _ => broken.push(BrokenEntries {
                    generation,
                    first: number,
                    last: number,
                    what,
                    known: true,
                }),
            }
        }
        Ok(broken)
    }

    /// Whether the fold that a log generation was opened with cannot be used.
    async fn is_fold_lost(&self, generation: u16) -> Result<bool, LogError> {
        if generation == 1 {
            return Ok(false);
        }
        let Some(&first) = self.present.get(&generation).and_then(BTreeSet::first) else {
            return Ok(false);
        };
        let Ok(read) = self.read(generation, first).await? else {
            return Ok(false);
        };
        let Body::Open(open) = read.entry.body else {
            return Ok(false);
        };
        let name = ObjectName::log_entry(generation, first);
        match opened_with(self.store, self.keys, &name, &open).await {
            Ok(_) => Ok(false),
            Err(error) => unreadable(error).map(|_| true),
        }
    }
}
