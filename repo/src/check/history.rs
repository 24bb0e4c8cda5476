//! The log from its first entry: every object of it, the hash chain, and the folds.

use std::collections::{BTreeMap, VecDeque};

use futures::{StreamExt as _, stream};

use super::error::CheckError;
use super::report::{Remedy, Severity};
use super::run::Notes;
use crate::explain::explain;
use crate::log::{
    AuditedEntry, Body, LogError, Open, State, entry_place, fold_place, opened_with, read_entry,
    read_fold,
};
use crate::model::{ObjectHash, ObjectName};
use crate::repository::Repository;
use crate::store::{Folder, ObjectInfo};

/// Entries that are fetched at a time; they are small, so the waiting is what costs.
const AT_ONCE: usize = 16;
/// Hashes that are remembered: as many as a tail may hold entries.
const TAIL: usize = 64;

/// What the log says beside its state.
#[derive(Default)]
pub(super) struct History {
    /// Key generations and the hashes of their objects.
    pub(super) generations: Vec<(u32, ObjectHash)>,
}

/// Reads the log up to the entry before `state.next`; `meta` is a listing of `meta/`.
///
/// What is wrong in a log generation that was closed is only noted: the next one was opened with
/// the state after it, so that nobody needs the entries any more.
pub(super) async fn check_history(
    repository: &Repository,
    state: &State,
    meta: &[ObjectInfo],
    notes: &Notes,
) -> Result<History, CheckError> {
    let (store, keys) = (repository.store(), repository.keys());
    let generations = generations(repository, state).await?;
    let of = |number: u64| {
        let after = generations.partition_point(|(first, _)| *first <= number);
        let found = after.checked_sub(1).and_then(|at| generations.get(at));
        found.map_or(1, |(_, generation)| *generation)
    };
    let mut replay = Replay {
        repository,
        notes,
        folds: folds(meta),
        newest: state.generation,
        state: Some(State::empty(1)),
        previous: Some(State::empty(1).head),
        hashes: VecDeque::new(),
        history: History::default(),
        bad_folds: Vec::new(),
    };
    let mut entries = stream::iter(0..state.next)
        .map(|number| async move {
            let generation = of(number);
            let read = read_entry(store, keys, generation, number).await;
            (generation, number, read)
        })
        .buffered(AT_ONCE);
    while let Some((generation, number, read)) = entries.next().await {
        notes.go_on()?;
        let name = ObjectName::log_entry(generation, number);
        match read {
            Ok(read) => replay.take(&name, read).await?,
            Err(error) => {
                replay.unreadable(&name, generation, error)?;
            }
        }
        notes.step();
    }
    replay.tell_bad_folds(Severity::Repairable);
    notes.count(|report| report.entries = state.next);
    if let Some(last) = state.next.checked_sub(1) {
        let name = ObjectName::log_entry(state.generation, last);
        if replay.previous.is_some_and(|hash| hash != state.head) {
            let what = "it is not the entry that was there when the repository was opened";
            notes.add(&name, Severity::Damage, Remedy::RepairLog, what);
        } else if replay
            .state
            .is_some_and(|made| encoded(&made) != encoded(state))
        {
            notes.add(
                &name,
                Severity::Repairable,
                None,
                "the state made from all entries is not the one that the newest fold leads to",
            );
        }
    }
    Ok(replay.history)
}

/// The generations of the log: number of the first entry of each, ascending.
async fn generations(
    repository: &Repository,
    state: &State,
) -> Result<Vec<(u64, u16)>, CheckError> {
    if state.generation <= 1 {
        return Ok(vec![(0, 1)]);
    }
    let listing = repository.store().list(&Folder::parse("log")?).await?;
    let mut first = BTreeMap::from([(1, 0)]);
    for (generation, number) in listing.iter().filter_map(|info| entry_place(&info.name)) {
        if (2..=state.generation).contains(&generation) {
            let known: &mut u64 = first.entry(generation).or_insert(number);
            *known = number.min(*known);
        }
    }
    let mut generations: Vec<_> = first.into_iter().map(|(g, number)| (number, g)).collect();
    generations.sort_unstable();
    Ok(generations)
}

/// The folds by the number of their last entry, which is the same in no two log generations.
fn folds(meta: &[ObjectInfo]) -> BTreeMap<u64, Vec<ObjectName>> {
    let mut folds = BTreeMap::<_, Vec<_>>::new();
    for info in meta {
        if let Some((_, number)) = fold_place(&info.name) {
            folds.entry(number).or_default().push(info.name.clone());
        }
    }
    folds
}

/// The log as far as it was read.
struct Replay<'a> {
    repository: &'a Repository,
    notes: &'a Notes,
    /// Folds that were not compared yet.
    folds: BTreeMap<u64, Vec<ObjectName>>,
    /// The log generation that is not closed.
    newest: u16,
    /// The state, while every entry could be read.
    state: Option<State>,
    /// Hash of the entry before, if it could be read.
    previous: Option<ObjectHash>,
    /// Hashes of the last entries, the newest last.
    hashes: VecDeque<Option<ObjectHash>>,
    history: History,
    /// Folds that cannot be used, after the last one that can be.
    bad_folds: Vec<(ObjectName, u16, String)>,
}

