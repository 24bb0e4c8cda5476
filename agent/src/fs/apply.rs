//! Giving a restored object its metadata, in the order that survives.

use std::cell::LazyCell;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs as sys;
use rustix::fs::{AtFlags, CWD, Gid, IFlags, Mode, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::beneath::proc_path;
use super::ioctls::{get_fsxattr, set_fsxattr};
use super::metadata::{self, LOCKING_FLAGS, Meta, RESTORABLE_FLAGS};
use super::{Kind, RelPath, Stat, Time};

/// Metadata that a restored object is to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attributes {
    /// What it is.
    pub kind: Kind,
    /// The 12 permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last modification. The access time is left as it is.
    pub mtime: Time,
    /// Extended attributes; others that the object inherited from its folder are removed.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Restorable inode flags.
    pub flags: u32,
    /// Project id.
    pub project: u32,
}

/// Metadata that could not be set. The content is there all the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// Of what.
    pub path: RelPath,
    /// What was tried.
    pub action: &'static str,
    /// The system's answer.
    pub errno: Errno,
}

/// How an object is held while its metadata is set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'fd> {
    /// Open: files and folders.
    Open(BorrowedFd<'fd>),
    /// Only pointed at: links, fifos, devices.
    Pointer(BorrowedFd<'fd>),
}

/// What is known of an object before its metadata is set, so that what is right already is not
/// set once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known {
    /// Nothing that may be relied on: others may have changed it since it was looked at.
    Nothing,
    /// What `stat` told of it.
    Stat,
    /// That, and that it has no attributes, no flags and no project.
    All,
}

/// Sets everything: owner (which clears capabilities and setuid), mode, extended attributes,
/// project, times, and at last the flags that forbid all the rest.
pub(super) fn apply(
    target: Target<'_>,
    path: &RelPath,
    want: &Attributes,
    known: Known,
    stat: &Stat,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut note = |action, result: Result<(), Errno>| {
        if let Err(errno) = result {
            warnings.push(Warning {
                path: path.clone(),
                action,
                errno,
            });
        }
    };
    let (Target::Open(fd) | Target::Pointer(fd)) = target;
    let by_path = LazyCell::new(|| proc_path(fd));
    let have = match target {
        _ if known == Known::All => Meta::default(),
        Target::Open(fd) => metadata::of_open(fd),
        Target::Pointer(fd) => metadata::of_pointer(fd),
    };
    let known = (known != Known::Nothing).then_some(stat);
    // ACLs inherited from the folder go first: with one, the mode's group bits are its mask.
    for (name, _) in have
        .xattrs
        .iter()
        .filter(|(name, _)| is_ours_to_remove(name))
    {
        if !want.xattrs.iter().any(|(wanted, _)| wanted == name) {
            note(
                "remove an extended attribute",
                sys::removexattr(&*by_path, &**name),
            );
        }
    }
    let is_owned = known.is_some_and(|stat| (stat.uid, stat.gid) == (want.uid, want.gid));
    if !is_owned {
        let (owner, group) = (Uid::from_raw(want.uid), Gid::from_raw(want.gid));
        let set = sys::chownat(fd, c"", Some(owner), Some(group), AtFlags::EMPTY_PATH);
        note("set the owner", set);
    }
    let mode = want.mode & 0o7777;
    // A new owner may have cost bits of the mode that were there.
    let moded = known.is_some_and(|stat| stat.mode == mode && (is_owned || mode & 0o7000 == 0));
    let mode = Mode::from_raw_mode(mode);
    match target {
        _ if moded => {}
        Target::Open(fd) => note("set the mode", sys::fchmod(fd, mode)),
        Target::Pointer(_) if want.kind == Kind::Symlink => {}
        Target::Pointer(_) => {
            let set = sys::chmodat(CWD, &*by_path, mode, AtFlags::empty());
            note("set the mode", set);
        }
    }
    for (name, value) in &want.xattrs {
        if !have.xattrs.iter().any(|(n, v)| n == name && v == value) || is_lost_by_chown(name) {
            let set = sys::setxattr(&*by_path, &**name, value, XattrFlags::empty());
            note("set an extended attribute", set);
        }
    }
    if let Target::Open(fd) = target {
        note("set the project id", set_project(fd, want.project, &have));
    }
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: sys::UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: want.mtime.secs,
            tv_nsec: i64::from(want.mtime.nanos),
        },
    };
    let set_times = match target {
        Target::Open(fd) => sys::futimens(fd, &times),
        // Through the descriptor's own link, which reaches a symlink itself.
        Target::Pointer(_) => sys::utimensat(CWD, &*by_path, &times, AtFlags::empty()),
    };
    note("set the times", set_times);
    if let Target::Open(fd) = target
        && (have.flags != want.flags & RESTORABLE_FLAGS || !have.problems.is_empty())
    {
        note("set the inode flags", set_flags(fd, want.flags));
    }
    warnings
}

/// Kinds that an object may have got from its folder or that mean something to the kernel. Labels
/// of security modules stay as the system set them.
fn is_ours_to_remove(name: &[u8]) -> bool {
    name.starts_with(b"user.")
        || name.starts_with(b"trusted.")
        || name.starts_with(b"system.posix_acl_")
        || is_lost_by_chown(name)
}

fn is_lost_by_chown(name: &[u8]) -> bool {
    name == b"security.capability"
}

fn set_project(fd: BorrowedFd<'_>, project: u32, have: &Meta) -> Result<(), Errno> {
    if have.project == project {
        return Ok(());
    }
    let mut attr = get_fsxattr(fd)?;
    attr.projid = project;
    set_fsxattr(fd, attr)
}

/// Sets the restorable flags to `want`, one by one where the file system refuses them together.
pub(super) fn set_flags(fd: impl AsFd, want: u32) -> Result<(), Errno> {
    let want = want & RESTORABLE_FLAGS;
    let have = match sys::ioctl_getflags(&fd) {
        Ok(flags) => flags.bits(),
        Err(_) if want == 0 => return Ok(()),
        Err(errno) => return Err(errno),
    };
    let all = have & !RESTORABLE_FLAGS | want;
    if all == have {
        return Ok(());
    }
    let first = match sys::ioctl_setflags(&fd, IFlags::from_bits_retain(all)) {
        Ok(()) => return Ok(()),
        Err(errno) => errno,
    };
    let mut now = have;
    // From the highest bit down, but the two that lock the object last.
    let changed = have ^ all;
    for bit in (0..32)
        .rev()
        .map(|shift| 1_u32 << shift)
        .filter(|bit| changed & bit != 0)
    {
        if bit & LOCKING_FLAGS == 0
            && sys::ioctl_setflags(&fd, IFlags::from_bits_retain(now ^ bit)).is_ok()
        {
            now ^= bit;
        }
    }
    let locked = now & !LOCKING_FLAGS | all & LOCKING_FLAGS;
    if locked != now {
        sys::ioctl_setflags(&fd, IFlags::from_bits_retain(locked))?;
    }
    if locked == all { Ok(()) } else { Err(first) }
}

/// Takes immutable and append-only off. Says whether one was on.
pub(super) fn unlock(fd: impl AsFd) -> Result<bool, Errno> {
    let flags = sys::ioctl_getflags(&fd)?;
    let open = flags.bits() & !LOCKING_FLAGS;
    if open == flags.bits() {
        return Ok(false);
    }
    sys::ioctl_setflags(&fd, IFlags::from_bits_retain(open)).map(|()| true)
}
