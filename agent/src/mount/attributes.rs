//! From an entry of a tree to what `stat` says.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, FileType, INodeNo};
use orlop_repo::model::Extent;
use orlop_repo::tree::{Content, Entry, EntryKind, Timestamp};

/// Bytes that programs should read at once.
const BLOCK_SIZE: u32 = 128 << 10;

/// The kind as the kernel knows it; nothing for one that this version does not know.
pub(super) fn file_type(kind: EntryKind) -> Option<FileType> {
    Some(match kind {
        EntryKind::Folder => FileType::Directory,
        EntryKind::File => FileType::RegularFile,
        EntryKind::Symlink => FileType::Symlink,
        EntryKind::CharDevice => FileType::CharDevice,
        EntryKind::BlockDevice => FileType::BlockDevice,
        EntryKind::Fifo => FileType::NamedPipe,
        EntryKind::Socket => FileType::Socket,
        EntryKind::Unknown(_) => return None,
    })
}

/// What `stat` says of an entry; nothing for a kind that this version does not know.
pub(super) fn attributes(number: u64, entry: &Entry) -> Option<FileAttr> {
    let kind = file_type(entry.kind)?;
    let size = match &entry.target {
        Some(target) => target.len() as u64,
        None => entry.size,
    };
    let mtime = time(entry.mtime);
    Some(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: stored(entry).div_ceil(512),
        // When it was read last is not recorded.
        atime: mtime,
        mtime,
        ctime: time(entry.ctime),
        crtime: entry.btime.map_or(UNIX_EPOCH, time),
        kind,
        perm: entry.mode,
        nlink: links(entry),
        uid: entry.uid,
        gid: entry.gid,
        rdev: entry.rdev.map_or(0, |(major, minor)| device(major, minor)),
        blksize: BLOCK_SIZE,
        flags: 0,
    })
}

/// How many names it has, as far as the entry tells. Of a folder 1, which programs take for not
/// known; of an inode with several names the fewest that these can be, which makes programs look
/// for the others.
fn links(entry: &Entry) -> u32 {
    1 + u32::from(entry.link_group.is_some())
}

/// Bytes that are not holes. Of a content list that stands in pages of its own it is not known.
fn stored(entry: &Entry) -> u64 {
    match &entry.content {
        Content::None => 0,
        Content::Inline(bytes) => bytes.len() as u64,
        Content::Extents(extents) => {
            let stored = extents
                .iter()
                .filter(|extent| !matches!(extent, Extent::Hole(_)));
            stored.map(Extent::len).fold(0, u64::saturating_add)
        }
        Content::Indirect { .. } => entry.size,
    }
}

/// A moment; that which is too far away for the machine as 1970.
fn time(time: Timestamp) -> SystemTime {
    let whole = Duration::from_secs(time.secs.unsigned_abs());
    let second = if time.secs < 0 {
        UNIX_EPOCH.checked_sub(whole)
    } else {
        UNIX_EPOCH.checked_add(whole)
    };
    second
        .and_then(|second| second.checked_add(Duration::from_nanos(time.nanos.into())))
        .unwrap_or(UNIX_EPOCH)
}

/// A device number as the kernel's `new_encode_dev` packs it.
fn device(major: u32, minor: u32) -> u32 {
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_and_far_away_are_kept() {
        let at = |secs, nanos| time(Timestamp { secs, nanos });
        assert_eq!(
            at(-2, 500_000_000),
            UNIX_EPOCH - Duration::from_millis(1500)
        );
        assert_eq!(at(1 << 40, 7), UNIX_EPOCH + Duration::new(1 << 40, 7));
        for far in [i64::MIN, i64::MAX] {
            at(far, 999_999_999);
        }
    }

    #[test]
    fn large_device_numbers_are_packed_as_the_kernel_does() {
        assert_eq!(device(1, 3), 0x103);
        assert_eq!(device(259, 0x12345), 0x1231_0345);
    }

    #[test]
    fn an_unknown_kind_is_not_shown() {
        assert_eq!(attributes(7, &Entry::new("a", EntryKind::Unknown(9))), None);
    }

    #[test]
    fn holes_take_no_blocks() {
        let mut entry = Entry::new("a", EntryKind::File);
        entry.content = Content::Extents(vec![Extent::Hole(1 << 20), Extent::Zeros(513)]);
        entry.size = (1 << 20) + 513;
        let attributes = attributes(7, &entry).unwrap();
        assert_eq!((attributes.size, attributes.blocks), (entry.size, 2));
    }
}
