//! The pod's side of a restore: waiting until all its volumes have their data.
//!
//! Runs in an init container, under any account. Whatever it reads was written by the agent of the node
//! ([`done_files`](super::done_files)), or by a tenant who can only deceive their own pod.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orlop_repo::clock::Clock;

use super::done_files::{FOLDER, MAX_LEN, Names, Outcome, Verdict};
use super::progress::DataProgress;

/// How often the volumes are looked at, as Velero's helper does.
pub(super) const EVERY: Duration = Duration::from_secs(1);
/// How often a volume is told of that has not changed.
const REMIND: Duration = Duration::from_secs(10);

/// How a volume is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeState {
    /// Its restore has not begun.
    Waiting,
    /// Its restore runs.
    Running(DataProgress),
    /// It cannot be told, for this reason; it may become readable.
    Unreadable(String),
    /// Its data is there.
    Done,
    /// It will not be restored.
    Failed(Verdict),
}

/// Why the pod must not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreWaitError {
    /// A UID that is no name of a file.
    #[error("{uid:?} is no UID of a Restore")]
    BadUid {
        /// The UID.
        uid: String,
    },
    /// The folder of the volumes cannot be listed.
    #[error("cannot list the volumes in {folder}")]
    List {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No volume is mounted.
    #[error("there is no volume in {folder}")]
    NoVolumes {
        /// The folder.
        folder: PathBuf,
    },
    /// A volume will not be restored.
    #[error("volume {volume} was not restored: {}", words(verdict))]
    Failed {
        /// Its name in the pod.
        volume: String,
        /// Why.
        verdict: Verdict,
    },
}

fn words(verdict: &Verdict) -> String {
    let how = match verdict.outcome {
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
    };
    // What stands in a volume must not control a terminal.
    let reason: String = verdict
        .reason
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("{how}: {reason}")
}

/// A file that could not be taken away after everything was restored.
#[derive(Debug)]
pub struct LeftBehind {
    /// Name of the volume.
    pub volume: String,
    /// Why.
    pub source: io::Error,
}

/// Waits for the volumes of one pod.
#[derive(Debug)]
pub struct RestoreWait {
    folder: PathBuf,
    names: Names,
}

impl RestoreWait {
    /// For the Restore with that UID; `folder` has a folder for each volume.
    ///
    /// # Errors
    ///
    /// [`RestoreWaitError::BadUid`].
    pub fn new(folder: &Path, restore_uid: &str) -> Result<Self, RestoreWaitError> {
        let names = Names::of(restore_uid).map_err(|_| RestoreWaitError::BadUid {
            uid: restore_uid.to_owned(),
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            names,
        })
    }

    /// Waits until every volume is done, then takes the folders [`FOLDER`] away that this account
    /// may remove; gives the others. `tell` hears of each volume when its state changes, and now and
    /// then.
    ///
    /// # Errors
    ///
    /// [`RestoreWaitError`]: the pod must not start. Nothing is taken away then, so that the next
    /// look ends in the same way.
    pub async fn wait(
        &self,
        clock: &dyn Clock,
        mut tell: impl FnMut(&str, &VolumeState),
    ) -> Result<Vec<LeftBehind>, RestoreWaitError> {
        let mut told: BTreeMap<String, (VolumeState, Duration)> = BTreeMap::new();
        loop {
            let volumes = self.look()?;
            let now = clock.monotonic();
            for (volume, state) in &volumes {
                let again = told.get(volume).is_none_or(|(last, at)| {
                    let reminder = now.saturating_sub(*at) >= REMIND;
                    // Bytes change all the time.
                    let same = match (last, state) {
                        (VolumeState::Running(_), VolumeState::Running(_)) => true,
                        (last, state) => last == state,
                    };
                    !same || reminder && *state != VolumeState::Done
                });
                if again {
                    tell(volume, state);
                    told.insert(volume.clone(), (state.clone(), now));
                }
            }
            if volumes.values().all(|state| *state == VolumeState::Done) {
                return Ok(self.clean(volumes.into_keys()));
            }
            for (volume, state) in volumes {
                if let VolumeState::Failed(verdict) = state {
                    return Err(RestoreWaitError::Failed { volume, verdict });
                }
            }
            clock.pause(EVERY).await;
        }
    }

    /// Every volume with its state. What is no folder is no volume.
    fn look(&self) -> Result<BTreeMap<String, VolumeState>, RestoreWaitError> {
        let list = |source| RestoreWaitError::List {
            folder: self.folder.clone(),
            source,
        };
        let mut volumes = BTreeMap::new();
        for entry in fs::read_dir(&self.folder).map_err(list)? {
            let entry = entry.map_err(list)?;
            if entry.file_type().map_err(list)?.is_dir() {
                // Kubernetes allows only letters, digits and dashes.
                let name = entry.file_name().to_string_lossy().into_owned();
                let state = self.state(&entry.path());
                volumes.insert(name, state);
            }
        }
        if volumes.is_empty() {
            return Err(RestoreWaitError::NoVolumes {
                folder: self.folder.clone(),
            });
        }
        Ok(volumes)
    }

    fn state(&self, volume: &Path) -> VolumeState {
        let folder = volume.join(FOLDER);
        let there = |path: &Path| match fs::symlink_metadata(path) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(VolumeState::Unreadable(format!(
                "cannot look at {}: {error}",
                path.display()
            ))),
        };
        let find = || -> Result<VolumeState, VolumeState> {
            match there(&folder)? {
                Some(meta) if meta.is_dir() => {}
                _ => return Ok(VolumeState::Waiting),
            }
            if there(&folder.join(&self.names.done))?.is_some_and(|meta| meta.is_file()) {
                return Ok(VolumeState::Done);
            }
            let failed = folder.join(&self.names.failed);
            if there(&failed)?.is_some_and(|meta| meta.is_file()) {
                return Ok(VolumeState::Failed(verdict(&failed)));
            }
            let progress = read(&folder.join(&self.names.progress));
            let progress = progress
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok());
            Ok(progress.map_or(VolumeState::Waiting, VolumeState::Running))
        };
        find().unwrap_or_else(|unreadable| unreadable)
    }

    fn clean(&self, volumes: impl Iterator<Item = String>) -> Vec<LeftBehind> {
        let mut left = Vec::new();
        for volume in volumes {
            // A link would be removed, not followed.
            match fs::remove_dir_all(self.folder.join(&volume).join(FOLDER)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => left.push(LeftBehind { volume, source }),
            }
        }
        left
    }
}

/// What the agent says of a restore that has ended; that it has, the file says by being there.
fn verdict(file: &Path) -> Verdict {
    let read = read(file).and_then(|text| Ok(serde_json::from_slice(&text)?));
    read.unwrap_or_else(|error: io::Error| Verdict {
        outcome: Outcome::Failed,
        reason: format!("the agent's reason cannot be read: {error}"),
    })
}

/// Reads a small file, which is no link and no fifo that could hold the reader.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let mut text = Vec::new();
    let limit = MAX_LEN as u64 + 1;
    options.open(file)?.take(limit).read_to_end(&mut text)?;
    if text.len() > MAX_LEN {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    Ok(text)
}
