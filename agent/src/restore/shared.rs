//! What the threads of a restore have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use orlop_repo::model::SnapshotId;
use orlop_repo::repository::{Elsewhere, Repository};
use parking_lot::Mutex;
use rustix::io::Errno;
use tokio::runtime::Handle;

use super::RestoreError;
use super::summary::Report;
use crate::backup::Tools;
use crate::fs::{Attributes, ExternalSorter, Finisher, FsError, Identity, RelPath};
use crate::progress::Progress;

/// What the threads of a restore have in common.
pub(super) struct Shared {
    pub(super) repository: Arc<Repository>,
    pub(super) runtime: Handle,
    pub(super) progress: Arc<Progress>,
    pub(super) report: Report,
    pub(super) elsewhere: Arc<Elsewhere>,
    /// Zeros that were written become holes.
    pub(super) sparse: bool,
    /// Files that are open at the moment.
    pub(super) open: AtomicUsize,
    /// Folders, and files that must not be locked yet.
    pub(super) finisher: Mutex<Finisher>,
    /// Files with other names still to come: path, and which one it is.
    pub(super) leaders: Mutex<ExternalSorter>,
    stopped: AtomicBool,
    fatal: Mutex<Option<RestoreError>>,
}

impl Shared {
    pub(super) fn new(
        tools: &Tools,
        snapshot: SnapshotId,
        progress: Arc<Progress>,
        sparse: bool,
        finisher: Finisher,
        leaders: ExternalSorter,
    ) -> Self {
        Self {
            repository: Arc::clone(&tools.repository),
            runtime: tools.runtime.clone(),
            progress,
            report: Report::default(),
            elsewhere: tools.elsewhere(snapshot),
            sparse,
            open: AtomicUsize::new(0),
            finisher: Mutex::new(finisher),
            leaders: Mutex::new(leaders),
            stopped: AtomicBool::new(false),
            fatal: Mutex::new(None),
        }
    }

    /// Stops the whole restore; the first reason counts.
    pub(super) fn stop(&self, error: RestoreError) {
        self.fatal.lock().get_or_insert(error);
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the restore is to stop.
    pub(super) fn stopped(&self) -> bool {
        if self.progress.cancelled() {
            self.stop(RestoreError::Cancelled);
        }
        self.stopped.load(Ordering::Relaxed)
    }

    /// The reason why it stopped, if it did.
    pub(super) fn take_fatal(&self) -> Result<(), RestoreError> {
        self.fatal.lock().take().map_or(Ok(()), Err)
    }

    /// Reports an object that could not be written; stops if nothing more can be.
    pub(super) fn failed(&self, path: &RelPath, error: FsError) {
        self.report.error(&self.progress, path, &error);
        if is_fatal(&error) {
            self.stop(RestoreError::Write(error));
        }
    }

    /// Remembers a folder, or a file that must not be locked yet.
    pub(super) fn finish_later(&self, path: &RelPath, identity: Identity, want: &Attributes) {
        if let Err(error) = self.finisher.lock().push(path, identity, want) {
            self.stop(RestoreError::Write(error));
        }
    }

    /// Remembers which object a path with other names became, and whether its content is damaged.
    pub(super) fn note_leader(&self, path: &RelPath, identity: Identity, damaged: bool) {
        let mut value = [0; 17];
        value[..8].copy_from_slice(&identity.dev.to_le_bytes());
        value[8..16].copy_from_slice(&identity.ino.to_le_bytes());
        value[16] = u8::from(damaged);
        if let Err(error) = self.leaders.lock().push(path.as_prefix(), &value) {
            self.stop(error.into());
        }
    }
}

/// Whether every other file would fail in the same way.
fn is_fatal(error: &FsError) -> bool {
    let hopeless = |errno| {
        matches!(
            errno,
            Errno::NOSPC | Errno::DQUOT | Errno::ROFS | Errno::NFILE | Errno::MFILE
        )
    };
    match error {
        FsError::Io { source, .. } => hopeless(*source),
        FsError::Scratch { .. } => true,
        _ => false,
    }
}
