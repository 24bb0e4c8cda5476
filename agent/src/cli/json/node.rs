//! An entry of a snapshot as programs see it.

use orlop_repo::tree::{Entry, EntryKind};
use serde::Serialize;

use super::{raw, text, time};
use crate::cli::human;

/// An entry: a line of `orlop ls --json`, a match of `orlop find --json`.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Node {
    /// `node` where it stands in a stream of messages, else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) message_type: Option<&'static str>,
    name: String,
    /// `file`, `dir`, `symlink`, `dev`, `chardev`, `fifo` or `socket`.
    #[serde(rename = "type")]
    kind: &'static str,
    path: String,
    /// Bytes of the path as hex digits, if it is no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    uid: u32,
    gid: u32,
    /// Bytes of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// The 12 permission bits.
    mode: u16,
    /// As `ls -l` shows them.
    permissions: String,
    mtime: Option<String>,
    ctime: Option<String>,
    inode: u64,
    /// Where a symbolic link points.
    #[serde(skip_serializing_if = "Option::is_none")]
    linktarget: Option<String>,
}

impl Node {
    /// The entry at `path`, which has a leading slash.
    pub(in crate::cli) fn new(path: &[u8], entry: &Entry) -> Self {
        Self {
            message_type: None,
            name: text(&entry.name),
            kind: kind(entry.kind),
            path: text(path),
            path_hex: raw(path),
            uid: entry.uid,
            gid: entry.gid,
            size: (entry.kind == EntryKind::File).then_some(entry.size),
            mode: entry.mode,
            permissions: format!(
                "{}{}",
                letter(entry.kind),
                human::permissions(entry.mode.into())
            ),
            mtime: time(entry.mtime.secs, entry.mtime.nanos),
            ctime: time(entry.ctime.secs, entry.ctime.nanos),
            inode: entry.inode,
            linktarget: entry.target.as_deref().map(text),
        }
    }
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Folder => "dir",
        EntryKind::File => "file",
        EntryKind::Symlink => "symlink",
        EntryKind::CharDevice => "chardev",
        EntryKind::BlockDevice => "dev",
        EntryKind::Fifo => "fifo",
        EntryKind::Socket => "socket",
        EntryKind::Unknown(_) => "irregular",
    }
}

/// The letter by which `ls -l` shows a kind.
pub(in crate::cli) fn letter(kind: EntryKind) -> char {
    match kind {
        EntryKind::Folder => 'd',
        EntryKind::File => '-',
        EntryKind::Symlink => 'l',
        EntryKind::CharDevice => 'c',
        EntryKind::BlockDevice => 'b',
        EntryKind::Fifo => 'p',
        EntryKind::Socket => 's',
        EntryKind::Unknown(_) => '?',
    }
}
