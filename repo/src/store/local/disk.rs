//! Files in a folder: blocking, atomic, durable.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use object_store::PutPayload;

use super::buffers::Buffers;
use super::folders::Folders;
use crate::model::ObjectName;
use crate::store::backend::{ObjectInfo, Put, Tail};
use crate::store::error::{At, StoreError};
use crate::store::folder::{CLOCK, Folder, PROBES};

/// How the names of staging files begin.
const STAGING_PREFIX: &str = ".put-";

/// Folders of objects that live for a moment: what is in them promises nothing to anybody.
const TRIALS: [&str; 2] = [PROBES, CLOCK];

/// How often a put starts again because its folder vanished or its staging name was taken.
const ATTEMPTS: u32 = 8;

/// Whether a put may replace an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replace {
    Allowed,
    Never,
}

/// The folder that holds a store.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    location: Arc<str>,
    folders: Folders,
    buffers: Arc<Buffers>,
}

impl Disk {
    pub(super) fn new(root: PathBuf) -> Self {
        let location = Arc::from(root.to_string_lossy());
        Self {
            folders: Folders::new(root.clone()),
            buffers: Arc::default(),
            root,
            location,
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn location(&self) -> &Arc<str> {
        &self.location
    }

    pub(super) fn path(&self, name: &ObjectName) -> PathBuf {
        self.root.join(name.as_str())
    }

    pub(super) fn folder_path(&self, folder: &Folder) -> PathBuf {
        self.root.join(folder.as_str())
    }

    pub(super) fn at(&self, name: &ObjectName) -> At {
        At::object(self.location.clone(), name)
    }

    /// Makes the root folder and those above it as far as they are absent.
    pub(super) fn create_root(&self) -> Result<(), StoreError> {
        self.folders
            .create_root()
            .map_err(|error| self.root_error(At::store(self.location.clone()), error))
    }

    /// Writes, syncs and names an object.
    pub(super) fn put(
        &self,
        name: &ObjectName,
        payload: &PutPayload,
        replace: Replace,
    ) -> Result<Put, StoreError> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.root);
        let staging = self
            .stage(folder)
            .map_err(|error| self.root_error(self.at(name), error))?;
        let written = staging
            .write(payload)
            .map_err(|error| StoreError::from_io(self.at(name), error))
            .and_then(|()| self.publish(name, &staging, &path, replace));
        // A leftover is harmless and falls to `remove_debris`.
        fs::remove_file(&staging.path).ok();
        if written? == Put::Exists {
            return Ok(Put::Exists);
        }
        self.folders
            .sync_chain(folder)
            .map_err(|error| StoreError::from_io(self.at(name), error))?;
        Ok(Put::Created)
    }

    /// The file system's time, which a network file system takes from its server.
    pub(super) fn now(&self) -> io::Result<SystemTime> {
        let staging = self.stage(&self.root)?;
        let now = staging
            .file
            .metadata()
            .and_then(|metadata| metadata.modified());
        fs::remove_file(&staging.path)?;
        now
    }

    /// To be told when a folder is removed.
    pub(super) fn folder_removed(&self, folder: &Path) {
        self.folders.removed(folder);
    }

