//! Why a restore stopped.

use std::io;
use std::path::PathBuf;

use orlop_repo::index::IndexError;
use orlop_repo::log::LogError;
use orlop_repo::repository::{ReadError, TreeError};
use orlop_repo::tree::KeyError;

use crate::fs::FsError;

/// A restore stopped. What it wrote stays, and the next one continues from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The snapshot has nothing there.
    #[error("the snapshot has no {path:?}")]
    NoSuchPath {
        /// The path that was asked for, lossy.
        path: String,
    },
    /// The path cannot stand in a snapshot.
    #[error("{path:?} cannot be a path of a snapshot")]
    BadPath {
        /// The path that was asked for, lossy.
        path: String,
        /// Why not.
        source: KeyError,
    },
    /// What stands there is neither a file nor a folder, so that it has no content.
    #[error("{path:?} of the snapshot has no content")]
    NoContent {
        /// The path that was asked for, lossy.
        path: String,
    },
    /// The target folder could not be made or opened.
    #[error("cannot use the target {}", .target.display())]
    Target {
        /// The folder.
        target: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The target folder is no folder, or cannot be read.
    #[error("cannot use the target {}", .target.display())]
    Open {
        /// The folder.
        target: PathBuf,
        /// Why.
        source: FsError,
    },
    /// The target takes nothing more: full, over quota, read-only.
    #[error("the target takes nothing more")]
    Write(#[source] FsError),
    /// The tree could not be read. If it is damaged, `check` names what is hurt.
    #[error("cannot read the tree of the snapshot")]
    Tree(#[from] TreeError),
    /// The store did not give a block; nothing says that it is damaged. Try again.
    #[error("cannot read the content")]
    Read(#[from] ReadError),
    /// The log could not be read, while looking for chunks that have moved.
    #[error("cannot read the log")]
    Log(#[from] LogError),
    /// The index could not be read, while looking for chunks that have moved.
    #[error("cannot use the index")]
    Index(#[from] IndexError),
    /// Temporary files failed.
    #[error("cannot use a temporary file")]
    Scratch(#[from] io::Error),
    /// The output of `cat` or `tar` took no more.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// It was asked to stop.
    #[error("the restore was interrupted; run it again, it continues")]
    Cancelled,
    /// A part of the restore ended without saying why.
    #[error("a thread of the restore ended early")]
    PartGone,
}

impl RestoreError {
    /// Whether stored bytes are wrong or gone, as opposed to a store that does not answer.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Tree(error) => error.is_damage(),
            Self::Read(error) => error.is_damage(),
            _ => false,
        }
    }
}
