//! Folders that survive the loss of power.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// Makes folders under a root and remembers which of them are durable.
#[derive(Debug)]
pub(super) struct Folders {
    root: PathBuf,
    /// Folders whose own entries, and those of all folders above up to the root, were synced by
    /// this process since it made or first used them.
    ///
    /// That a folder exists does not mean that it is durable: another process may have made it a
    /// moment ago.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Folders {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            durable: Mutex::default(),
        }
    }

    /// Makes the root and everything above it that is absent.
    pub(super) fn create_root(&self) -> io::Result<()> {
        let mut missing: Vec<&Path> = Vec::new();
        for folder in self.root.ancestors() {
            if folder.as_os_str().is_empty() || fs::metadata(folder).is_ok() {
                break;
            }
            missing.push(folder);
        }
        for folder in missing.iter().rev() {
            make(folder)?;
            sync(parent_or_here(folder))?;
        }
        if !fs::metadata(&self.root)?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(())
    }

    /// Makes `folder` and those between it and the root, which must exist.
    pub(super) fn create(&self, folder: &Path) -> io::Result<()> {
        let below: Vec<&Path> = folder
            .ancestors()
            .take_while(|above| *above != self.root.as_path())
            .collect();
        for folder in below.iter().rev() {
            if make(folder)? {
                self.durable.lock().remove(*folder);
            }
        }
        Ok(())
    }

    /// Makes a new entry of `folder` durable, and with it the entries of the folders above.
    pub(super) fn sync_chain(&self, folder: &Path) -> io::Result<()> {
        sync(folder)?;
        for below in folder
            .ancestors()
            .take_while(|above| *above != self.root.as_path())
        {
            if self.durable.lock().contains(below) {
                continue;
            }
            if let Some(above) = below.parent() {
                sync(above)?;
            }
            self.durable.lock().insert(below.to_owned());
        }
        Ok(())
    }

    /// Forgets a folder that was removed.
    pub(super) fn removed(&self, folder: &Path) {
        self.durable.lock().remove(folder);
    }
}

/// Makes one folder, private to its owner; tells whether it was absent.
fn make(folder: &Path) -> io::Result<bool> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn parent_or_here(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Syncs the entries of `folder`.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot sync a folder and keep entries durable without it.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folders_are_private_and_those_made_anew_are_synced_again() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("a/b");
        let folders = Folders::new(root.clone());
        folders.create_root().unwrap();
        let leaf = root.join("packs/1");
        folders.create(&leaf).unwrap();
        for made in [&root, &root.join("packs"), &leaf] {
            assert_eq!(
                fs::metadata(made).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
        folders.sync_chain(&leaf).unwrap();
        assert!(folders.durable.lock().contains(&leaf));
        fs::remove_dir(&leaf).unwrap();
        folders.create(&leaf).unwrap();
        assert!(!folders.durable.lock().contains(&leaf));
        assert!(folders.durable.lock().contains(&root.join("packs")));
    }

    #[test]
    fn nothing_is_made_outside_an_absent_root() {
        let temp = tempfile::tempdir().unwrap();
        let folders = Folders::new(temp.path().join("absent"));
        assert!(folders.create(&temp.path().join("absent/packs")).is_err());
        assert!(!temp.path().join("absent").exists());
    }
}
