//! Sessions that stay open although nobody works in them.

use std::time::{Duration, SystemTime};

use futures::TryStreamExt as _;

use super::error::MaintainError;
use super::mark::open_sessions;
use crate::log::{Session, State};
use crate::model::{ObjectName, SessionId};
use crate::repository::Repository;
use crate::store::Folder;

/// The open sessions that have given no sign of life for the time that is theirs.
///
/// Signs of life are the session's entries in the log and its packs and segments, by the times
/// that the store gives; so is the present. One observation decides nothing but when to try: a
/// session that is declared dead while it lives loses its time, and never data.
pub(super) async fn silent(
    repository: &Repository,
    state: &State,
    after: Duration,
) -> Result<Vec<SessionId>, MaintainError> {
    if open_sessions(state).next().is_none() {
        return Ok(Vec::new());
    }
    let now = repository.store().store_now().await?;
    let mut silent = Vec::new();
    for (id, session) in open_sessions(state) {
        let Some(last) = last_sign(repository, state, id, session).await? else {
            continue;
        };
        let doubled = after.checked_mul(1 << kills(state, session).min(20));
        let for_now = now.duration_since(last).unwrap_or_default();
        if doubled.is_some_and(|after| for_now >= after) {
            silent.push(id);
        }
    }
    Ok(silent)
}

/// Dead sessions of the same client that the log still holds: it may be slow, and not dead.
fn kills(state: &State, of: &Session) -> usize {
    let same = |session: &&Session| {
        session.dead
            && (session.role, &session.volume, &session.client) == (of.role, &of.volume, &of.client)
    };
    state.sessions.values().filter(same).count()
}

/// When a session last gave a sign of life; nothing if none can be found.
async fn last_sign(
    repository: &Repository,
    state: &State,
    id: SessionId,
    session: &Session,
) -> Result<Option<SystemTime>, MaintainError> {
    let entry = session.checkpoint.unwrap_or(session.begun);
    let mut last = entry_time(repository, state, entry).await?;
    for folder in ["packs", "index"] {
        let folder = Folder::parse(&format!("{folder}/{id}"))?;
        let mut listing = repository.store().walk(&folder);
        while let Some(info) = listing.try_next().await? {
            last = last.max(Some(info.modified));
        }
    }
    Ok(last)
}

/// When an entry of the log was stored.
async fn entry_time(
    repository: &Repository,
    state: &State,
    number: u64,
) -> Result<Option<SystemTime>, MaintainError> {
    // Numbers go on from one log generation to the next: each stands in one of them.
    for generation in (1..=state.generation).rev() {
        let name = ObjectName::log_entry(generation, number);
        match repository.store().head(&name).await {
            Ok(info) => return Ok(Some(info.modified)),
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}
