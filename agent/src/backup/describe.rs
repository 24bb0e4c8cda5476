//! From what the file system says to what is recorded.

use orlop_repo::tree::{Entry, EntryKind, Notes, Timestamp};

use crate::classify::Class;
use crate::fs::{Item, Kind, Meta, Remembered, Stat, Time};

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        Self {
            secs: time.secs,
            nanos: time.nanos,
        }
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self {
            secs: time.secs,
            nanos: time.nanos,
        }
    }
}

/// The kind that is recorded for a kind of the file system.
pub(super) fn kind(kind: Kind) -> EntryKind {
    match kind {
        Kind::Folder => EntryKind::Folder,
        Kind::File => EntryKind::File,
        Kind::Symlink => EntryKind::Symlink,
        Kind::CharDevice => EntryKind::CharDevice,
        Kind::BlockDevice => EntryKind::BlockDevice,
        Kind::Fifo => EntryKind::Fifo,
        Kind::Socket => EntryKind::Socket,
    }
}

/// The class of a file that looks like `found`: that by which the parent snapshot has it, if it
/// is the same file and was not made anew.
pub(super) fn class(found: Class, stat: &Stat, old: Option<&Entry>) -> Class {
    let known = old
        .filter(|old| old.kind == EntryKind::File && old.inode == stat.identity.ino)
        .and_then(|old| Some((Class::from_recorded(old.class)?, old.size)));
    match known {
        Some((class, size)) => found.after(class, size, stat.size),
        None => found,
    }
}

/// The entry of an item, without its content.
pub(super) fn entry(item: &Item, stat: &Stat, meta: Meta, link_key: &[u8; 32]) -> Entry {
    let kind = kind(stat.kind);
    let mut entry = Entry::new(item.name.to_vec(), kind);
    entry.mode = u16::try_from(stat.mode & 0o7777).unwrap_or(0);
    entry.uid = stat.uid;
    entry.gid = stat.gid;
    entry.mtime = stat.mtime.into();
    entry.ctime = stat.ctime.into();
    entry.btime = stat.birth.map(Into::into);
    entry.inode = stat.identity.ino;
    entry.xattrs = meta.xattrs;
    entry.flags = meta.flags;
    entry.project = meta.project;
    if matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice) {
        entry.rdev = Some(stat.device);
    }
    entry.link_group = link_group(stat, link_key);
    entry.device = entry.link_group.map(|_| stat.identity.dev);
    entry
}

/// Name of an inode, if several entries share it.
pub(super) fn link_group(stat: &Stat, link_key: &[u8; 32]) -> Option<[u8; 16]> {
    if stat.links <= 1 || stat.kind == Kind::Folder {
        return None;
    }
    let mut hasher = blake3::Hasher::new_keyed(link_key);
    hasher.update(&stat.identity.dev.to_le_bytes());
    hasher.update(&stat.identity.ino.to_le_bytes());
    let mut group = [0; 16];
    hasher.finalize_xof().fill(&mut group);
    Some(group)
}

/// What the parent snapshot remembers of an entry, for the rule "unchanged".
pub(super) fn remembered(old: &Entry) -> Remembered {
    let unreliable = Notes::CHANGED
        .with(Notes::READ_ERROR)
        .with(Notes::UNTRUSTED);
    Remembered {
        size: old.size,
        mtime: old.mtime.into(),
        ctime: old.ctime.into(),
        ino: old.inode,
        settled: old.notes.bits() & unreliable.bits() == 0,
    }
}
