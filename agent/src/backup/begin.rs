//! Beginning: the snapshot to compare with, and the dead sessions whose work is carried on.

use std::sync::Arc;

use orlop_repo::log::{Role, Session as SessionState, State};
use orlop_repo::model::SessionId;
use orlop_repo::repository::{Session, SessionError, SessionRequest};
use orlop_repo::snapshot::{RootRef, Snapshot};

use super::error::BackupError;
use super::options::{BackupOptions, Tools};
use super::predecessor::Note;

/// Dead sessions that one backup carries on at the most, the newest first: each of their trees is
/// read beside the walk. More stay for the next backup.
const MAX_ADOPTED: usize = 8;

/// A session, and what it rests on.
pub(super) struct Begun {
    pub(super) session: Arc<Session>,
    /// The snapshot to compare with.
    pub(super) base: Option<Snapshot>,
    /// Sessions that its `Begin` adopts, the one with the newest checkpoint first.
    pub(super) adopted: Vec<Adopted>,
    /// Dead sessions known to this machine alone: they have no checkpoint.
    pub(super) unnamed: Vec<SessionId>,
    /// Says that this backup lives, until it is dropped.
    note: Option<Note>,
}

/// A dead session whose checkpoint is pinned.
#[derive(Clone, Copy)]
pub(super) struct Adopted {
    pub(super) id: SessionId,
    /// The tree of what it had finished.
    pub(super) partial: Option<RootRef>,
    /// Number of its last checkpoint.
    checkpoint: Option<u64>,
}

/// Why a session does not begin in a state.
enum NotYet {
    /// A predecessor is open that has to be declared dead first.
    Predecessor(SessionId),
    Failed(BackupError),
}

impl From<SessionError> for NotYet {
    fn from(error: SessionError) -> Self {
        Self::Failed(error.into())
    }
}

impl Begun {
    /// Opens a session: declares its predecessors dead and adopts what they and other dead
    /// sessions of the volume have left. A trial run opens none, and adopts nothing.
    pub(super) fn new(tools: &Tools, options: &BackupOptions) -> Result<Self, BackupError> {
        let repository = &tools.repository;
        if options.dry_run {
            let state = tools.runtime.block_on(repository.state());
            let base = base(options, &state)?;
            return Ok(Self {
                session: Arc::new(Session::detached(Arc::clone(repository), &state)?),
                base,
                adopted: Vec::new(),
                unnamed: Vec::new(),
                note: None,
            });
        }
        let id = Session::new_id(repository)?;
        let note = note(options, id);
        let noted = note.as_ref().map_or(&[][..], Note::earlier);
        let mut unnamed = noted.to_vec();
        loop {
            let mut found = None;
            let begun =
                tools
                    .runtime
                    .block_on(Session::begin_as(Arc::clone(repository), id, |state| {
                        let open =
                            options
                                .predecessors
                                .open_in(state, noted, options.owner.as_deref());
                        if let Some(open) = open {
                            return Err(NotYet::Predecessor(open));
                        }
                        let base = base(options, state).map_err(NotYet::Failed)?;
                        let adopted = adoptable(state, &options.volume);
                        let request = SessionRequest {
                            role: Role::Writer,
                            base: base.as_ref().map(|base| base.id),
                            adopts: adopted.iter().map(|adopted| adopted.id).collect(),
                            owner: options.owner.clone(),
                            client: options.client.clone(),
                            volume: Some(options.volume.clone()),
                        };
                        found = Some((base, adopted));
                        Ok(request)
                    }));
            let session = match begun {
                Ok(session) => session,
                Err(NotYet::Failed(error)) => return Err(error),
                Err(NotYet::Predecessor(dead)) => {
                    tracing::info!(session = %dead, "the process of this session is dead");
                    tools
                        .runtime
                        .block_on(Session::kill(Arc::clone(repository), dead))?;
                    if !unnamed.contains(&dead) {
                        unnamed.push(dead);
                    }
                    continue;
                }
            };
            let (base, adopted) = found.unwrap_or_default();
            unnamed.retain(|id| !adopted.iter().any(|adopted| adopted.id == *id));
            return Ok(Self {
                session: Arc::new(session),
                base,
                adopted,
                unnamed,
                note,
            });
        }
    }

    /// The backup has made its snapshot: its predecessors are of no use any more.
    pub(super) fn done(&self) {
        if let Some(note) = &self.note
            && let Err(error) = note.clear()
        {
            tracing::debug!(%error, "cannot clear the note of this machine's sessions");
        }
    }
}

/// The snapshot to compare with.
fn base(options: &BackupOptions, state: &State) -> Result<Option<Snapshot>, BackupError> {
    match options.parent {
        Some(id) => state
            .snapshots
            .get(&id)
            .cloned()
            .map(Some)
            .ok_or(BackupError::NoParent(id)),
        None => Ok(state
            .snapshots
            .values()
            .filter(|snapshot| snapshot.volume == options.volume)
            .max_by_key(|snapshot| snapshot.finished_ms)
            .cloned()),
    }
}

/// The dead sessions of a volume that may be adopted. One whose packs are about to go is left out:
/// what is intact of it is found through the index.
fn adoptable(state: &State, volume: &str) -> Vec<Adopted> {
    let of_volume = |session: &SessionState| {
        session.dead && session.role == Role::Writer && session.volume.as_deref() == Some(volume)
    };
    let mut adopted: Vec<_> = state
        .sessions
        .iter()
        .filter(|(id, session)| of_volume(session) && state.adoptable(**id).is_ok())
        .map(|(&id, session)| Adopted {
            id,
            partial: session.partial,
            checkpoint: session.checkpoint,
        })
        .collect();
    adopted.sort_by_key(|adopted| std::cmp::Reverse(adopted.checkpoint));
    adopted.truncate(MAX_ADOPTED);
    adopted
}

/// Notes the session for whoever comes after a crash. Nothing if another backup of the volume
/// runs here: then neither is the other's predecessor. That it fails costs only that the next
/// backup does not know this one for dead at once.
fn note(options: &BackupOptions, session: SessionId) -> Option<Note> {
    let folder = options.predecessors.notes.as_deref()?;
    let noted = Note::take(folder, &options.volume).and_then(|note| {
        if let Some(note) = &note {
            note.add(session)?;
        }
        Ok(note)
    });
    match noted {
        Ok(Some(note)) => Some(note),
        Ok(None) => {
            tracing::info!(volume = options.volume, "another backup of it is running");
            None
        }
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "cannot note this session");
            None
        }
    }
}
