//! One entry that a walk gave.

use std::ffi::CString;
use std::sync::Arc;

use rustix::fs::{OFlags, readlinkat};
use rustix::io::Errno;

use super::beneath::{open_quietly, reopen};
use super::metadata::{self, Meta};
use super::{DirHandle, FsError, Kind, RelPath, SourceFile, Stat};

/// An entry of the volume. It holds its folder open, so whoever queues items bounds the queue.
#[derive(Clone, Debug)]
pub struct Item {
    /// Key prefix of the folder that it stands in, empty for the root's entries and the root.
    pub parent_key: Arc<[u8]>,
    /// Raw name; empty for the root only.
    pub name: Box<[u8]>,
    /// What it was when the walk saw it.
    pub stat: Stat,
    /// Its folder. For the root that is a folder, itself; nothing for a root that is a file.
    pub dir: Option<Arc<DirHandle>>,
}

impl Item {
    pub(super) fn new(
        parent_key: Arc<[u8]>,
        name: &[u8],
        stat: Stat,
        dir: &Arc<DirHandle>,
    ) -> Self {
        Self {
            parent_key,
            name: name.into(),
            stat,
            dir: Some(Arc::clone(dir)),
        }
    }

    pub(super) fn root(stat: Stat, dir: Option<Arc<DirHandle>>) -> Self {
        Self {
            parent_key: Arc::from([]),
            name: Box::from([]),
            stat,
            dir,
        }
    }

    /// Where it stands.
    pub fn path(&self) -> RelPath {
        RelPath::of_entry(&self.parent_key, &self.name)
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.name.is_empty()
    }

    /// Opens a regular file for reading. Anything else that stands there now is looked at, but
    /// not opened.
    ///
    /// # Errors
    ///
    /// [`FsError::Swapped`] if it is no longer the inode of [`Item::stat`] or no regular file;
    /// [`FsError::WrongKind`] if it never was one; [`FsError::Io`].
    pub fn open(&self) -> Result<SourceFile, FsError> {
        if self.stat.kind != Kind::File {
            return Err(FsError::WrongKind {
                path: self.path(),
                found: self.stat.kind,
            });
        }
        let pointer = self.pointer()?;
        let fd = reopen(&pointer, OFlags::RDONLY).map_err(FsError::io("open", &self.path()))?;
        // Same inode as the pointer; its attributes may have moved since the walk.
        let stat = Stat::of(&fd).map_err(FsError::io("look at", &self.path()))?;
        if !stat.same_object(&self.stat) {
            return Err(FsError::Swapped { path: self.path() });
        }
        Ok(SourceFile::new(fd, self.path(), stat))
    }

    /// Target of a symlink, raw.
    ///
    /// # Errors
    ///
    /// As [`Item::open`].
    pub fn read_link(&self) -> Result<Vec<u8>, FsError> {
        if self.stat.kind != Kind::Symlink {
            return Err(FsError::WrongKind {
                path: self.path(),
                found: self.stat.kind,
            });
        }
        let pointer = self.pointer()?;
        readlinkat(&pointer, c"", Vec::new())
            .map(CString::into_bytes)
            .map_err(FsError::io("read the link", &self.path()))
    }

    /// Extended attributes, flags and project of anything but a file that is open already, which
    /// gives them itself ([`SourceFile::meta`]).
    ///
    /// # Errors
    ///
    /// As [`Item::open`]. What the file system has no notion of is simply absent.
    pub fn meta(&self) -> Result<Meta, FsError> {
        match self.stat.kind {
            Kind::File => Ok(self.open()?.meta()),
            Kind::Folder => {
                let Some(dir) = &self.dir else {
                    return Err(FsError::Swapped { path: self.path() });
                };
                if self.is_root() {
                    return Ok(metadata::of_open(dir));
                }
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let fd = match open_quietly(dir, &self.name, flags) {
                    Ok(fd) => fd,
                    Err(Errno::NOTDIR | Errno::LOOP) => {
                        return Err(FsError::Swapped { path: self.path() });
                    }
                    Err(errno) => return Err(FsError::io("open the folder", &self.path())(errno)),
                };
                let now = Stat::of(&fd).map_err(FsError::io("look at", &self.path()))?;
                if now.same_object(&self.stat) {
                    Ok(metadata::of_open(&fd))
                } else {
                    Err(FsError::Swapped { path: self.path() })
                }
            }
            _ => Ok(metadata::of_pointer(&self.pointer()?)),
        }
    }

    /// Points at the entry, which must be the one that was seen.
    fn pointer(&self) -> Result<std::os::fd::OwnedFd, FsError> {
        let Some(dir) = &self.dir else {
            return Err(FsError::WrongKind {
                path: self.path(),
                found: self.stat.kind,
            });
        };
        let at = RelPath::of_entry(&self.parent_key, b"");
        let (pointer, stat) = dir.point_at(&at, &self.name)?;
        if stat.same_object(&self.stat) {
            Ok(pointer)
        } else {
            Err(FsError::Swapped { path: self.path() })
        }
    }
}
