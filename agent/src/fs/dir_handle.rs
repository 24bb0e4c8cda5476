//! An open folder, known by its inode.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::beneath::{open_at, open_quietly, reopen};
use super::{FsError, Identity, Kind, RelPath, Stat, check_name, metadata};

/// Bits of a mode that let others than the owner in.
const OTHERS: u32 = 0o077;

/// An open folder. Everything in it is reached through its descriptor, never by a path.
#[derive(Debug)]
pub struct DirHandle {
    fd: OwnedFd,
    stat: Stat,
    newcomers: OnceLock<Newcomers>,
}

/// What becomes of a file that this process makes in a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Newcomers {
    /// Nobody else can reach it, whatever its mode: the folder lets only its owner in, and that
    /// is the caller.
    pub(super) private: bool,
    /// It inherits no access list, no flags and no project. Only the folder's owner could change
    /// that, and that is the caller.
    pub(super) bare: bool,
}

impl AsFd for DirHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl DirHandle {
    /// Takes an open folder.
    pub(super) fn new(fd: OwnedFd) -> Result<Self, Errno> {
        let stat = Stat::of(&fd)?;
        if stat.kind != Kind::Folder {
            return Err(Errno::NOTDIR);
        }
        Ok(Self {
            fd,
            stat,
            newcomers: OnceLock::new(),
        })
    }

    /// Which folder it is.
    pub fn identity(&self) -> Identity {
        self.stat.identity
    }

    /// What it was when it was opened.
    pub(super) fn stat(&self) -> &Stat {
        &self.stat
    }

    /// What becomes of files that are made in it; looked up once.
    pub(super) fn newcomers(&self) -> Newcomers {
        *self.newcomers.get_or_init(|| {
            if self.stat.uid != geteuid().as_raw() {
                return Newcomers {
                    private: false,
                    bare: false,
                };
            }
            let meta = metadata::of_open(&self.fd);
            let default_acl = |(name, _): &(Vec<u8>, _)| name == b"system.posix_acl_default";
            Newcomers {
                private: self.stat.mode & OTHERS == 0,
                bare: meta.problems.is_empty()
                    && meta.flags == 0
                    && meta.project == 0
                    && !meta.xattrs.iter().any(default_acl),
            }
        })
    }

    /// Opens the subfolder `name`. With `expect`, only if it is that very folder.
    ///
    /// # Errors
    ///
    /// [`FsError::Swapped`] if it is another one, or no longer a folder; [`FsError::Io`].
    pub fn open_dir(
        &self,
        at: &RelPath,
        name: &[u8],
        expect: Option<Identity>,
    ) -> Result<Self, FsError> {
        let path = || at.child(name);
        check_name(name).map_err(|_| FsError::BadName { path: path() })?;
        let opened = open_quietly(&self.fd, name, OFlags::RDONLY | OFlags::DIRECTORY);
        let handle = match opened.and_then(Self::new) {
            Ok(handle) => handle,
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(FsError::Swapped { path: path() }),
            Err(source) => {
                return Err(FsError::Io {
                    action: "open the folder",
                    path: path(),
                    source,
                });
            }
        };
        match expect {
            Some(identity) if identity != handle.identity() => {
                Err(FsError::Swapped { path: path() })
            }
            _ => Ok(handle),
        }
    }

    /// The parent folder, if it still is the one that `expect` names.
    ///
    /// A folder may have been moved meanwhile: then its `..` is somewhere else, which is only
    /// looked at, and nothing is given.
    pub(super) fn open_parent(&self, expect: Identity) -> Option<Self> {
        let look = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let up = openat(&self.fd, c"..", look, Mode::empty()).ok()?;
        if Stat::of(&up).ok()?.identity != expect {
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let handle = Self::new(reopen(&up, flags).ok()?).ok()?;
        (handle.identity() == expect).then_some(handle)
    }

    /// Opens `name` only to point at it (`O_PATH`), a link itself too, and tells what it is.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn point_at(&self, at: &RelPath, name: &[u8]) -> Result<(OwnedFd, Stat), FsError> {
        check_name(name).map_err(|_| FsError::BadName {
            path: at.child(name),
        })?;
        open_at(&self.fd, name, OFlags::PATH, Mode::empty())
            .and_then(|fd| Stat::of(&fd).map(|stat| (fd, stat)))
            .map_err(|source| FsError::Io {
                action: "open",
                path: at.child(name),
                source,
            })
    }
}
