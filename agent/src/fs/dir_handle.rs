//! An open folder, known by its inode.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::beneath::{open_at, open_quietly, reopen};
use super::{FsError, Identity, Kind, RelPath, Stat, check_name};

/// An open folder. Everything in it is reached through its descriptor, never by a path.
#[derive(Debug)]
pub struct DirHandle {
    fd: OwnedFd,
    identity: Identity,
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
            identity: stat.identity,
        })
    }

    /// Which folder it is.
    pub fn identity(&self) -> Identity {
        self.identity
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
            Some(identity) if identity != handle.identity => Err(FsError::Swapped { path: path() }),
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
        (handle.identity == expect).then_some(handle)
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
