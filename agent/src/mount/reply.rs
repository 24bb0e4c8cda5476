//! A folder as the kernel wants it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use fuser::{FileAttr, Generation, ReplyDirectory, ReplyDirectoryPlus};

use super::trouble::Trouble;

/// Names of a folder on their way to the kernel.
pub(super) enum FolderReply {
    /// Bare.
    Names(ReplyDirectory),
    /// With what `stat` says of each; the kernel then knows the inodes.
    Plus(ReplyDirectoryPlus),
}

impl FolderReply {
    /// Whether the kernel then knows the inodes.
    pub(super) fn tells_inodes(&self) -> bool {
        matches!(self, Self::Plus(_))
    }

    /// Adds a name that is good for some time; the kernel goes on from `next`. `true` if there is
    /// no room for it.
    pub(super) fn add(&mut self, next: u64, name: &[u8], found: &FileAttr, good: Duration) -> bool {
        let name = OsStr::from_bytes(name);
        match self {
            Self::Names(reply) => reply.add(found.ino, next, found.kind, name),
            Self::Plus(reply) => reply.add(found.ino, next, name, &good, found, Generation(0)),
        }
    }

    /// Sends it, or why it could not be filled.
    pub(super) fn send(self, filled: Result<(), Trouble>) {
        match (self, filled) {
            (Self::Names(reply), Ok(())) => reply.ok(),
            (Self::Plus(reply), Ok(())) => reply.ok(),
            (Self::Names(reply), Err(trouble)) => reply.error(trouble.errno()),
            (Self::Plus(reply), Err(trouble)) => reply.error(trouble.errno()),
        }
    }
}
