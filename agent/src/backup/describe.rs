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
    link(&mut entry, stat, link_key);
    entry
}

/// Says which names an entry shares its inode with: also of one that is taken over from an earlier
/// snapshot. A volume has another device number each time that it is mounted, and its names would
/// come apart where some are taken over and others are read.
pub(super) fn link(entry: &mut Entry, stat: &Stat, link_key: &[u8; 32]) {
    entry.link_group = link_group(stat, link_key);
    entry.device = entry.link_group.map(|_| stat.identity.dev);
}

/// Name of an inode, if several entries share it.
fn link_group(stat: &Stat, link_key: &[u8; 32]) -> Option<[u8; 16]> {
    if stat.links <= 1 || stat.kind == Kind::Folder {
        return None;
    }
    Some(group_of(stat.identity.dev, stat.identity.ino, link_key))
}

/// Name of an inode in a repository.
fn group_of(device: u64, inode: u64, link_key: &[u8; 32]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(link_key);
    hasher.update(&device.to_le_bytes());
    hasher.update(&inode.to_le_bytes());
    let mut group = [0; 16];
    hasher.finalize_xof().fill(&mut group);
    group
}

/// Says the same of an entry that comes from another repository.
pub(super) fn relink(entry: &mut Entry, link_key: &[u8; 32]) {
    if entry.link_group.is_some() {
        // What wrote no device number had one volume, so that any number will do.
        let device = *entry.device.get_or_insert(0);
        entry.link_group = Some(group_of(device, entry.inode, link_key));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_an_inode_stay_together_when_its_volume_has_another_device_number() {
        let file = tempfile::tempfile().unwrap();
        let mut stat = Stat::of(&file).unwrap();
        stat.links = 2;
        let key = [7; 32];
        let mut taken_over = Entry::new(b"a".to_vec(), EntryKind::File);
        link(&mut taken_over, &stat, &key);
        let before = taken_over.link_group;
        stat.identity.dev += 1;
        let mut read = Entry::new(b"b".to_vec(), EntryKind::File);
        link(&mut read, &stat, &key);
        assert_ne!(before, read.link_group);
        link(&mut taken_over, &stat, &key);
        assert_eq!(taken_over.link_group, read.link_group);
        assert_eq!(taken_over.device, Some(stat.identity.dev));
        stat.links = 1;
        link(&mut taken_over, &stat, &key);
        assert_eq!((taken_over.link_group, taken_over.device), (None, None));
    }
}
