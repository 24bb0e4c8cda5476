//! Why a repair did not come to its end.

use crate::check::CheckError;
use crate::index::IndexError;
use crate::log::{AppendError, Invalid, LogError};
use crate::model::{NameError, ObjectName};
use crate::pack::PackError;
use crate::repository::{ReadError, RepositoryError, SessionError};
use crate::seal::SealError;
use crate::store::StoreError;

/// A repair did not come to its end. What it has done stays; run again, it goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The repository could not be opened, or looked at.
    #[error(transparent)]
    Open(#[from] RepositoryError),
    /// The repository could not be looked at: the store did not answer, or somebody stopped it.
    #[error("cannot look at the repository")]
    Check(#[from] CheckError),
    /// A segment cannot be read, so that nobody knows which places chunks have. Repair the index
    /// first.
    #[error("{segment}: the index segment cannot be read: what is lost is not known")]
    IndexFirst {
        /// One of them.
        segment: ObjectName,
    },
    /// There is a newer generation of keys than those at hand: what is sealed under it would look
    /// damaged.
    #[error("there are newer keys than the key at hand opens")]
    KeysOutdated,
    /// The log takes no entries from this version, or not this one.
    #[error("the log does not take the entry")]
    Refused(#[source] Invalid),
    /// The log could not be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The session could not go on.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The index could not be read.
    #[error("cannot read the index")]
    Index(#[from] IndexError),
    /// A pack could not be read or made.
    #[error("cannot read or make a pack")]
    Pack(#[source] PackError),
    /// A chunk could not be read.
    #[error("cannot read a block")]
    Read(#[source] ReadError),
    /// A block could not be sealed.
    #[error("cannot seal a block")]
    Seal(#[source] SealError),
    /// The store did not do what was asked.
    #[error("cannot repair the repository")]
    Store(#[from] StoreError),
    /// A name in the repository is none; cannot happen.
    #[error("cannot name an object")]
    Name(#[from] NameError),
    /// Others change the repository faster than it can be looked at.
    #[error("others change the repository faster than it can be read")]
    Outrun,
}

impl RepairError {
    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Check(CheckError::Cancelled))
    }
}

impl From<AppendError> for RepairError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Invalid(invalid) => Self::Refused(invalid),
            AppendError::Log(log) => Self::Log(log),
        }
    }
}
