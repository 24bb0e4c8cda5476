//! The log from its first entry: every object of it, the hash chain, and the folds.

use std::collections::{BTreeMap, VecDeque};

use futures::{StreamExt as _, stream};

use super::error::CheckError;
use super::report::Severity;
use super::run::Notes;
use crate::explain::explain;
use crate::log::{AuditedEntry, Body, LogError, State, fold_place, read_entry, read_fold};
use crate::model::{ObjectHash, ObjectName};
use crate::repository::Repository;
use crate::store::ObjectInfo;

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
pub(super) async fn check_history(
    repository: &Repository,
    state: &State,
    meta: &[ObjectInfo],
    notes: &Notes,
) -> Result<History, CheckError> {
    let (store, keys, generation) = (repository.store(), repository.keys(), state.generation);
    let mut replay = Replay {
        repository,
        notes,
        folds: folds(meta, generation),
        state: Some(State::empty(generation)),
        previous: Some(State::empty(generation).head),
        hashes: VecDeque::new(),
        history: History::default(),
    };
    let mut entries = stream::iter(0..state.next)
        .map(|number| async move { (number, read_entry(store, keys, generation, number).await) })
        .buffered(AT_ONCE);
    while let Some((number, read)) = entries.next().await {
        notes.go_on()?;
        let name = ObjectName::log_entry(generation, number);
        match read {
            Ok(read) => replay.take(&name, number, read).await?,
            Err(error) => {
                replay.unreadable(&name, error)?;
            }
        }
        notes.step();
    }
    notes.count(|report| report.entries = state.next);
    if let Some(last) = state.next.checked_sub(1) {
        let name = ObjectName::log_entry(generation, last);
        if replay.previous.is_some_and(|hash| hash != state.head) {
            let what = "it is not the entry that was there when the repository was opened";
            notes.add(&name, Severity::Damage, what);
        } else if replay
            .state
            .is_some_and(|made| encoded(&made) != encoded(state))
        {
            notes.add(
                &name,
                Severity::Repairable,
                "the state made from all entries is not the one that the newest fold leads to",
            );
        }
    }
    Ok(replay.history)
}

/// The folds of a log generation by the number of their last entry.
fn folds(meta: &[ObjectInfo], generation: u16) -> BTreeMap<u64, Vec<ObjectName>> {
    let mut folds = BTreeMap::<_, Vec<_>>::new();
    for info in meta {
        if let Some((_, number)) = fold_place(&info.name).filter(|(found, _)| *found == generation)
        {
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
    /// The state, while every entry could be read.
    state: Option<State>,
    /// Hash of the entry before, if it could be read.
    previous: Option<ObjectHash>,
    /// Hashes of the last entries, the newest last.
    hashes: VecDeque<Option<ObjectHash>>,
    history: History,
}

impl Replay<'_> {
    async fn take(
        &mut self,
        name: &ObjectName,
        number: u64,
        read: AuditedEntry,
    ) -> Result<(), CheckError> {
        let AuditedEntry { entry, tail } = read;
        if self.previous.is_some_and(|hash| hash != entry.previous) {
            self.notes.add(
                name,
                Severity::Damage,
                "it does not follow on from the entry before it",
            );
            self.state = None;
        }
        self.check_tail(name, tail);
        if let Body::Generation(made) = &entry.body {
            self.history.generations.push((made.number, made.hash));
        }
        if let Some(state) = &mut self.state {
            state.apply(&entry.body, entry.hash);
        }
        self.remember(Some(entry.hash));
        for fold in self.folds.remove(&number).unwrap_or_default() {
            self.check_fold(&fold).await?;
        }
        Ok(())
    }

    fn remember(&mut self, hash: Option<ObjectHash>) {
        self.previous = hash;
        self.hashes.push_back(hash);
        if self.hashes.len() > TAIL {
            self.hashes.pop_front();
        }
    }

    fn check_tail(&self, name: &ObjectName, tail: Result<Vec<ObjectHash>, LogError>) {
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
        self.notes.add(name, Severity::Repairable, what);
    }

    fn unreadable(&mut self, name: &ObjectName, error: LogError) -> Result<(), CheckError> {
        let what = unreadable(error)?;
        self.notes.add(name, Severity::Damage, what);
        self.state = None;
        self.remember(None);
        Ok(())
    }

    /// Compares a fold with the state at its entry.
    async fn check_fold(&self, name: &ObjectName) -> Result<(), CheckError> {
        let what = match read_fold(self.repository.store(), self.repository.keys(), name).await {
            Ok(fold) => {
                self.notes.count(|report| report.folds += 1);
                match &self.state {
                    Some(state) if encoded(state) != encoded(&fold) => {
                        "it is not the state that the log's entries make".to_owned()
                    }
                    _ => return Ok(()),
                }
            }
            Err(error) => unreadable(error)?,
        };
        self.notes.add(name, Severity::Repairable, what);
        Ok(())
    }
}

/// What to say of an object of the log that cannot be read.
fn unreadable(error: LogError) -> Result<String, CheckError> {
    match error {
        LogError::Store(error) if error.is_missing() => Ok("it is missing".to_owned()),
        LogError::Store(error) if error.is_damage() => Ok(explain(&error)),
        // All keys are at hand, so that a generation which is none of theirs is damage too.
        error @ LogError::Open { .. } => Ok(explain(&error)),
        error if error.is_damage() => Ok(explain(&error)),
        error => Err(CheckError::Log(error)),
    }
}

/// States are compared as they are stored; encoding into memory does not fail.
fn encoded(state: &State) -> Option<Vec<u8>> {
    minicbor::to_vec(state).ok()
}
