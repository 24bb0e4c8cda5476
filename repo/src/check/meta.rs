//! Format object, slots and key generations: there, and those that the log names.

use super::error::CheckError;
use super::history::History;
use super::report::{Remedy, Severity};
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
        let name = ObjectName::format();
        check_object(repository, &name, hash, Some(Remedy::RepairLog), notes).await?;
    }
    for (slot, hash) in &state.slots {
        let name = ObjectName::parse(slot)?;
        check_object(repository, &name, *hash, Some(Remedy::RepairLog), notes).await?;
    }
    for (generation, hash) in &history.generations {
        // Every generation that the log has started is at hand.
        if let Some(name) = repository.keys().generation_name(*generation) {
            check_object(repository, &name, *hash, None, notes).await?;
        }
    }
    for info in meta {
        let name = info.name.as_str();
        if name.starts_with("meta/slots/") && !state.slots.contains_key(name) {
            notes.add(
                &name,
                Severity::Note,
                None,
                "the log does not name this slot",
            );
        }
    }
    Ok(())
}

/// Compares one object with its hash.
async fn check_object(
    repository: &Repository,
    name: &ObjectName,
    hash: ObjectHash,
    remedy: Option<Remedy>,
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
        notes.add(name, Severity::Repairable, remedy, what);
    }
    notes.step();
    Ok(())
}
