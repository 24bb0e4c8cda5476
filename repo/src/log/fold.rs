//! Folds: cached states of a prefix of the log, named so that the newest is listed first.

use super::error::LogError;
use super::state::State;
use crate::flaws::{Flaw, is_left_out};
use crate::keys::Keyring;
use crate::model::{ObjectHash, ObjectName, PackSet};
use crate::seal::{ObjectKind, envelope_generation};

/// Largest stored fold, in bytes.
pub(super) const MAX_OBJECT: u64 = (1 << 30) + 4096;

/// A fold as its name describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FoldName {
    /// Log generation.
    pub(super) generation: u16,
    /// Number of the last entry in it.
    pub(super) number: u64,
    /// The name.
    pub(super) object: ObjectName,
}

impl FoldName {
    /// Folder of all folds.
    pub(super) const FOLDER: &'static str = "meta/folds";

    /// The name of the fold of the state after the entry `number` with the hash `head`.
    pub(super) fn new(generation: u16, number: u64, head: ObjectHash) -> Result<Self, LogError> {
        let text = format!(
            "{}/{:04}-{:020}-{:.16}",
            Self::FOLDER,
            9999_u16.saturating_sub(generation),
            u64::MAX - number,
            head
        );
        Ok(Self {
            generation,
            number,
            object: ObjectName::parse(&text)?,
        })
    }

    /// Reads a listed name; `None` if it is no fold's.
    pub(super) fn parse(object: &ObjectName) -> Option<Self> {
        let mut parts = object
            .as_str()
            .strip_prefix(Self::FOLDER)?
            .strip_prefix('/')?
            .split('-');
        let generation = 9999_u16.checked_sub(parts.next()?.parse().ok()?)?;
        let number = u64::MAX - parts.next()?.parse::<u64>().ok()?;
        Some(Self {
            generation,
            number,
            object: object.clone(),
        })
    }
}

/// Seals a state.
pub(super) fn encode(keys: &Keyring, name: &FoldName, state: &State) -> Result<Vec<u8>, LogError> {
    let object = &name.object;
    let forgetful = is_left_out(Flaw::FoldForgetsSwept).then(|| State {
        swept: PackSet::new(),
        ..state.clone()
    });
    let state = forgetful.as_ref().unwrap_or(state);
    let plain = minicbor::to_vec(state).map_err(|e| LogError::Malformed {
        object: object.clone(),
        what: e.to_string(),
    })?;
    keys.seal_object_under(
        state.key_generation,
        ObjectKind::Fold,
        object.as_str(),
        &plain,
    )
    .map_err(|source| LogError::Seal {
        object: object.clone(),
        source,
    })
}

/// Opens a fold and checks that it is of the entry that its name says.
pub(super) fn open(keys: &Keyring, name: &FoldName, bytes: &[u8]) -> Result<State, LogError> {
    let object = &name.object;
    let plain = keys
        .open_object(ObjectKind::Fold, object.as_str(), bytes)
        .map_err(|source| LogError::Open {
            object: object.clone(),
            source,
        })?;
    let malformed = |what: String| LogError::Malformed {
        object: object.clone(),
        what,
    };
    let state: State = minicbor::decode(&plain).map_err(|e| malformed(e.to_string()))?;
    if state.generation != name.generation || state.next != name.number.saturating_add(1) {
        return Err(malformed(format!(
            "it holds the state before entry {}",
            state.next
        )));
    }
    if envelope_generation(bytes) != Some(state.key_generation) {
        // Or whoever has been shut out by a newer generation could make one.
        return Err(malformed(
            "it is sealed under another generation of keys than its state has".to_owned(),
        ));
    }
    if state.unknown_entry.is_some() {
        return Err(malformed(
            "its writer did not understand every entry".to_owned(),
        ));
    }
    Ok(state)
}
