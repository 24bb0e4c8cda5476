//! Reading entries and folds one by one, as a check does: everything that is stored, tails too.

use super::entry::Open;
use super::error::LogError;
use super::fold::{self, FoldName};
use super::frame::{self, Entry};
use super::state::State;
use crate::explain::explain;
use crate::keys::Keyring;
use crate::model::{ObjectHash, ObjectName};
use crate::store::Store;

/// An entry with what its object holds beside it.
pub struct AuditedEntry {
    /// The entry.
    pub entry: Entry,
    /// Hashes of the earlier entries that it carries copies of, ascending; or why its tail does
    /// not open, which leaves the entry itself good.
    pub tail: Result<Vec<ObjectHash>, LogError>,
}

/// Reads one entry and opens its tail, whatever stands before and after it.
///
/// # Errors
///
/// [`LogError::Store`], whose source tells a missing entry from a store that does not answer;
/// else [`LogError::is_damage`].
pub async fn read_entry(
    store: &Store,
    keys: &Keyring,
    generation: u16,
    number: u64,
) -> Result<AuditedEntry, LogError> {
    let name = ObjectName::log_entry(generation, number);
    let object = store
        .get(&name, frame::MAX_OBJECT)
        .await
        .map_err(LogError::Store)?;
    let (core, tail) = frame::split(&name, &object)?;
    let entry = frame::open_core(keys, generation, number, &core)?;
    let tail = frame::open_tail(keys, &name, &tail)
        .map(|cores| cores.iter().map(|core| ObjectHash::of(core)).collect());
    Ok(AuditedEntry { entry, tail })
}

/// Log generation and number of the last entry that a fold of that name holds; `None` if it is
/// no fold's name.
pub fn fold_place(name: &ObjectName) -> Option<(u16, u64)> {
    FoldName::parse(name).map(|fold| (fold.generation, fold.number))
}

/// Log generation and number of the entry of that name; `None` if it is no entry's.
pub fn entry_place(name: &ObjectName) -> Option<(u16, u64)> {
    let (generation, number) = name.as_str().strip_prefix("log/")?.split_once('/')?;
    let place = (generation.parse().ok()?, number.parse().ok()?);
    (ObjectName::log_entry(place.0, place.1) == *name).then_some(place)
}

/// Reads the state that a log generation was opened with: the fold that its first entry, of the
/// name `entry`, names.
///
/// # Errors
///
/// As [`read_entry`].
pub async fn opened_with(
    store: &Store,
    keys: &Keyring,
    entry: &ObjectName,
    open: &Open,
) -> Result<State, LogError> {
    let object = ObjectName::parse(&open.fold)?;
    let malformed = |what: &str| LogError::Malformed {
        object: entry.clone(),
        what: what.to_owned(),
    };
    let name = FoldName::parse(&object).ok_or_else(|| malformed("it names no fold"))?;
    let bytes = store
        .get(&object, fold::MAX_OBJECT)
        .await
        .map_err(LogError::Store)?;
    if ObjectHash::of(&bytes) != open.fold_hash {
        return Err(malformed("the fold that it names is another one"));
    }
    let state = fold::open(keys, &name, &bytes)?;
    if (state.generation, state.head) != (open.generation, open.close)
        || state.next.checked_sub(1) != Some(open.number)
    {
        return Err(malformed("the fold that it names does not lead to it"));
    }
    Ok(state)
}

/// Reads the fold `name`.
///
/// # Errors
///
/// As [`read_entry`].
pub async fn read_fold(
    store: &Store,
    keys: &Keyring,
    name: &ObjectName,
) -> Result<State, LogError> {
    let fold = FoldName::parse(name).ok_or_else(|| LogError::Malformed {
        object: name.clone(),
        what: "this is no name of a fold".to_owned(),
    })?;
    let bytes = store
        .get(name, fold::MAX_OBJECT)
        .await
        .map_err(LogError::Store)?;
    fold::open(keys, &fold, &bytes)
}

/// What to say of an object of the log that is damaged or gone.
///
/// All keys are at hand, so that a generation of keys which is none of theirs is damage, too.
///
/// # Errors
///
/// What says nothing about the object: the store does not answer.
pub fn unreadable(error: LogError) -> Result<String, LogError> {
    match error {
        LogError::Store(error) if error.is_missing() => Ok("it is missing".to_owned()),
        LogError::Store(error) if error.is_damage() => Ok(explain(&error)),
        error @ LogError::Open { .. } => Ok(explain(&error)),
        error if error.is_damage() => Ok(explain(&error)),
        error => Err(error),
    }
}
