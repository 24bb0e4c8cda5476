//! Why a restore stopped.

use std::io;
use std::path::PathBuf;

use orlop_repo::repository::{ElsewhereError, ReadError, TreeError};
use orlop_repo::tree::{KeyError, PageFailure};

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
    /// What stands there is a folder.
    #[error("{path:?} of the snapshot is a folder")]
    IsFolder {
        /// The path that was asked for, lossy.
        path: String,
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
    /// A content list could not be read. If it is damaged, `check` names what is hurt.
    #[error("cannot read the tree of the snapshot")]
    Tree(#[from] TreeError),
    /// A page of the tree could not be read, and something is needed that stands below it.
    #[error("cannot read the tree of the snapshot")]
    Page(#[from] Box<PageFailure<TreeError>>),
    /// The store did not give a block; nothing says that it is damaged. Try again.
    #[error("cannot read the content")]
    Read(#[from] ReadError),
    /// Chunks that are not where the tree says could not be looked for, or the snapshot is gone.
    #[error(transparent)]
    Elsewhere(#[from] ElsewhereError),
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
            Self::Page(failure) => failure.source.is_damage(),
            Self::Read(error) => error.is_damage(),
            _ => false,
        }
    }
}