    /// Opens a staging file in `folder`, making the folder if it is absent.
    fn stage(&self, folder: &Path) -> io::Result<Staging> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let mut random = [0; 8];
            getrandom::fill(&mut random)?;
            let path = folder.join(format!("{STAGING_PREFIX}{}", hex::encode(random)));
            match OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
            {
                Ok(file) => return Ok(Staging { path, file }),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.folders.create(folder)?;
                    last = Some(error);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("no attempt")))
    }

    fn publish(
        &self,
        name: &ObjectName,
        staging: &Staging,
        path: &Path,
        replace: Replace,
    ) -> Result<Put, StoreError> {
        let named = match replace {
            Replace::Allowed => fs::rename(&staging.path, path),
            Replace::Never => fs::hard_link(&staging.path, path),
        };
        match named {
            Ok(()) => Ok(Put::Created),
            Err(error) if replace == Replace::Never => match error.kind() {
                ErrorKind::AlreadyExists => Ok(Put::Exists),
                // EPERM is what link(2) gives on file systems without hard links.
                ErrorKind::Unsupported | ErrorKind::PermissionDenied => {
                    Err(StoreError::NotSupported {
                        at: self.at(name),
                        what: "hard links, which creating an object at most once needs",
                    })
                }
                _ => Err(StoreError::from_io(self.at(name), error)),
            },
            Err(error) => Err(StoreError::from_io(self.at(name), error)),
        }
    }

    pub(super) fn get(&self, name: &ObjectName, max_len: u64) -> Result<Bytes, StoreError> {
        let (file, len) = self.open(name)?;
        if len > max_len {
            return Err(StoreError::TooLarge {
                at: self.at(name),
                len,
                max: max_len,
            });
        }
        let mut got = 0;
        let bytes = self
            .buffers
            .filled(self.index(name, len)?, |bytes| {
                got = read_full(&file, bytes)?;
                Ok(())
            })
            .map_err(|error| StoreError::from_io(self.at(name), error))?;
        if got as u64 != len {
            return Err(StoreError::ShortRead {
                at: self.at(name),
                offset: 0,
                wanted: len,
                got: got as u64,
            });
        }
        Ok(bytes)
    }

    pub(super) fn get_range(
        &self,
        name: &ObjectName,
        range: &Range<u64>,
    ) -> Result<Bytes, StoreError> {
        let (file, len) = self.open(name)?;
        if range.end > len {
            return Err(StoreError::ShortRead {
                at: self.at(name),
                offset: range.start,
                wanted: range.end.saturating_sub(range.start),
                got: len.saturating_sub(range.start),
            });
        }
        self.read_at(name, &file, range)
    }

    pub(super) fn get_tail(&self, name: &ObjectName, len: u64) -> Result<Tail, StoreError> {
        let (file, object_len) = self.open(name)?;
        let range = object_len.saturating_sub(len)..object_len;
        Ok(Tail {
            bytes: self.read_at(name, &file, &range)?,
            object_len,
        })
    }

    fn read_at(
        &self,
        name: &ObjectName,
        file: &File,
        range: &Range<u64>,
    ) -> Result<Bytes, StoreError> {
        let len = self.index(name, range.end - range.start)?;
        self.buffers
            .filled(len, |bytes| file.read_exact_at(bytes, range.start))
            .map_err(|error| StoreError::from_io(self.at(name), error))
    }

    fn index(&self, name: &ObjectName, len: u64) -> Result<usize, StoreError> {
        let max = u64::try_from(isize::MAX).unwrap_or(u64::MAX);
        usize::try_from(len)
            .ok()
            .filter(|_| len <= max)
            .ok_or_else(|| StoreError::TooLarge {
                at: self.at(name),
                len,
                max,
            })
    }

    pub(super) fn head(&self, name: &ObjectName) -> Result<ObjectInfo, StoreError> {
        let path = self.path(name);
        let found = fs::metadata(path)
            .and_then(|metadata| Ok((metadata.is_file(), metadata.len(), metadata.modified()?)));
        match found {
            Ok((true, len, modified)) => Ok(ObjectInfo {
                name: name.clone(),
                len,
                modified,
            }),
            Ok((false, ..)) => Err(StoreError::NotFound { at: self.at(name) }),
            Err(error) => Err(self.read_error(name, error)),
        }
    }

    /// Deletes files; the absent ones count as deleted.
    pub(super) fn delete(&self, names: &[ObjectName]) -> Result<(), StoreError> {
        let mut changed = std::collections::BTreeSet::new();
        for name in names {
            let path = self.path(name);
            match fs::remove_file(&path) {
                Ok(()) => {
                    changed.extend(path.parent().map(Path::to_owned));
                }
                Err(error) => match self.read_error(name, error) {
                    StoreError::NotFound { .. } => {}
                    error => return Err(error),
                },
            }
        }
        for folder in changed {
            if self.remove_trial(&folder) {
                continue;
            }
            match super::folders::sync(&folder) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::from_io(At::store(self.location.clone()), error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes an empty folder of [`TRIALS`] with those above it; tells whether it is gone.
    ///
    /// Only these: of any other folder another process may know that it is durable, and would be
    /// wrong if a third one made it anew.
    fn remove_trial(&self, folder: &Path) -> bool {
        let beneath = folder.strip_prefix(&self.root).ok();
        let first = beneath.and_then(|folder| folder.components().next());
        let is_trial =
            first.is_some_and(|first| TRIALS.iter().any(|name| first.as_os_str() == *name));
        if !is_trial {
            return false;
        }
        let mut removed = false;
        for folder in folder.ancestors().take_while(|folder| *folder != self.root) {
            // Refused if anything is in it, which is all that has to be known.
            if fs::remove_dir(folder).is_err() {
                break;
            }
            self.folders.removed(folder);
            removed = true;
        }
        removed
    }

    /// Opens the file of an object for reading and tells its length.
    fn open(&self, name: &ObjectName) -> Result<(File, u64), StoreError> {
        let opened = File::open(self.path(name)).and_then(|file| Ok((file.metadata()?, file)));
        match opened {
            Ok((metadata, file)) if metadata.is_file() => Ok((file, metadata.len())),
            Ok(_) => Err(StoreError::NotFound { at: self.at(name) }),
            Err(error) => Err(self.read_error(name, error)),
        }
    }

    /// An error of a read or a deletion: a file in the place of a folder means that the object is
    /// absent, as it does on object stores.
    fn read_error(&self, name: &ObjectName, error: io::Error) -> StoreError {
        match self.root_error(self.at(name), error) {
            StoreError::NotAFolder { at, .. } if self.root.is_dir() => StoreError::NotFound { at },
            error => error,
        }
    }

    /// An error that may come from the root folder itself: "not found" says that an object is
    /// absent only if there is a folder for it to be absent from.
    pub(super) fn root_error(&self, at: At, error: io::Error) -> StoreError {
        let store = || At::store(self.location.clone());
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => match fs::metadata(&self.root) {
                Ok(metadata) if metadata.is_dir() => StoreError::from_io(at, error),
                Ok(_) => StoreError::NotAFolder {
                    at: store(),
                    source: error.into(),
                },
                Err(root) if root.kind() == ErrorKind::NotFound => StoreError::NoStore {
                    at: store(),
                    source: root.into(),
                },
                Err(root) => StoreError::from_io(store(), root),
            },
            _ => StoreError::from_io(at, error),
        }
    }
}

/// Fills `bytes` from the beginning of a file; less only if it ends before.
fn read_full(mut file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Whether `file_name` is that of a staging file.
pub(super) fn is_staging(file_name: &str) -> bool {
    file_name.starts_with(STAGING_PREFIX)
}

/// A file that has no object's name yet.
struct Staging {
    path: PathBuf,
    file: File,
}

impl Staging {
    fn write(&self, payload: &PutPayload) -> io::Result<()> {
        for part in payload {
            (&self.file).write_all(part)?;
        }
        self.file.sync_all()
    }
}
