//! When a file may be taken from the parent snapshot without being read.

use std::os::fd::AsFd;

use rustix::fs::fstatfs;
use rustix::io::Errno;

use super::{Stat, Time};

/// A file that changed within this many seconds before it was read is not trusted next time: a
/// store into a page that is already dirty moves no times, and the kernel writes dirty pages back
/// (and then marks them clean, so that the next store is seen) after some 30 seconds.
pub const SETTLE_SECS: i64 = 60;

/// Whether a file system moves a file's times when it is written through a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// It does: unchanged attributes mean unchanged content.
    Tracks,
    /// It does not, or another machine writes: nothing is skipped.
    Never,
}

/// Magic numbers (`linux/magic.h`) of the file systems that are known to track mapped writes:
/// ext2 to ext4, XFS, Btrfs, F2FS, bcachefs, ZFS. All others read everything: tmpfs and ramfs do
/// not track; NFS, CIFS, Ceph, 9p and FUSE have other machines or programs behind them; overlay
/// depends on what is below.
const TRACKING: [u64; 6] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0xca45_1a4e,
    0x2fc1_2fc1,
];

impl Trust {
    /// By the type that `statfs` gives.
    pub fn of_type(magic: u64) -> Self {
        if TRACKING.contains(&magic) {
            Self::Tracks
        } else {
            Self::Never
        }
    }

    /// Of the file system that `fd` is on.
    ///
    /// # Errors
    ///
    /// What `fstatfs` says.
    pub fn of(fd: impl AsFd) -> Result<Self, Errno> {
        let magic = fstatfs(fd)?.f_type;
        // Only the low 32 bits are the number; some kernels extend its sign.
        Ok(Self::of_type(magic.cast_unsigned() & 0xffff_ffff))
    }
}

/// What the parent snapshot remembers of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remembered {
    /// Size in bytes.
    pub size: u64,
    /// Last modification.
    pub mtime: Time,
    /// Last change.
    pub ctime: Time,
    /// Inode number.
    pub ino: u64,
    /// Whether it had settled when it was read, and did not change meanwhile.
    pub settled: bool,
}

/// Whether a file is what the parent remembers, so that it need not be read.
pub fn is_unchanged(stat: &Stat, parent: &Remembered, trust: Trust) -> bool {
    trust == Trust::Tracks
        && parent.settled
        && stat.size == parent.size
        && stat.mtime == parent.mtime
        && stat.ctime == parent.ctime
        && stat.identity.ino == parent.ino
}

/// Whether a file that is being read at `now` may be trusted next time: its last change is at
/// least [`SETTLE_SECS`] ago. A time in the future never is.
pub fn is_settled(stat: &Stat, now: Time) -> bool {
    let latest = stat.mtime.max(stat.ctime);
    let limit = Time {
        secs: now.secs.saturating_sub(SETTLE_SECS),
        nanos: now.nanos,
    };
    latest <= limit
}

#[cfg(test)]
mod tests {
    use super::super::{Identity, Kind};
    use super::*;

    fn stat(secs: i64) -> Stat {
        let time = Time { secs, nanos: 5 };
        Stat {
            kind: Kind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 7,
            blocks: 8,
            links: 1,
            identity: Identity { dev: 1, ino: 2 },
            device: (0, 0),
            mtime: time,
            ctime: time,
            birth: None,
            mount: None,
            mount_root: false,
        }
    }

    fn remembered(stat: &Stat) -> Remembered {
        Remembered {
            size: stat.size,
            mtime: stat.mtime,
            ctime: stat.ctime,
            ino: stat.identity.ino,
            settled: true,
        }
    }

    #[test]
    fn each_of_the_four_attributes_counts() {
        let seen = stat(1000);
        let parent = remembered(&seen);
        assert!(is_unchanged(&seen, &parent, Trust::Tracks));
        assert!(!is_unchanged(&seen, &parent, Trust::Never));
        let later = Time {
            secs: 1000,
            nanos: 6,
        };
        for other in [
            Remembered { size: 8, ..parent },
            Remembered {
                mtime: later,
                ..parent
            },
            Remembered {
                ctime: later,
                ..parent
            },
            Remembered { ino: 3, ..parent },
            Remembered {
                settled: false,
                ..parent
            },
        ] {
            assert!(!is_unchanged(&seen, &other, Trust::Tracks), "{other:?}");
        }
    }

    #[test]
    fn a_file_settles_a_minute_after_its_last_change() {
        let now = |secs, nanos| Time { secs, nanos };
        assert!(!is_settled(&stat(1000), now(1059, 999)));
        assert!(!is_settled(&stat(1000), now(1060, 4)));
        assert!(is_settled(&stat(1000), now(1060, 5)));
        assert!(
            !is_settled(&stat(9000), now(1060, 5)),
            "the future is not settled"
        );
        let mut touched = stat(-5);
        touched.ctime.secs = 1001;
        assert!(
            !is_settled(&touched, now(1060, 5)),
            "ctime counts when mtime was set back"
        );
        assert!(is_settled(&stat(i64::MIN), now(i64::MIN + 60, 5)));
    }

    #[test]
    fn only_file_systems_known_to_track_mapped_writes_are_trusted() {
        assert_eq!(Trust::of_type(0xef53), Trust::Tracks);
        assert_eq!(Trust::of_type(0x5846_5342), Trust::Tracks);
        for other in [0x0102_1994, 0x6969, 0x6573_5546, 0x794c_7630, 0] {
            assert_eq!(Trust::of_type(other), Trust::Never, "{other:#x}");
        }
    }
}
