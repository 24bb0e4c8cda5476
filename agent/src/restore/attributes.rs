//! From what is recorded to what the file system is told.

use orlop_repo::tree::{Entry, EntryKind};

use crate::fs::{Attributes, Kind, Meta, Stat};

/// The kind in the words of the file system; nothing for one that this version does not know.
pub(super) fn kind(kind: EntryKind) -> Option<Kind> {
    Some(match kind {
        EntryKind::Folder => Kind::Folder,
        EntryKind::File => Kind::File,
        EntryKind::Symlink => Kind::Symlink,
        EntryKind::CharDevice => Kind::CharDevice,
        EntryKind::BlockDevice => Kind::BlockDevice,
        EntryKind::Fifo => Kind::Fifo,
        EntryKind::Socket => Kind::Socket,
        EntryKind::Unknown(_) => return None,
    })
}

/// The metadata that an entry is to have.
pub(super) fn attributes(entry: &mut Entry, kind: Kind) -> Attributes {
    Attributes {
        kind,
        mode: u32::from(entry.mode),
        uid: entry.uid,
        gid: entry.gid,
        mtime: entry.mtime.into(),
        xattrs: std::mem::take(&mut entry.xattrs),
        flags: entry.flags,
        project: entry.project,
    }
}

/// Whether an object has this metadata already.
pub(super) fn has(stat: &Stat, meta: &Meta, want: &Attributes) -> bool {
    (stat.kind, stat.mode, stat.uid, stat.gid, stat.mtime)
        == (want.kind, want.mode, want.uid, want.gid, want.mtime)
        && (meta.flags, meta.project) == (want.flags, want.project)
        && meta.xattrs == want.xattrs
}
