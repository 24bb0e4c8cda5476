//! Why a check could not be brought to its end.

use crate::index::IndexError;
use crate::log::LogError;
use crate::model::NameError;
use crate::pack::PackError;
use crate::repository::ReadError;
use crate::store::StoreError;

/// The check did not come to its end and says nothing about the repository: the store did not
/// answer, the machine failed, or it was asked to stop. Damage is never among these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The store did not do what was asked.
    #[error("cannot read the repository")]
    Store(#[from] StoreError),
    /// The log could not be read.
    #[error("cannot read the log")]
    Log(#[source] LogError),
    /// The temporary index cannot be made or used, or a segment cannot be read.
    #[error("cannot read the index")]
    Index(#[source] IndexError),
    /// A pack could not be read.
    #[error("cannot read a pack")]
    Pack(#[source] PackError),
    /// A page or chunk could not be read.
    #[error("cannot read a block")]
    Read(#[source] ReadError),
    /// A folder of the layout is no name; cannot happen.
    #[error("cannot list the repository")]
    Name(#[from] NameError),
    /// A thread of the check has ended without a result.
    #[error("a part of the check has ended without a result")]
    PartGone,
    /// It was asked to stop.
    #[error("the check was stopped")]
    Cancelled,
}

impl CheckError {
    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) | Self::Log(LogError::Store(error)) => error.is_retryable(),
            Self::Index(error) => error.is_retryable(),
            Self::Pack(error) => error.is_retryable(),
            Self::Read(ReadError::Store { source, .. }) => source.is_retryable(),
            Self::Log(_) | Self::Read(_) | Self::Name(_) | Self::PartGone | Self::Cancelled => {
                false
            }
        }
    }
}
