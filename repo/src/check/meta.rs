//! Format object, slots and key generations: there, and those that the log names.

use super::error::CheckError;
use super::history::History;
use super::report::Severity;
use super::run::Notes;
use crate::explain::explain;
use crate::log::State;
use crate::model::{ObjectHash, ObjectName};
use crate::repository::Repository;
use crate::store::ObjectInfo;

/// Largest of these objects, with room for what later versions add.
const MAX_META: u64 = 128 << 10;

/// How many objects [`check_meta`] reads.
pub(super) fn count(state: &State, history: &History) -> u64 {
    (1 + state.slots.len() + history.generations.len()) as u64
}

/// Reads them all; `meta` is a listing of `meta/`.
pub(super) async fn check_meta(
    repository: &Repository,
    state: &State,
    history: &History,
    meta: &[ObjectInfo],
    notes: &Notes,
) -> Result<(), CheckError> {
    if let Some(hash) = state.format {
        check_object(repository, &ObjectName::format(), hash, notes).await?;
    }
    for (slot, hash) in &state.slots {
        check_object(repository, &ObjectName::parse(slot)?, *hash, notes).await?;
    }
    for (generation, hash) in &history.generations {
        // Every generation that the log has started is at hand.
        if let Some(name) = repository.keys().generation_name(*generation) {
            check_object(repository, &name, *hash, notes).await?;
        }
    }
    for info in meta {
        let name = info.name.as_str();
        if name.starts_with("meta/slots/") && !state.slots.contains_key(name) {
            notes.add(&name, Severity::Note, "the log does not name this slot");
        }
    }
    Ok(())
}

/// Compares one object with its hash. What opened the repository is at hand, so that each of
/// these can be made anew.
async fn check_object(
    repository: &Repository,
    name: &ObjectName,
    hash: ObjectHash,
    notes: &Notes,
) -> Result<(), CheckError> {
    notes.go_on()?;
    let what = match repository.store().get(name, MAX_META).await {
        Ok(bytes) if ObjectHash::of(&bytes) == hash => None,
        Ok(_) => Some("its bytes are not those that the log names".to_owned()),
        Err(error) if error.is_missing() => Some("it is missing".to_owned()),
        Err(error) if error.is_damage() => Some(explain(&error)),
        Err(error) => return Err(error.into()),
    };
    if let Some(what) = what {
        notes.add(name, Severity::Repairable, what);
    }
    notes.step();
    Ok(())
}
