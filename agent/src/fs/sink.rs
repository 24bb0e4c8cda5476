//! Creating a restored tree beneath a folder.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{self as sys, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::apply::{Attributes, Known, Target, Warning, apply, unlock};
use super::beneath::{open_at, proc_path, reopen};
use super::dir_chain::DirChain;
use super::metadata::{self, Meta};
use super::remove::{remove, unlock_at};
use super::{DirHandle, FileSink, FsError, Identity, Kind, RelPath, Root, Stat};

/// What happens to an object that stands where another is to be created. A folder where a folder
/// belongs is always used as it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Overwrite {
    /// It stays, and the restore of that one fails.
    Never,
    /// Anything but a folder is replaced.
    Files,
    /// Folders are replaced too, with all that is in them.
    Folders,
}

/// How a restore treats what is there.
#[derive(Clone, Copy, Debug)]
pub struct SinkOptions {
    /// What may be replaced.
    pub overwrite: Overwrite,
    /// Whether immutable and append-only flags that forbid it are taken off.
    pub unlock: bool,
}

/// Folders that a cursor keeps open.
const MAX_OPEN: usize = 64;
/// Mode of a file that others may reach before it is finished.
const PRIVATE: u32 = 0o600;

/// The folder that a restore writes into. Nothing outside of it is ever created, changed or
/// removed, whatever somebody else does in it meanwhile.
#[derive(Debug)]
pub struct Sink {
    root: Arc<DirHandle>,
    options: SinkOptions,
}

impl Sink {
    /// Opens the target, which is there.
    ///
    /// # Errors
    ///
    /// [`FsError::WrongKind`] if it is no folder; [`FsError::Io`].
    pub fn open(target: &Path, options: SinkOptions) -> Result<Self, FsError> {
        Self::of(&Root::open(target)?, options)
    }

    /// Takes a target that was opened already.
    ///
    /// # Errors
    ///
    /// [`FsError::WrongKind`] if it is no folder.
    pub fn of(root: &Root, options: SinkOptions) -> Result<Self, FsError> {
        let found = root.stat().kind;
        match root.folder() {
            Some(root) => Ok(Self {
                root: Arc::clone(root),
                options,
            }),
            None => Err(FsError::WrongKind {
                path: RelPath::root(),
                found,
            }),
        }
    }

    /// A place to create from. Cheap where successive paths lie close together; each thread has
    /// its own.
    pub fn cursor(&self) -> SinkCursor {
        SinkCursor {
            chain: DirChain::new(Arc::clone(&self.root), MAX_OPEN),
            options: self.options,
        }
    }
}

/// Creates objects beneath a [`Sink`].
#[derive(Debug)]
pub struct SinkCursor {
    chain: DirChain,
    options: SinkOptions,
}

