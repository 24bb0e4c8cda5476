//! The folder of local index files.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::log::SegmentRef;

use super::error::IndexError;
use super::file::{LocalFile, cache_error};

/// How the names of unfinished files begin; finished ones begin with [`PREFIX`].
pub(super) const TEMP_PREFIX: &str = "unfinished-";
/// How the names of finished files begin; 32 hex digits follow.
const PREFIX: &str = "index-";

/// Where local index files are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CacheFolder {
    /// A folder of this repository alone, shared by any number of processes. It may be deleted at
    /// any time.
    Kept(PathBuf),
    /// A new folder in this one, deleted in the end.
    TemporaryIn(PathBuf),
}

/// A folder of immutable files that are named by the set of segments in them, so that processes
/// can share it: two that make the same file make the same content.
pub(super) struct Cache {
    path: PathBuf,
    /// Most bytes of all files together.
    cap: Option<u64>,
    /// Deletes the folder in the end, if it is ours alone.
    _temporary: Option<TempDir>,
}

impl Cache {
    /// Uses a folder, which is made if it is absent.
    pub(super) fn open(folder: &CacheFolder, cap: Option<u64>) -> Result<Self, IndexError> {
        let path = match folder {
            CacheFolder::Kept(path) => path,
            CacheFolder::TemporaryIn(parent) => {
                let made = tempfile::Builder::new()
                    .prefix("orlop-index-")
                    .permissions(fs::Permissions::from_mode(0o700))
                    .tempdir_in(parent);
                let temporary = made.map_err(cache_error(parent, "make a folder in it"))?;
                let path = temporary.path().to_owned();
                return Ok(Self {
                    path,
                    cap,
                    _temporary: Some(temporary),
                });
            }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(cache_error(path, "make the folder"))?;
        Ok(Self {
            path: path.to_owned(),
            cap,
            _temporary: None,
        })
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether `more` bytes may be written.
    ///
    /// Two processes that ask at the same moment can both hear yes.
    pub(super) fn has_room(&self, more: u64) -> Result<bool, IndexError> {
        let Some(cap) = self.cap else {
            return Ok(true);
        };
        let mut used = more;
        for entry in self.entries()? {
            // Files come and go while the folder is listed. What is unfinished counts by what is
            // written of it.
            used = used.saturating_add(entry.metadata().map_or(0, |meta| meta.blocks() * 512));
        }
        Ok(used <= cap)
    }

    /// The finished files.
    pub(super) fn list(&self) -> Result<Vec<PathBuf>, IndexError> {
        let is_ours = |entry: &fs::DirEntry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.starts_with(PREFIX))
        };
        Ok(self
            .entries()?
            .into_iter()
            .filter(is_ours)
            .map(|entry| entry.path())
            .collect())
    }

    fn entries(&self) -> Result<Vec<fs::DirEntry>, IndexError> {
        fs::read_dir(&self.path)
            .and_then(Iterator::collect)
            .map_err(cache_error(&self.path, "list it"))
    }

    /// Gives a file the name of the segments in it, which are ascending, and opens it.
    ///
    /// Opened first: from then on it answers, whatever others do to its name.
    pub(super) fn keep(
        &self,
        file: NamedTempFile,
        segments: &[SegmentRef],
    ) -> Result<LocalFile, IndexError> {
        let mut hasher = blake3::Hasher::new();
        for segment in segments {
            hasher
                .update(segment.name().as_str().as_bytes())
                .update(segment.hash.as_bytes());
        }
        let name: String = hasher.finalize().to_hex().chars().take(32).collect();
        let path = self.path.join(format!("{PREFIX}{name}"));
        let renamed = cache_error(&path, "rename it");
        let open = file.as_file().try_clone().map_err(&renamed)?;
        let open = LocalFile::new(&path, open, false)?;
        file.persist(&path).map_err(|error| renamed(error.error))?;
        Ok(open)
    }

    /// Deletes a file of the folder, if it is still there.
    pub(super) fn remove(path: &Path) -> Result<(), IndexError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(cache_error(path, "delete it")(error))
            }
            _ => Ok(()),
        }
    }
}
