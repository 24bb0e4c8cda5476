//! Why a maintenance run did not come to its end.

use std::io;

use crate::index::IndexError;
use crate::log::{AppendError, Invalid, LogError};
use crate::model::NameError;
use crate::pack::PackError;
use crate::repository::{ReadError, SessionError};
use crate::seal::SealError;
use crate::store::StoreError;

/// A maintenance run did not come to its end. Whatever it was, nothing that anybody needs was
/// deleted, and the next run goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintainError {
    /// Something that must be read to know what is needed cannot be: nothing was condemned. Mend
    /// it, or forget the snapshots that need it.
    #[error("nothing was condemned, because what is needed is not known: {object}: {what}")]
    Stopped {
        /// The object that stopped it.
        object: String,
        /// What is wrong with it, as a clause.
        what: String,
    },
    /// The store did not do what was asked.
    #[error("cannot maintain the repository")]
    Store(#[from] StoreError),
    /// The log could not be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log does not take an entry of maintenance: the repository is of a newer version, or
    /// its log was closed.
    #[error("the log does not take an entry of maintenance")]
    Refused(#[source] Invalid),
    /// The session of this run could not go on.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The temporary index cannot be made or used, or a segment cannot be fetched.
    #[error("cannot read the index")]
    Index(#[from] IndexError),
    /// A page or chunk could not be fetched.
    #[error("cannot read a block")]
    Read(#[source] ReadError),
    /// A pack could not be fetched, or none can be made.
    #[error("cannot read or make a pack")]
    Pack(#[source] PackError),
    /// A block could not be sealed.
    #[error("cannot seal a block")]
    Seal(#[source] SealError),
    /// A temporary file cannot be used.
    #[error("cannot use a temporary file")]
    Scratch(#[from] io::Error),
    /// A folder of the layout is no name; cannot happen.
    #[error("cannot list the repository")]
    Name(#[from] NameError),
    /// It was asked to stop.
    #[error("the maintenance was stopped")]
    Cancelled,
}

impl MaintainError {
    pub(super) fn stopped(object: &impl ToString, what: impl Into<String>) -> Self {
        Self::Stopped {
            object: object.to_string(),
            what: what.into(),
        }
    }

    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) | Self::Log(LogError::Store(error)) => error.is_retryable(),
            Self::Index(error) => error.is_retryable(),
            Self::Pack(error) => error.is_retryable(),
            Self::Read(ReadError::Store { source, .. }) => source.is_retryable(),
            _ => false,
        }
    }
}

impl From<AppendError> for MaintainError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Invalid(invalid) => Self::Refused(invalid),
            AppendError::Log(log) => Self::Log(log),
        }
    }
}
