//! What can go wrong with one file, and what is reported of it.

use std::io;

use rustix::io::Errno;

use super::{Kind, RelPath};

/// An operation on a file failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FsError {
    /// The system refused a call.
    #[error("{path}: cannot {action}")]
    Io {
        /// What was tried, as in "cannot open".
        action: &'static str,
        /// On what.
        path: RelPath,
        /// The system's answer.
        source: Errno,
    },
    /// Another object stands there than was seen a moment before: changed by somebody, or an
    /// attempt to lead the reader or writer astray. Nothing of it was read or written.
    #[error("{path}: was replaced by another object meanwhile")]
    Swapped {
        /// Where.
        path: RelPath,
    },
    /// It is of a kind that the operation is not made for.
    #[error("{path}: is a {found:?}, which cannot be used here")]
    WrongKind {
        /// Where.
        path: RelPath,
        /// What stands there.
        found: Kind,
    },
    /// Something stands where a file was to be created, and the policy says to keep it.
    #[error("{path}: exists already, as a {found:?}")]
    Exists {
        /// Where.
        path: RelPath,
        /// What stands there.
        found: Kind,
    },
    /// A name that is not one component.
    #[error("{path}: not a valid name")]
    BadName {
        /// Where.
        path: RelPath,
    },
    /// The scratch file of a list that is too long for memory failed. Unlike the others it says
    /// nothing about one file: the whole operation cannot go on.
    #[error("scratch file failed")]
    Scratch {
        /// The cause.
        #[from]
        source: io::Error,
    },
}

impl FsError {
    pub(super) fn io(action: &'static str, path: &RelPath) -> impl FnOnce(Errno) -> Self {
        move |source| Self::Io {
            action,
            path: path.clone(),
            source,
        }
    }

    /// Whether the object is simply no longer there.
    pub fn is_vanished(&self) -> bool {
        matches!(
            self,
            Self::Io {
                source: Errno::NOENT | Errno::STALE,
                ..
            }
        )
    }
}

/// Something about one entry that the user hears of; the walk goes on.
#[derive(Debug)]
pub struct Problem {
    /// Which entry.
    pub path: RelPath,
    /// What about it.
    pub what: Trouble,
}

/// Kinds of [`Problem`].
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It was listed and then gone.
    #[error("vanished before it was read")]
    Vanished,
    /// It was replaced by another object between two looks.
    #[error("was replaced by another object while it was looked at")]
    Swapped,
    /// A call on it failed.
    #[error("cannot {action}")]
    Unreadable {
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        #[source]
        errno: Errno,
    },
    /// A folder that contains itself through a mount; not entered.
    #[error("contains itself through a mount, and was not entered")]
    Loop,
    /// It lies on another file system and the walk stays on one; not entered.
    #[error("is on another file system, and was not entered")]
    OtherFileSystem,
    /// The file system gave a name that no file can have.
    #[error("has a name that no file can have")]
    BadName,
    /// The file system listed a name twice; the second is left out.
    #[error("was listed twice by the file system")]
    Duplicate,
    /// Its key would be longer than a tree page can hold; not entered.
    #[error("has a path longer than a tree can hold, and was not entered")]
    TooLong,
}

/// How bad a [`Trouble`] is for the snapshot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// As the user asked for; only said.
    Notice,
    /// The volume moved while it was read; the snapshot is whole.
    Warning,
    /// Something that is there is not in the snapshot.
    Error,
}

impl Trouble {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::OtherFileSystem | Self::Loop => Severity::Notice,
            Self::Vanished => Severity::Warning,
            Self::Swapped
            | Self::Unreadable { .. }
            | Self::BadName
            | Self::Duplicate
            | Self::TooLong => Severity::Error,
        }
    }

    pub(super) fn from_errno(action: &'static str, errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::STALE => Self::Vanished,
            _ => Self::Unreadable { action, errno },
        }
    }
}

impl From<FsError> for Problem {
    fn from(error: FsError) -> Self {
        match error {
            FsError::Io {
                action,
                path,
                source,
            } => Self {
                path,
                what: Trouble::from_errno(action, source),
            },
            FsError::Swapped { path }
            | FsError::WrongKind { path, .. }
            | FsError::Exists { path, .. } => Self {
                path,
                what: Trouble::Swapped,
            },
            FsError::BadName { path } => Self {
                path,
                what: Trouble::BadName,
            },
            FsError::Scratch { .. } => Self {
                path: RelPath::root(),
                what: Trouble::Unreadable {
                    action: "use a scratch file",
                    errno: Errno::IO,
                },
            },
        }
    }
}
