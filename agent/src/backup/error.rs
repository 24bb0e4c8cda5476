//! What can stop a backup. A file that cannot be read does not.

use orlop_repo::index::IndexError;
use orlop_repo::log::LogError;
use orlop_repo::pack::PackError;
use orlop_repo::repository::{ElsewhereError, ReadError, SessionError, TreeError};
use orlop_repo::seal::SealError;
use orlop_repo::snapshot::LabelError;

use crate::fs::FsError;

/// The backup stopped. Nothing was promised; what was stored is found by the next run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The source cannot be opened.
    #[error("cannot back up {path}")]
    Source {
        /// The path that was named.
        path: String,
        /// Why.
        #[source]
        source: FsError,
    },
    /// A folder was named where a device or an image is wanted.
    #[error("{path} is a folder, no device or image; leave --device out to back it up")]
    NoDevice {
        /// The path that was named.
        path: String,
    },
    /// The walk cannot go on: its scratch file failed.
    #[error("the walk through the volume stopped")]
    Walk(#[source] FsError),
    /// The stream cannot be read.
    #[error("cannot read the stream")]
    Stream(#[source] std::io::Error),
    /// What is said of the snapshot is too long for its record.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The session or the store failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A block could not be sealed, or does not open to its source again.
    #[error("cannot seal a block")]
    Seal(#[source] SealError),
    /// A pack could not be built.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The store did not give a page of the parent snapshot; nothing says that it is damaged.
    #[error("cannot read the parent snapshot")]
    Parent(#[source] TreeError),
    /// The tree could not be built.
    #[error("cannot build the tree: {what}")]
    Tree {
        /// What is wrong.
        what: String,
    },
    /// The store did not give a page of the snapshot that is copied; nothing says that it is damaged.
    #[error("cannot read the tree of the snapshot that is copied")]
    CopiedTree(#[source] TreeError),
    /// The store did not give a block of the snapshot that is copied; nothing says that it is damaged.
    #[error("cannot read a file of the snapshot that is copied")]
    CopiedBlock(#[source] ReadError),
    /// What is copied has moved and could not be looked for.
    #[error("cannot find a file of the snapshot that is copied")]
    CopiedElsewhere(#[source] ElsewhereError),
    /// The named parent is not in the repository.
    #[error("snapshot {0} is not in the repository")]
    NoParent(orlop_repo::model::SnapshotId),
    /// The user asked to stop. What was stored is named in a checkpoint.
    #[error("interrupted; what is stored already is found by the next run")]
    Interrupted,
    /// A thread of the pipeline is gone.
    #[error("a part of the pipeline stopped without a reason")]
    PartGone,
}

impl From<LogError> for BackupError {
    fn from(error: LogError) -> Self {
        Self::Session(SessionError::Log(error))
    }
}