impl Replay<'_> {
    async fn take(&mut self, name: &ObjectName, read: AuditedEntry) -> Result<(), CheckError> {
        let AuditedEntry { entry, tail } = read;
        let (generation, number) = (entry.generation, entry.number);
        if let Body::Open(open) = &entry.body {
            self.hashes.clear();
            self.open(name, open).await?;
        }
        if self.previous.is_some_and(|hash| hash != entry.previous) {
            let what = "it does not follow on from the entry before it";
            self.add(name, generation, Severity::Repairable, what);
            self.state = None;
        }
        let in_force = self.state.as_ref().map(|state| state.key_generation);
        if in_force.is_some_and(|in_force| in_force != entry.key_generation) {
            let what = "it is sealed under another generation of keys than the one in force";
            self.add(name, generation, Severity::Damage, what);
        }
        self.check_tail(name, generation, tail);
        if let Body::Generation(made) = &entry.body {
            self.history.generations.push((made.number, made.hash));
        }
        if let Some(state) = &mut self.state {
            state.apply(&entry.body, entry.hash);
        }
        self.remember(Some(entry.hash));
        for fold in self.folds.remove(&number).unwrap_or_default() {
            self.check_fold(&fold, generation).await?;
        }
        Ok(())
    }

    /// Takes the state that a log generation was opened with, if it is not known from the entries.
    async fn open(&mut self, name: &ObjectName, open: &Open) -> Result<(), CheckError> {
        if self.state.is_some() {
            return Ok(());
        }
        let (store, keys) = (self.repository.store(), self.repository.keys());
        match opened_with(store, keys, name, open).await {
            Ok(state) => {
                self.previous = Some(state.head);
                self.state = Some(state);
            }
            Err(error) => {
                let what = format!("the state that it begins with: {}", unreadable(error)?);
                let remedy = Remedy::RepairLog;
                self.notes.add(name, Severity::Repairable, remedy, what);
            }
        }
        Ok(())
    }

    /// Adds a finding about the log, which is only a note if its generation was closed.
    fn add(&self, name: &ObjectName, generation: u16, severity: Severity, what: impl Into<String>) {
        if generation < self.newest {
            let what = format!(
                "{}; the log goes on without it in a later generation",
                what.into()
            );
            self.notes.add(name, Severity::Note, None, what);
        } else {
            let remedy = (severity > Severity::Note).then_some(Remedy::RepairLog);
            self.notes.add(name, severity, remedy, what);
        }
    }

    fn remember(&mut self, hash: Option<ObjectHash>) {
        self.previous = hash;
        self.hashes.push_back(hash);
        if self.hashes.len() > TAIL {
            self.hashes.pop_front();
        }
    }

    fn check_tail(
        &self,
        name: &ObjectName,
        generation: u16,
        tail: Result<Vec<ObjectHash>, LogError>,
    ) {
        let what = match tail {
            Ok(tail) => {
                let known = self.hashes.iter().rev();
                let same = tail.len() <= self.hashes.len()
                    && tail
                        .iter()
                        .rev()
                        .zip(known)
                        .all(|(copy, hash)| hash.is_none_or(|hash| hash == *copy));
                if same {
                    return;
                }
                "its tail holds other entries than those before it".to_owned()
            }
            Err(error) => format!("its tail is damaged: {}", explain(&error)),
        };
        // It only saves requests, and its entries can be read by themselves.
        self.add(name, generation, Severity::Note, what);
    }

    /// A fold is a cache, and one that a newer one replaces is no matter.
    fn tell_bad_folds(&mut self, severity: Severity) {
        for (name, generation, what) in std::mem::take(&mut self.bad_folds) {
            if severity == Severity::Note || generation < self.newest {
                let what = format!("{what}; a newer one is there");
                self.notes.add(&name, Severity::Note, None, what);
            } else {
                let remedy = Remedy::RepairIndex;
                self.notes.add(&name, severity, remedy, what);
            }
        }
    }

    fn unreadable(
        &mut self,
        name: &ObjectName,
        generation: u16,
        error: LogError,
    ) -> Result<(), CheckError> {
        let what = unreadable(error)?;
        // Whoever has opened the repository has the state without it.
        self.add(name, generation, Severity::Repairable, what);
        self.state = None;
        self.remember(None);
        Ok(())
    }

    /// Compares a fold with the state at its entry.
    async fn check_fold(&mut self, name: &ObjectName, generation: u16) -> Result<(), CheckError> {
        let what = match read_fold(self.repository.store(), self.repository.keys(), name).await {
            Ok(fold) => {
                self.notes.count(|report| report.folds += 1);
                match &self.state {
                    Some(state) if encoded(state) != encoded(&fold) => {
                        "it is not the state that the log's entries make".to_owned()
                    }
                    _ => {
                        self.tell_bad_folds(Severity::Note);
                        return Ok(());
                    }
                }
            }
            Err(error) => unreadable(error)?,
        };
        self.bad_folds.push((name.clone(), generation, what));
        Ok(())
    }
}

/// What to say of an object of the log that cannot be read.
fn unreadable(error: LogError) -> Result<String, CheckError> {
    crate::log::unreadable(error).map_err(CheckError::Log)
}

/// States are compared as they are stored; encoding into memory does not fail.
fn encoded(state: &State) -> Option<Vec<u8>> {
    minicbor::to_vec(state).ok()
}
