//! The agent's side: writing the files beneath the root of a volume.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;

use rustix::fs::{self as sys, Mode, OFlags};
use rustix::io::Errno;

use super::format::{FOLDER, MAX_REASON, Names, Outcome, Verdict};
use crate::fs::{DirHandle, FsError, Overwrite, RelPath, Root, Sink, SinkCursor, SinkOptions};
use crate::node::progress::DataProgress;

/// Everybody may look into the folder.
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o755);
/// Everybody may read the files.
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);
/// Name of a file until it is whole; the dot keeps it from being taken for another's.
const DRAFT: &str = ".draft";
/// Access lists that a folder gives to what is made in it: they could keep an account out.
const INHERITED: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];

/// The pod cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoneFilesError {
    /// A UID that is no name of a file.
    #[error("{uid:?} is no UID of a Restore; the owner of the PodVolumeRestore must be corrected")]
    BadUid {
        /// The UID.
        uid: String,
    },
    /// The root of the volume is no folder, so that nothing can be written into it.
    #[error("the volume is no folder: the pod cannot be told through it")]
    NoFolder,
    /// The folder cannot be made or cleared.
    #[error("cannot make the folder {FOLDER} in the volume")]
    Folder {
        /// Why.
        #[source]
        source: FsError,
    },
    /// A file cannot be written.
    #[error("cannot write {FOLDER}/{name} in the volume")]
    File {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Writes what the pod of one volume is told about one Restore.
///
/// Whatever the tenant puts in the way, nothing outside the volume is written or removed.
#[derive(Debug)]
pub struct DoneFiles {
    root: Root,
    cursor: SinkCursor,
    names: Names,
    folder: Option<DirHandle>,
}

impl DoneFiles {
    /// For the volume `root`, of which this keeps descriptors of its own, and the Restore with that
    /// UID. Writes nothing yet.
    ///
    /// # Errors
    ///
    /// [`DoneFilesError::BadUid`], [`DoneFilesError::NoFolder`], [`DoneFilesError::Folder`].
    pub fn new(root: &Root, restore_uid: &str) -> Result<Self, DoneFilesError> {
        let names = Names::of(restore_uid).map_err(|_| DoneFilesError::BadUid {
            uid: restore_uid.to_owned(),
        })?;
        if root.folder().is_none() {
            return Err(DoneFilesError::NoFolder);
        }
        let root = root.again().map_err(folder_error)?;
        let options = SinkOptions {
            overwrite: Overwrite::Folders,
            unlock: true,
        };
        let sink = Sink::of(&root, options).map_err(folder_error)?;
        Ok(Self {
            cursor: sink.cursor(),
            root,
            names,
            folder: None,
        })
    }

    /// Removes what an earlier restore left behind, and says that this one has begun.
    ///
    /// # Errors
    ///
    /// [`DoneFilesError`]: the pod is not told, which is no reason not to restore.
    pub fn begin(&mut self, progress: DataProgress) -> Result<(), DoneFilesError> {
        self.clear()?;
        self.progress(progress)
    }

    /// Says how far it is.
    ///
    /// # Errors
    ///
    /// As [`DoneFiles::begin`].
    pub fn progress(&mut self, progress: DataProgress) -> Result<(), DoneFilesError> {
        let name = self.names.progress.clone();
        let text = serde_json::to_vec(&progress).map_err(|error| DoneFilesError::File {
            name: name.clone(),
            source: error.into(),
        })?;
        self.write(&name, &text)
    }

    /// Says that the volume is restored, once all of it is on its disk: the pod starts on it.
    ///
    /// Nothing but this file is in the folder then, whatever the backup had there.
    ///
    /// # Errors
    ///
    /// [`DoneFilesError`]: the pod waits on, so try again or let the restore fail.
    pub fn done(&mut self) -> Result<(), DoneFilesError> {
        let name = self.names.done.clone();
        if let Some(folder) = self.root.folder() {
            sys::syncfs(folder).map_err(|errno| file_error(&name, errno))?;
        }
        self.clear()?;
        self.write(&name, b"")
    }

    /// Says that the volume will not be restored, and why: the pod does not start.
    ///
    /// # Errors
    ///
    /// [`DoneFilesError`]: the pod waits on until it is deleted.
    pub fn failed(&mut self, outcome: Outcome, reason: &str) -> Result<(), DoneFilesError> {
        let verdict = Verdict {
            outcome,
            reason: reason.chars().take(MAX_REASON).collect(),
        };
        let name = self.names.failed.clone();
        let text = serde_json::to_vec(&verdict).map_err(|error| DoneFilesError::File {
            name: name.clone(),
            source: error.into(),
        })?;
        self.clear()?;
        self.write(&name, &text)
    }

    /// Makes the folder anew.
    fn clear(&mut self) -> Result<(), DoneFilesError> {
        self.folder = None;
        let path = RelPath::root().child(FOLDER.as_bytes());
        self.cursor.remove(&path).map_err(folder_error)?;
        self.open()?;
        Ok(())
    }

    /// The folder, made if it is not there.
    fn open(&mut self) -> Result<&DirHandle, DoneFilesError> {
        let made = match self.folder.take() {
            Some(folder) => folder,
            None => self.make().map_err(folder_error)?,
        };
        Ok(self.folder.insert(made))
    }

    fn make(&mut self) -> Result<DirHandle, FsError> {
        let at = RelPath::root();
        let path = at.child(FOLDER.as_bytes());
        self.cursor.make_dir(&path)?;
        let Some(root) = self.root.folder() else {
            return Err(FsError::BadName { path });
        };
        let folder = root.open_dir(&at, FOLDER.as_bytes(), None)?;
        let cannot = |action| {
            let path = path.clone();
            move |source| FsError::Io {
                action,
                path,
                source,
            }
        };
        for name in INHERITED {
            match sys::fremovexattr(&folder, name) {
                Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
                Err(errno) => return Err(cannot("remove the access list of")(errno)),
            }
        }
        sys::fchmod(&folder, FOLDER_MODE).map_err(cannot("set the mode of"))?;
        Ok(folder)
    }

    /// Writes a file, which takes the place of an earlier one at once.
    fn write(&mut self, name: &str, content: &[u8]) -> Result<(), DoneFilesError> {
        let folder = self.open()?;
        let draft = || {
            let flags =
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            // One component, and `O_EXCL` follows no link.
            sys::openat(folder, DRAFT, flags, FILE_MODE)
        };
        let fd = match draft() {
            Err(Errno::EXIST) => {
                // Left behind, or planted.
                sys::unlinkat(folder, DRAFT, sys::AtFlags::empty())
                    .map_err(|errno| file_error(name, errno))?;
                draft()
            }
            answer => answer,
        };
        let mut file = std::fs::File::from(fd.map_err(|errno| file_error(name, errno))?);
        let whole = file
            .write_all(content)
            // Whatever mask the process has.
            .and_then(|()| Ok(sys::fchmod(file.as_fd(), FILE_MODE)?))
            .and_then(|()| file.sync_all())
            .and_then(|()| Ok(sys::renameat(folder, DRAFT, folder, name)?))
            .and_then(|()| Ok(sys::fsync(folder)?));
        whole.map_err(|source| DoneFilesError::File {
            name: name.to_owned(),
            source,
        })
    }
}

fn folder_error(source: FsError) -> DoneFilesError {
    DoneFilesError::Folder { source }
}

fn file_error(name: &str, errno: Errno) -> DoneFilesError {
    DoneFilesError::File {
        name: name.to_owned(),
        source: errno.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;

    const UID: &str = "0b6c6a52-restore";

    fn files(volume: &TempDir) -> DoneFiles {
        DoneFiles::new(&Root::open(volume.path()).unwrap(), UID).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        std::fs::symlink_metadata(path)
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    }

    const PROGRESS: DataProgress = DataProgress {
        total_bytes: 9,
        bytes_done: 4,
    };

    #[test]
    fn what_an_earlier_restore_left_is_removed_before_this_one_begins() {
        let volume = tempfile::tempdir().unwrap();
        let folder = volume.path().join(FOLDER);
        std::fs::create_dir_all(folder.join("deep/er")).unwrap();
        std::fs::write(folder.join(UID), "").unwrap();
        let mut files = files(&volume);
        files.begin(PROGRESS).unwrap();
        let progress = format!("{UID}.progress");
        assert_eq!(names(&folder), [progress.as_str()]);
        let text = std::fs::read_to_string(folder.join(&progress)).unwrap();
        assert_eq!(text, r#"{"totalBytes":9,"bytesDone":4}"#);
        files.progress(DataProgress::default()).unwrap();
        files.done().unwrap();
        assert_eq!(names(&folder), [UID]);
        assert_eq!(std::fs::read(folder.join(UID)).unwrap(), b"");
    }

    #[test]
    fn the_end_of_a_restore_that_failed_says_why() {
        let volume = tempfile::tempdir().unwrap();
        let mut files = files(&volume);
        files.begin(PROGRESS).unwrap();
        let long = format!("no space\n{}", "\u{1}".repeat(5000));
        files.failed(Outcome::Cancelled, &long).unwrap();
        let failed = format!("{UID}.failed");
        assert_eq!(names(&volume.path().join(FOLDER)), [failed.as_str()]);
        let text = std::fs::read(volume.path().join(FOLDER).join(failed)).unwrap();
        assert!(text.len() <= super::super::MAX_LEN);
        let verdict: Verdict = serde_json::from_slice(&text).unwrap();
        assert_eq!(verdict.outcome, Outcome::Cancelled);
        assert!(verdict.reason.starts_with("no space\n"));
    }

    #[test]
    fn every_account_may_read_them_whatever_the_volume_gives_to_what_is_made_in_it() {
        let volume = tempfile::tempdir().unwrap();
        // An access list that lets only root in.
        let list = std::process::Command::new("setfacl")
            .args(["-d", "-m", "u::rwx,g::---,o::---,u:1000:---,m::rwx"])
            .arg(volume.path())
            .status();
        if !list.is_ok_and(|status| status.success()) {
            eprintln!("no access list can be set here: it was not tried");
        }
        let mut files = files(&volume);
        files.done().unwrap();
        let folder = volume.path().join(FOLDER);
        assert_eq!(mode(&folder), 0o755);
        assert_eq!(mode(&folder.join(UID)), 0o644);
        let list = std::process::Command::new("getfacl")
            .args(["--omit-header", "--absolute-names"])
            .args([&folder, &folder.join(UID)])
            .output();
        if let Ok(list) = list {
            let list = String::from_utf8(list.stdout).unwrap();
            assert!(!list.contains("1000"), "{list}");
        }
    }

    #[test]
    fn links_that_the_tenant_has_planted_lead_nowhere() {
        let volume = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("kept"), "kept").unwrap();
        symlink(outside.path(), volume.path().join(FOLDER)).unwrap();
        let mut files = files(&volume);
        files.begin(PROGRESS).unwrap();
        assert_eq!(names(outside.path()), ["kept"]);
        let folder = volume.path().join(FOLDER);
        assert!(folder.symlink_metadata().unwrap().is_dir());
        // In the place of the files.
        let kept = outside.path().join("kept");
        for name in [DRAFT.to_owned(), format!("{UID}.progress"), UID.to_owned()] {
            let file = folder.join(name);
            drop(std::fs::remove_file(&file));
            symlink(&kept, &file).unwrap();
        }
        files.progress(PROGRESS).unwrap();
        files.done().unwrap();
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "kept");
        assert!(folder.join(UID).symlink_metadata().unwrap().is_file());
    }

    #[test]
    fn a_folder_that_was_moved_away_is_not_where_the_end_is_told() {
        let volume = tempfile::tempdir().unwrap();
        let mut files = files(&volume);
        files.begin(PROGRESS).unwrap();
        let folder = volume.path().join(FOLDER);
        std::fs::rename(&folder, volume.path().join("moved")).unwrap();
        files.done().unwrap();
        assert_eq!(names(&folder), [UID]);
    }

    #[test]
    fn a_uid_that_leads_elsewhere_and_a_volume_that_is_no_folder_are_refused() {
        let volume = tempfile::tempdir().unwrap();
        let root = Root::open(volume.path()).unwrap();
        for uid in ["", "..", "a/b"] {
            let error = DoneFiles::new(&root, uid).unwrap_err();
            assert!(matches!(error, DoneFilesError::BadUid { .. }), "{error}");
        }
        std::fs::write(volume.path().join("file"), "").unwrap();
        let file = Root::open(&volume.path().join("file")).unwrap();
        let error = DoneFiles::new(&file, UID).unwrap_err();
        assert!(matches!(error, DoneFilesError::NoFolder), "{error}");
    }
}
