//! A reader's session: what is being read for long is announced in the log.

use std::sync::Arc;

use super::{Repository, Session, SessionError, SessionRequest};
use crate::log::{Invalid, Role};
use crate::model::SnapshotId;

/// A snapshot, or the whole repository, that is being read and announced as such.
///
/// While its session is open nothing is deleted that was condemned after it began. A reader that
/// may not write reads all the same: what is condemned stays for the time of grace, and what has
/// moved is found by the index. So does one whose session was declared dead.
pub struct Reading {
    session: Option<Session>,
    refused: Option<SessionError>,
}

impl Reading {
    /// Appends `Begin` with the role of a reader and pins `base`.
    ///
    /// That this is not possible is no error, but told by [`Self::refused`].
    ///
    /// # Errors
    ///
    /// [`Invalid::NoSnapshot`] if `base` was forgotten; [`SessionError::Log`] if the log is
    /// damaged or was rolled back.
    pub async fn begin(
        repository: &Arc<Repository>,
        base: Option<SnapshotId>,
        client: &str,
    ) -> Result<Self, SessionError> {
        let begun = Session::begin::<SessionError>(Arc::clone(repository), |_| {
            Ok(SessionRequest {
                role: Role::Reader,
                base,
                adopts: Vec::new(),
                owner: None,
                client: client.to_owned(),
                volume: None,
            })
        })
        .await;
        match begun {
            Ok(session) => Ok(Self {
                session: Some(session),
                refused: None,
            }),
            Err(error @ SessionError::Invalid(Invalid::NoSnapshot(_))) => Err(error),
            Err(SessionError::Log(error)) if error.is_damage() => Err(SessionError::Log(error)),
            Err(error) => Ok(Self {
                session: None,
                refused: Some(error),
            }),
        }
    }

    /// Why the log does not say that something is being read, if it does not.
    pub fn refused(&self) -> Option<&SessionError> {
        self.refused.as_ref()
    }

    /// Gives a sign of life: a session without one is taken for dead in the end. What was condemned
    /// before may then be deleted; what the pinned snapshot needs never is.
    ///
    /// # Errors
    ///
    /// [`Invalid::SessionNotOpen`] if it was declared dead, then there is no use in trying again.
    pub async fn keep_alive(&self) -> Result<(), SessionError> {
        match &self.session {
            Some(session) => session.checkpoint(None).await,
            None => Ok(()),
        }
    }

    /// Ends the session. That it was declared dead meanwhile is no error, and whoever has read
    /// what they wanted does not fail because of the log.
    pub async fn end(self) {
        let Some(session) = self.session else {
            return;
        };
        match session.end().await {
            Ok(()) | Err(SessionError::Invalid(Invalid::SessionNotOpen(_))) => {}
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the session stays open in the log"
            ),
        }
    }
}
