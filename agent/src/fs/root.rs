//! The root of a volume: a folder, a single file, or a block device.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::beneath::{proc_path, reopen};
use super::{DirHandle, FsError, Kind, RelPath, SourceFile, Stat};

/// What is backed up. The one place where a path is resolved: it was named by the user, so links in
/// it are followed; everything beneath is reached by descriptors. Whoever has resolved the place
/// without following links gives what was opened.
#[derive(Debug)]
pub struct Root {
    pointer: OwnedFd,
    stat: Stat,
    folder: Option<Arc<DirHandle>>,
}

impl Root {
    /// Opens a folder, a regular file or a block device.
    ///
    /// # Errors
    ///
    /// [`FsError::WrongKind`] for anything else, which is not opened; [`FsError::Io`].
    pub fn open(path: &Path) -> Result<Self, FsError> {
        let pointer = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .map_err(FsError::io("open", &RelPath::root()))?;
        Self::of(pointer)
    }

    /// Takes a folder, a regular file or a block device that was opened only to point at it
    /// (`O_PATH`), as [`DirHandle::point_at`] gives it. Whatever comes to stand in its place
    /// meanwhile, it is this object that is read.
    ///
    /// # Errors
    ///
    /// As [`Root::open`].
    pub fn of(pointer: OwnedFd) -> Result<Self, FsError> {
        let at = RelPath::root();
        let stat = Stat::of(&pointer).map_err(FsError::io("look at", &at))?;
        let folder = match stat.kind {
            Kind::Folder => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let handle = reopen(&pointer, flags).and_then(DirHandle::new);
                Some(Arc::new(
                    handle.map_err(FsError::io("open the folder", &at))?,
                ))
            }
            Kind::File | Kind::BlockDevice => None,
            found => return Err(FsError::WrongKind { path: at, found }),
        };
        Ok(Self {
            pointer,
            stat,
            folder,
        })
    }

    /// The same object with descriptors of its own: two walks cannot list a folder through one.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`] if no more can be opened.
    pub fn again(&self) -> Result<Self, FsError> {
        let pointer = self.pointer.try_clone().map_err(|error| {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
            FsError::io("open", &RelPath::root())(errno)
        })?;
        Self::of(pointer)
    }

    /// A path that leads to this very object for as long as it is open here, in this process
    /// alone, whatever comes to stand in its place: for what takes paths only.
    pub fn path(&self) -> PathBuf {
        let bytes = proc_path(&self.pointer).into_bytes();
        PathBuf::from(OsString::from_vec(bytes))
    }

    /// What it was when it was opened.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Arc<DirHandle>> {
        self.folder.as_ref()
    }

    /// The content of a root that is a file or a device.
    ///
    /// # Errors
    ///
    /// [`FsError::WrongKind`] for a folder; [`FsError::Io`].
    pub fn open_content(&self) -> Result<SourceFile, FsError> {
        let at = RelPath::root();
        if self.stat.kind == Kind::Folder {
            return Err(FsError::WrongKind {
                path: at,
                found: Kind::Folder,
            });
        }
        let fd = reopen(&self.pointer, OFlags::RDONLY).map_err(FsError::io("open", &at))?;
        let mut stat = Stat::of(&fd).map_err(FsError::io("look at", &at))?;
        if stat.kind == Kind::BlockDevice {
            // `statx` gives no size for devices; their end is where seeking ends.
            stat.size = rustix::fs::seek(&fd, rustix::fs::SeekFrom::End(0))
                .map_err(FsError::io("measure", &at))?;
        }
        Ok(SourceFile::new(fd, at, stat))
    }
}

/// Whether an error means that the file system has no such thing, rather than that it failed.
pub(super) fn is_unsupported(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::OPNOTSUPP | Errno::NOTTY | Errno::NOSYS | Errno::INVAL
    )
}
