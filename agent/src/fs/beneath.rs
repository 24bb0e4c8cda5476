//! Opening one component beneath a folder, never following a link.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

/// Set once the kernel (before 5.6) or a sandbox has shown that `openat2` is not there.
static NO_OPENAT2: AtomicBool = AtomicBool::new(false);

/// Opens `name`, one component, in `dir`. A link is never followed: it gives `ELOOP`, or itself
/// with `O_PATH`.
///
/// The caller has checked the name. `O_CLOEXEC`, `O_NOCTTY` and `O_NONBLOCK` are always on, so a
/// fifo or a device cannot hold the caller.
pub(super) fn open_at(
    dir: impl AsFd,
    name: &[u8],
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    let mut flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if !flags.contains(OFlags::PATH) {
        flags |= OFlags::NOCTTY | OFlags::NONBLOCK;
    }
    if !NO_OPENAT2.load(Ordering::Relaxed) {
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(&dir, name, flags, mode, resolve) {
            Err(Errno::NOSYS) => NO_OPENAT2.store(true, Ordering::Relaxed),
            // A sandbox may forbid the call with EPERM, and a file may be forbidden: ask the
            // other call, which gives the same answer about a file.
            Err(Errno::PERM) => {}
            answer => return answer,
        }
    }
    // With one component that is not `..`, O_NOFOLLOW gives the same promise.
    openat(dir, name, flags, mode)
}

/// Opens for reading without moving the access time, where the owner or `CAP_FOWNER` may.
pub(super) fn open_quietly(dir: impl AsFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    match open_at(&dir, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => open_at(dir, name, flags, Mode::empty()),
        answer => answer,
    }
}

/// Path of the caller's own descriptor. Calls that follow links reach through it exactly the
/// object that `fd` stands for, a symlink itself too.
pub(super) fn proc_path(fd: impl AsFd) -> CString {
    CString::new(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())).unwrap_or_default()
}

/// Opens anew, for `flags`, what an `O_PATH` descriptor stands for.
///
/// The object was looked at before: so a device node that was put in the place of a file is
/// never opened, which alone may start a watchdog or rewind a tape.
pub(super) fn reopen(path_fd: impl AsFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let path = proc_path(path_fd);
    match openat(CWD, &path, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(CWD, &path, flags, Mode::empty()),
        answer => answer,
    }
}
