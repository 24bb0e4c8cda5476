//! Bringing forgotten snapshots back.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::present::{Presence, PresentError};
use super::{Repository, Session, SessionError, SessionRequest};
use crate::flaws::{Flaw, is_left_out};
use crate::index::{IndexError, LocalIndex};
use crate::log::{AppendError, Body, Invalid, LogError, Role, State, Unforget};
use crate::model::{PackSet, SnapshotId};

/// Snapshots were not brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnforgetError {
    /// It is not forgotten, or maintenance has taken what it needs.
    #[error("snapshot {snapshot} is not among the forgotten ones that can come back")]
    NotForgotten {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// Something that it needs is not there, or could not be looked for.
    #[error(
        "snapshot {snapshot} cannot be proven whole at /{}",
        String::from_utf8_lossy(path)
    )]
    NotWhole {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The first entry that is concerned; raw bytes, without a leading slash.
        path: Vec<u8>,
        /// What is wrong.
        #[source]
        source: Box<PresentError>,
    },
    /// The index could not be brought up to date.
    #[error("cannot use the index")]
    Index(#[from] IndexError),
    /// The session could not go on.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The part of the program that looked died.
    #[error("the look through the snapshots did not come to its end")]
    PartGone,
}

impl From<AppendError> for UnforgetError {
    fn from(error: AppendError) -> Self {
        Self::Session(error.into())
    }
}

impl From<LogError> for UnforgetError {
    fn from(error: LogError) -> Self {
        Self::Session(SessionError::Log(error))
    }
}

impl Repository {
    /// Brings forgotten snapshots back, all or none: `Unforget`, after every page of theirs was
    /// read and every chunk found in a pack that is there. Those that somebody else brought back
    /// meanwhile are no error.
    ///
    /// What it finds is relied on by the entry, so that maintenance that has condemned it lets it
    /// be. A sweep that comes first makes it look again. `cancelled` is asked now and then.
    ///
    /// # Errors
    ///
    /// [`UnforgetError::NotForgotten`] and [`UnforgetError::NotWhole`] name the snapshot; nothing
    /// has changed then.
    pub async fn unforget(
        self: &Arc<Self>,
        snapshots: &[SnapshotId],
        index: &Arc<LocalIndex>,
        client: &str,
        cancelled: impl Fn() -> bool + Clone + Send + Sync + 'static,
    ) -> Result<(), UnforgetError> {
        let session = Session::begin::<UnforgetError>(Arc::clone(self), |state| {
            wanted(state, snapshots)?;
            Ok(SessionRequest {
                role: Role::Maintainer,
                base: None,
                adopts: Vec::new(),
                owner: None,
                client: client.to_owned(),
                volume: None,
            })
        })
        .await?;
        let result = bring_back(&session, snapshots, index, cancelled).await;
        let ended = session.end().await;
        result?;
        match ended {
            Ok(()) | Err(SessionError::Invalid(Invalid::SessionNotOpen(_))) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Those of `snapshots` that are forgotten in `state`. That others are live is no error.
fn wanted(state: &State, snapshots: &[SnapshotId]) -> Result<Vec<SnapshotId>, UnforgetError> {
    let mut wanted = Vec::new();
    for &snapshot in snapshots {
        if state.forgotten.contains_key(&snapshot) {
            wanted.push(snapshot);
        } else if !state.snapshots.contains_key(&snapshot) {
            return Err(UnforgetError::NotForgotten { snapshot });
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(wanted)
}

async fn bring_back(
    session: &Session,
    snapshots: &[SnapshotId],
    index: &Arc<LocalIndex>,
    cancelled: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> Result<(), UnforgetError> {
    let repository = session.repository();
    loop {
        let state = repository.state().await;
        let state = repository.sync_index::<UnforgetError>(index, state).await?;
        let ids = wanted(&state, snapshots)?;
        if ids.is_empty() {
            return Ok(());
        }
        let lost = state.lost.len();
        let (relied, lost) = if is_left_out(Flaw::UnforgetWithoutObligations) {
            (PackSet::new(), lost)
        } else {
            look_through(repository, ids, state, index, cancelled.clone()).await?
        };
        let appended = repository
            .chain()
            .await
            .append::<UnforgetError>(|state| {
                let wanted = wanted(state, snapshots)?;
                if state.lost.len() > lost {
                    return Err(UnforgetError::Session(SessionError::LostMeanwhile));
                }
                Ok(Body::Unforget(Unforget {
                    session: session.id(),
                    snapshots: wanted,
                    relied: relied.clone(),
                }))
            })
            .await;
        match appended {
            Ok(_) => return Ok(()),
            // Some of it was swept; it may have been moved before.
            Err(UnforgetError::Session(SessionError::Invalid(Invalid::Swept(_)))) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Proves every snapshot whole; gives the packs that they need, and how many chunks were lost.
async fn look_through(
    repository: &Arc<Repository>,
    ids: Vec<SnapshotId>,
    state: State,
    index: &Arc<LocalIndex>,
    cancelled: impl Fn() -> bool + Send + Sync + 'static,
) -> Result<(PackSet, usize), UnforgetError> {
    let (repository, index) = (Arc::clone(repository), Arc::clone(index));
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let presence = Presence::new(&repository, runtime, &state, &index, &cancelled);
        for id in ids {
            let Some(forgotten) = state.forgotten.get(&id) else {
                continue;
            };
            let looked = presence.tree(&forgotten.snapshot.root.0);
            looked.map_err(|(path, source)| UnforgetError::NotWhole {
                snapshot: id,
                path,
                source,
            })?;
        }
        Ok((presence.into_relied(), state.lost.len()))
    })
    .await
    .map_err(|_| UnforgetError::PartGone)?
}
