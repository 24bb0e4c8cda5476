//! What one `statx` tells about a file.

use rustix::fs::{AtFlags, FileType, Statx, StatxAttributes, StatxFlags, statx};
use rustix::io::Errno;
use std::os::fd::AsFd;

/// A point in time of a file system: seconds since 1970, negative before, and nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Time {
    /// Seconds since 1970.
    pub secs: i64,
    /// Nanoseconds after that second, below 1,000,000,000.
    pub nanos: u32,
}

/// Kind of an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Folder.
    Folder,
    /// Regular file.
    File,
    /// Symbolic link.
    Symlink,
    /// Character device.
    CharDevice,
    /// Block device.
    BlockDevice,
    /// Fifo.
    Fifo,
    /// Socket.
    Socket,
}

impl Kind {
    /// Kind from the upper bits of a mode; nothing for one that Linux does not define.
    pub fn from_mode(mode: u32) -> Option<Self> {
        Some(match FileType::from_raw_mode(mode) {
            FileType::Directory => Self::Folder,
            FileType::RegularFile => Self::File,
            FileType::Symlink => Self::Symlink,
            FileType::CharacterDevice => Self::CharDevice,
            FileType::BlockDevice => Self::BlockDevice,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            FileType::Unknown => return None,
        })
    }
}

/// Which inode it is, as long as it lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    /// Device number as `makedev` makes it.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
}

/// One file's attributes at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// The 12 permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Allocated blocks of 512 bytes.
    pub blocks: u64,
    /// Number of links.
    pub links: u32,
    /// Device and inode.
    pub identity: Identity,
    /// Major and minor number, of devices only.
    pub device: (u32, u32),
    /// Last modification of the content.
    pub mtime: Time,
    /// Last change of content or attributes.
    pub ctime: Time,
    /// Birth, where the file system knows it.
    pub birth: Option<Time>,
    /// The mount it was reached through, where the kernel tells (5.8).
    pub mount: Option<u64>,
    /// Whether it is the root of a mount.
    pub mount_root: bool,
}

impl Stat {
    /// Attributes of `name` in the folder `dir`; a link is not followed, an automount not started.
    ///
    /// # Errors
    ///
    /// Whatever `statx` says; `EINVAL` for a kind of file that Linux does not define.
    pub fn at(dir: impl AsFd, name: &[u8]) -> Result<Self, Errno> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        Self::from_statx(&statx(dir, name, flags, mask())?)
    }

    /// Attributes of what `fd` stands for.
    ///
    /// # Errors
    ///
    /// As [`Stat::at`].
    pub fn of(fd: impl AsFd) -> Result<Self, Errno> {
        Self::from_statx(&statx(fd, c"", AtFlags::EMPTY_PATH, mask())?)
    }

    fn from_statx(s: &Statx) -> Result<Self, Errno> {
        let has = |flag: StatxFlags| s.stx_mask & flag.bits() != 0;
        let time = |t: rustix::fs::StatxTimestamp| Time {
            secs: t.tv_sec,
            nanos: t.tv_nsec,
        };
        let kind = Kind::from_mode(u32::from(s.stx_mode)).ok_or(Errno::INVAL)?;
        let device = matches!(kind, Kind::CharDevice | Kind::BlockDevice);
        Ok(Self {
            kind,
            mode: u32::from(s.stx_mode) & 0o7777,
            uid: s.stx_uid,
            gid: s.stx_gid,
            size: s.stx_size,
            blocks: s.stx_blocks,
            links: s.stx_nlink,
            identity: Identity {
                dev: rustix::fs::makedev(s.stx_dev_major, s.stx_dev_minor),
                ino: s.stx_ino,
            },
            device: if device {
                (s.stx_rdev_major, s.stx_rdev_minor)
            } else {
                (0, 0)
            },
            mtime: time(s.stx_mtime),
            ctime: time(s.stx_ctime),
            birth: has(StatxFlags::BTIME).then(|| time(s.stx_btime)),
            mount: has(StatxFlags::MNT_ID).then_some(s.stx_mnt_id),
            mount_root: s.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
        })
    }

    /// Whether it still is the same object of the same kind.
    pub fn same_object(&self, other: &Self) -> bool {
        self.identity == other.identity && self.kind == other.kind
    }

    /// Whether it lies on another mount than `other`: by mount id, or by device where the kernel
    /// does not tell mounts apart. Subvolumes of one mount are not another mount.
    pub fn other_mount(&self, other: &Self) -> bool {
        match (self.mount, other.mount) {
            (Some(mine), Some(theirs)) => mine != theirs,
            _ => self.identity.dev != other.identity.dev,
        }
    }
}

fn mask() -> StatxFlags {
    StatxFlags::BASIC_STATS | StatxFlags::BTIME | StatxFlags::MNT_ID
}