impl SinkCursor {
    /// The folder of `path` and the name in it.
    fn place<'p>(&mut self, path: &'p RelPath) -> Result<(Arc<DirHandle>, &'p [u8]), FsError> {
        let (parent, name) = path
            .split_last()
            .ok_or_else(|| FsError::BadName { path: path.clone() })?;
        Ok((self.chain.seek(&RelPath::of_entry(parent, b""))?, name))
    }

    /// The folder and name for a new object: what stands there is removed if it may be.
    fn clear<'p>(&mut self, path: &'p RelPath) -> Result<(Arc<DirHandle>, &'p [u8]), FsError> {
        let (dir, name) = self.place(path)?;
        let found = match Stat::at(&dir, name) {
            Err(Errno::NOENT) => return Ok((dir, name)),
            Err(errno) => return Err(FsError::io("look at", path)(errno)),
            Ok(stat) => stat.kind,
        };
        let needed = if found == Kind::Folder {
            Overwrite::Folders
        } else {
            Overwrite::Files
        };
        if self.options.overwrite < needed {
            return Err(FsError::Exists {
                path: path.clone(),
                found,
            });
        }
        remove(&dir, self.chain.path(), name, self.options.unlock)?;
        Ok((dir, name))
    }

    /// Creates something in a folder, which is unlocked if that forbids it and may be.
    fn create<T>(
        &self,
        dir: &DirHandle,
        path: &RelPath,
        mut make: impl FnMut() -> Result<T, Errno>,
    ) -> Result<T, FsError> {
        match make() {
            Err(Errno::PERM) if self.options.unlock && unlock(dir) == Ok(true) => make(),
            answer => answer,
        }
        .map_err(|errno| {
            match (errno, Stat::at(dir, path.split_last().map_or(&[], |p| p.1))) {
                // It was planted after the place was cleared.
                (Errno::EXIST, Ok(stat)) => FsError::Exists {
                    path: path.clone(),
                    found: stat.kind,
                },
                _ => FsError::io("create", path)(errno),
            }
        })
    }

    /// Makes a folder that only its owner may enter until it is finished; one that is there is
    /// used. Says whether it is new.
    ///
    /// # Errors
    ///
    /// [`FsError::Exists`] if something else may not be replaced; [`FsError::Swapped`] if it was
    /// replaced at once; [`FsError::Io`].
    pub fn make_dir(&mut self, path: &RelPath) -> Result<bool, FsError> {
        let (dir, name) = self.place(path)?;
        // Mostly nothing is there, and then looking first is a call for nothing.
        let mut new = sys::mkdirat(&dir, name, Mode::RWXU).is_ok();
        if !new && !Stat::at(&dir, name).is_ok_and(|stat| stat.kind == Kind::Folder) {
            let (dir, name) = self.clear(path)?;
            self.create(&dir, path, || sys::mkdirat(&dir, name, Mode::RWXU))?;
            new = true;
        }
        self.chain.seek(path)?;
        Ok(new)
    }

    /// Creates a new, empty file that only its owner may open until it is finished.
    ///
    /// # Errors
    ///
    /// [`FsError::Exists`] if what stands there may not be replaced; [`FsError::Io`].
    pub fn create_file(&mut self, path: &RelPath) -> Result<FileSink, FsError> {
        self.create_file_as(path, PRIVATE)
    }

    /// As [`SinkCursor::create_file`], of a file that will be given `mode`: where its folder
    /// keeps everybody else out, it has it from the beginning.
    ///
    /// # Errors
    ///
    /// As [`SinkCursor::create_file`].
    pub fn create_file_as(&mut self, path: &RelPath, mode: u32) -> Result<FileSink, FsError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        // Mostly there is nothing to clear, and then looking first is a call for nothing.
        let (dir, name) = self.place(path)?;
        let newcomers = dir.newcomers();
        // Its owner must be able to open it again, as long as it is not whole.
        let early = newcomers.private && mode & PRIVATE == PRIVATE;
        let mode = Mode::from_raw_mode(if early { mode & 0o777 } else { PRIVATE });
        if let Ok(fd) = open_at(&dir, name, flags, mode) {
            return FileSink::made(fd, path.clone(), newcomers.bare);
        }
        let (dir, name) = self.clear(path)?;
        let fd = self.create(&dir, path, || open_at(&dir, name, flags, mode))?;
        FileSink::made(fd, path.clone(), newcomers.bare)
    }

    /// Opens a file that is there, to change parts of it. With `expect`, only that very file: so
    /// one that this restore created is taken up again.
    ///
    /// A file with other names is not opened unless it is expected, since the change would show
    /// under those names too.
    ///
    /// # Errors
    ///
    /// [`FsError::WrongKind`] if it is no regular file; [`FsError::Exists`] if it may not be
    /// changed or has other names; [`FsError::Swapped`]; [`FsError::Io`].
    pub fn open_file(
        &mut self,
        path: &RelPath,
        expect: Option<Identity>,
    ) -> Result<FileSink, FsError> {
        let (dir, name) = self.place(path)?;
        let (pointer, stat) = dir.point_at(self.chain.path(), name)?;
        if stat.kind != Kind::File {
            return Err(FsError::WrongKind {
                path: path.clone(),
                found: stat.kind,
            });
        }
        match expect {
            Some(identity) if identity != stat.identity => {
                return Err(FsError::Swapped { path: path.clone() });
            }
            Some(_) => {}
            None if stat.links == 1 && self.options.overwrite >= Overwrite::Files => {}
            None => {
                return Err(FsError::Exists {
                    path: path.clone(),
                    found: stat.kind,
                });
            }
        }
        let fd = match reopen(&pointer, OFlags::RDWR) {
            Err(Errno::PERM) if self.options.unlock => {
                unlock_at(&dir, name).map_err(FsError::io("unlock", path))?;
                reopen(&pointer, OFlags::RDWR)
            }
            answer => answer,
        };
        FileSink::new(fd.map_err(FsError::io("open", path))?, path.clone())
    }

    /// Creates a symlink with its metadata and says which inode it is.
    ///
    /// # Errors
    ///
    /// As [`SinkCursor::create_file`]; [`FsError::Swapped`] if it was replaced at once.
    pub fn create_symlink(
        &mut self,
        path: &RelPath,
        target: &[u8],
        want: &Attributes,
    ) -> Result<(Identity, Vec<Warning>), FsError> {
        let (dir, name) = self.clear(path)?;
        self.create(&dir, path, || sys::symlinkat(target, &dir, name))?;
        self.finish_pointer(&dir, path, name, want)
    }

    /// Creates a fifo or a device with its metadata. A socket cannot be restored: only the
    /// program that listens on it makes one.
    ///
    /// # Errors
    ///
    /// As [`SinkCursor::create_symlink`]; [`FsError::WrongKind`] for other kinds.
    pub fn create_special(
        &mut self,
        path: &RelPath,
        device: (u32, u32),
        want: &Attributes,
    ) -> Result<(Identity, Vec<Warning>), FsError> {
        let kind = match want.kind {
            Kind::Fifo => FileType::Fifo,
            Kind::CharDevice => FileType::CharacterDevice,
            Kind::BlockDevice => FileType::BlockDevice,
            found => {
                return Err(FsError::WrongKind {
                    path: path.clone(),
                    found,
                });
            }
        };
        let (dir, name) = self.clear(path)?;
        let device = match want.kind {
            Kind::Fifo => 0,
            _ => sys::makedev(device.0, device.1),
        };
        let mode = Mode::RUSR | Mode::WUSR;
        self.create(&dir, path, || sys::mknodat(&dir, name, kind, mode, device))?;
        self.finish_pointer(&dir, path, name, want)
    }

    fn finish_pointer(
        &self,
        dir: &DirHandle,
        path: &RelPath,
        name: &[u8],
        want: &Attributes,
    ) -> Result<(Identity, Vec<Warning>), FsError> {
        let (pointer, stat) = dir.point_at(self.chain.path(), name)?;
        // Whatever was put in its place is not given an owner and a mode.
        if stat.kind != want.kind || stat.links != 1 {
            return Err(FsError::Swapped { path: path.clone() });
        }
        let target = Target::Pointer(pointer.as_fd());
        let warnings = apply(target, path, want, Known::Nothing, &stat);
        Ok((stat.identity, warnings))
    }

    /// Makes `path` another name of the object `source`, which must be the inode `expect`.
    ///
    /// # Errors
    ///
    /// [`FsError::Swapped`] if `source` is another object by now; as
    /// [`SinkCursor::create_file`].
    pub fn link(
        &mut self,
        path: &RelPath,
        source: &RelPath,
        expect: Identity,
    ) -> Result<(), FsError> {
        let pointer = self.point_at(source, expect)?;
        if Stat::of(&pointer).is_ok_and(|stat| stat.kind == Kind::Folder) {
            return Err(FsError::WrongKind {
                path: source.clone(),
                found: Kind::Folder,
            });
        }
        let (dir, name) = self.clear(path)?;
        let by_path = proc_path(&pointer);
        self.create(&dir, path, || {
            sys::linkat(CWD, &by_path, &dir, name, AtFlags::SYMLINK_FOLLOW)
        })
    }

    fn point_at(&mut self, path: &RelPath, expect: Identity) -> Result<OwnedFd, FsError> {
        let (dir, name) = self.place(path)?;
        let (pointer, stat) = dir.point_at(self.chain.path(), name)?;
        if stat.identity == expect {
            Ok(pointer)
        } else {
            Err(FsError::Swapped { path: path.clone() })
        }
    }

    /// Removes an object, a folder with everything beneath, as far as the policy allows. Nothing
    /// happens if it is not there.
    ///
    /// # Errors
    ///
    /// [`FsError::Exists`] if it may not be removed; [`FsError::Io`].
    pub fn remove(&mut self, path: &RelPath) -> Result<(), FsError> {
        self.clear(path).map(|_| ())
    }

    /// Sets the metadata of a folder, or of a file that was left to the end.
    ///
    /// # Errors
    ///
    /// [`FsError::Swapped`] if it is of another kind by now; [`FsError::Io`].
    pub fn finish(
        &mut self,
        path: &RelPath,
        want: &Attributes,
        expect: Option<Identity>,
    ) -> Result<Vec<Warning>, FsError> {
        let swapped = || FsError::Swapped { path: path.clone() };
        if want.kind == Kind::Folder {
            let dir = self.chain.seek(path)?;
            if expect.is_some_and(|identity| identity != dir.identity()) {
                return Err(swapped());
            }
            let target = Target::Open(dir.as_fd());
            return Ok(apply(target, path, want, Known::Nothing, dir.stat()));
        }
        let (dir, name) = self.place(path)?;
        let (pointer, stat) = dir.point_at(self.chain.path(), name)?;
        if stat.kind != want.kind || expect.is_some_and(|identity| identity != stat.identity) {
            return Err(swapped());
        }
        if stat.kind != Kind::File {
            let target = Target::Pointer(pointer.as_fd());
            return Ok(apply(target, path, want, Known::Nothing, &stat));
        }
        let fd = reopen(&pointer, OFlags::RDONLY).map_err(FsError::io("open", path))?;
        let target = Target::Open(fd.as_fd());
        Ok(apply(target, path, want, Known::Nothing, &stat))
    }

    /// What stands at `path`, a link itself and not what it points to; nothing if nothing does.
    ///
    /// # Errors
    ///
    /// [`FsError::Swapped`] if a folder above it is none; [`FsError::Io`].
    pub fn look(&mut self, path: &RelPath) -> Result<Option<Stat>, FsError> {
        let (dir, name) = match self.place(path) {
            Err(error) if error.is_vanished() => return Ok(None),
            place => place?,
        };
        match Stat::at(&dir, name) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(FsError::io("look at", path)(errno)),
        }
    }

    /// Extended attributes, flags and project of the file `expect` at `path`.
    ///
    /// # Errors
    ///
    /// [`FsError::Swapped`] if it is another object by now; [`FsError::Io`].
    pub fn meta(&mut self, path: &RelPath, expect: Identity) -> Result<Meta, FsError> {
        let pointer = self.point_at(path, expect)?;
        let stat = Stat::of(&pointer).map_err(FsError::io("look at", path))?;
        if stat.kind != Kind::File {
            return Ok(metadata::of_pointer(&pointer));
        }
        let fd = reopen(&pointer, OFlags::RDONLY).map_err(FsError::io("open", path))?;
        Ok(metadata::of_open(&fd))
    }

    /// Which folder stands at `path`.
    ///
    /// # Errors
    ///
    /// [`FsError::Swapped`] if it is none; [`FsError::Io`].
    pub fn folder_identity(&mut self, path: &RelPath) -> Result<Identity, FsError> {
        Ok(self.chain.seek(path)?.identity())
    }
}
