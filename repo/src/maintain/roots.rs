//! What is live: the trees that must stay readable.

use std::collections::BTreeSet;

use super::error::MaintainError;
use super::mark::open_sessions;
use crate::log::State;
use crate::model::{ChunkRef, SessionId, SnapshotId};
use crate::snapshot::Snapshot;

/// The root of a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) page: ChunkRef,
    /// The dead session that it belongs to, if nobody has adopted that: nobody needs such a tree,
    /// but somebody may come back for it.
    pub(super) dead: Option<SessionId>,
}

/// All roots of a state, and the trees of the dead sessions that are to be `kept`.
///
/// Live are snapshots, the bases of open sessions, forgotten ones included, the partial trees of
/// open sessions, and those of the dead sessions that they have adopted.
pub(super) fn roots(state: &State, kept: &BTreeSet<SessionId>) -> Result<Vec<Root>, MaintainError> {
    let mut roots = Vec::new();
    let mut live = |page| roots.push(Root { page, dead: None });
    for snapshot in state.snapshots.values() {
        live(snapshot.root.0);
    }
    let mut adopted = BTreeSet::new();
    for (id, session) in open_sessions(state) {
        if let Some(base) = session.base {
            live(snapshot(state, id, base)?.root.0);
        }
        if let Some(partial) = session.partial {
            live(partial.0);
        }
        adopted.extend(session.adopts.iter().map(|dead| (*dead, id)));
    }
    for (dead, by) in &adopted {
        let session = state.sessions.get(dead).ok_or_else(|| {
            let what = format!("it goes on from session {dead}, which the log does not hold");
            MaintainError::stopped(&format!("session {by}"), what)
        })?;
        if let Some(partial) = session.partial {
            live(partial.0);
        }
    }
    let is_adopted = |id: &SessionId| adopted.iter().any(|(dead, _)| dead == id);
    for id in kept.iter().filter(|id| !is_adopted(id)) {
        let partial = state.sessions.get(id).and_then(|dead| dead.partial);
        if let Some(partial) = partial {
            roots.push(Root {
                page: partial.0,
                dead: Some(*id),
            });
        }
    }
    Ok(roots)
}

/// A snapshot that a session pins, be it forgotten or not.
pub(super) fn snapshot(
    state: &State,
    session: SessionId,
    id: SnapshotId,
) -> Result<&Snapshot, MaintainError> {
    let forgotten = || state.forgotten.get(&id).map(|f| &f.snapshot);
    state.snapshots.get(&id).or_else(forgotten).ok_or_else(|| {
        let what = format!("it pins snapshot {id}, which the log does not hold");
        MaintainError::stopped(&format!("session {session}"), what)
    })
}
