//! Why something cannot be read: as an error number for the kernel, and in words for people.

use fuser::Errno;
use orlop_repo::explain::explain;
use orlop_repo::log::LogError;
use orlop_repo::model::SnapshotId;
use orlop_repo::repository::{ElsewhereError, ReadError, TreeError};
use orlop_repo::tree::PageFailure;

/// A request cannot be answered as the kernel hopes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// An ordinary answer: there is no such name, and the like. Nobody is told.
    #[error("the answer is {0:?}")]
    Plain(Errno),
    /// A page of the tree could not be read, and the name asked for stands below it.
    #[error(transparent)]
    Page(#[from] Box<PageFailure<TreeError>>),
    /// A content list could not be read.
    #[error("cannot read where its content stands")]
    Tree(#[from] TreeError),
    /// A block could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is not where the tree says, and could not be looked for.
    #[error(transparent)]
    Elsewhere(#[from] ElsewhereError),
    /// The log could not be read, to list the snapshots.
    #[error("cannot read the log, to list the snapshots")]
    Log(#[from] LogError),
    /// The content list ends before the file does.
    #[error("its content ends at byte {end} and should at {size}")]
    Short {
        /// Where it ends.
        end: u64,
        /// Where it should.
        size: u64,
    },
}

impl Trouble {
    /// There is nothing of that name.
    pub(super) const NONE: Self = Self::Plain(Errno::ENOENT);

    /// What the kernel is told: that the snapshot is gone, or that it cannot be read.
    pub(super) fn errno(&self) -> Errno {
        match self {
            Self::Plain(errno) => *errno,
            trouble if trouble.is_forgotten() => Errno::ESTALE,
            _ => Errno::EIO,
        }
    }

    /// Whether stored bytes are wrong or gone, as opposed to a store that does not answer.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Page(failure) => failure.source.is_damage(),
            Self::Tree(error) => error.is_damage(),
            Self::Read(error) => error.is_damage(),
            Self::Short { .. } => true,
            Self::Plain(_) | Self::Elsewhere(_) | Self::Log(_) => false,
        }
    }

    fn is_forgotten(&self) -> bool {
        match self {
            Self::Page(failure) => failure.source.is_forgotten(),
            Self::Tree(error) => error.is_forgotten(),
            Self::Elsewhere(error) => matches!(error, ElsewhereError::Forgotten { .. }),
            _ => false,
        }
    }

    /// The same in words; nothing for an ordinary answer.
    pub(super) fn words(&self, snapshot: SnapshotId) -> Option<String> {
        match self {
            Self::Plain(_) => None,
            trouble => Some(format!("snapshot {snapshot:.8}: {}", explain(trouble))),
        }
    }
}
