//! How much there will be to read, so that a share and a remaining time can be told.
//!
//! A volume that was backed up before is taken to be as large as it was then: that costs nothing,
//! and walking it a second time would cost as much as backing it up again does. Of a first backup
//! a second walk counts files and bytes.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use orlop_repo::snapshot::Snapshot;

use super::options::Exclude;
use crate::fs::{Found, Kind, Root, Walk, WalkOptions};
use crate::progress::Progress;

/// A backup that is over sooner needs no estimate, and is not slowed down by one.
pub const SCAN_AFTER: Duration = Duration::from_secs(3);

/// Below all that computes for the backup, so that it takes what they leave over.
const NICENESS: i32 = 10;

/// A volume to be counted.
pub(super) struct Scan {
    pub(super) root: Root,
    /// As the backup leaves out.
    pub(super) exclude: Option<Exclude>,
    pub(super) walk: WalkOptions,
}

/// A scan that runs; it ends when this is dropped, or soon after.
pub(super) struct Running {
    _stop: Sender<()>,
}

/// Takes the totals of the snapshot that a backup is compared with.
pub(super) fn estimate(parent: &Snapshot, progress: &Progress) {
    progress.files_total.add(parent.stats.files);
    progress.bytes_total.add(parent.stats.bytes);
    progress.set_total_known();
}

impl Scan {
    /// Counts in the background, from `after` on.
    ///
    /// Nobody waits for the thread: it may be in the middle of a folder of millions.
    pub(super) fn start(self, after: Duration, progress: &Arc<Progress>) -> Running {
        let (stop, stopped) = bounded(0);
        let progress = Arc::clone(progress);
        let thread = std::thread::Builder::new().name("scan".to_owned());
        let spawned = thread.spawn(move || {
            if stopped
                .recv_timeout(after)
                .is_err_and(|error| error.is_timeout())
            {
                // Of this thread alone, on Linux. Without it the scan is only less polite.
                rustix::process::setpriority_process(None, NICENESS).unwrap_or_default();
                self.count(&stopped, &progress);
            }
        });
        if let Err(error) = spawned {
            tracing::debug!(%error, "nothing is counted ahead");
        }
        Running { _stop: stop }
    }

    /// Counts what a backup will count. Whatever is wrong with the volume, the backup says.
    fn count(self, stopped: &Receiver<()>, progress: &Progress) {
        let mut walk = Walk::new(&self.root, self.walk);
        if let Some(exclude) = self.exclude {
            walk = walk.excluding(exclude);
        }
        for found in walk {
            if stopped.try_recv() == Err(TryRecvError::Disconnected) {
                return;
            }
            match found {
                Ok(Found::Item(item)) if item.stat.kind == Kind::File => {
                    progress.files_total.add(1);
                    progress.bytes_total.add(item.stat.size);
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the scan stopped");
                    return;
                }
            }
        }
        progress.set_total_known();
    }
}
