//! What a maintenance run is asked for, and how it tells how far it is.

use std::path::PathBuf;
use std::time::Duration;

/// How a repository is maintained.
#[derive(Clone, Debug)]
pub struct MaintainOptions {
    /// For how long what is condemned stays, so that readers without a session and backups that
    /// were cut off are not disturbed. By the times of log entries; zero is safe.
    pub grace: Duration,
    /// Share of the bytes in packs that may be dead before packs are copied, 0 to 1.
    pub max_unused: f64,
    /// Bytes of packs that are copied at the most in this run.
    pub max_repack: u64,
    /// Whether packs and segments are sealed anew that may hold something under an older
    /// generation of keys than the newest: packs within [`Self::max_repack`].
    pub reseal: bool,
    /// Open sessions that have shown no sign of life for so long, by the store's own clock, are
    /// declared dead. Twice as long for each dead session of the same volume, role and client
    /// that the log still holds. `None` declares nobody dead. A wrong guess costs a backup its
    /// time, and never data.
    pub kill_after: Option<Duration>,
    /// Whether blocks that are copied are opened and sealed on rayon's threads. If not, one after
    /// another on the calling one, so that randomness is drawn in the same order each time.
    pub parallel: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Program and version, for people.
    pub client: String,
    /// A folder for temporary files, which exists: 32 bytes for each chunk of the index and 24
    /// for each that is referred to.
    pub scratch: PathBuf,
}

impl MaintainOptions {
    /// Default of [`Self::grace`].
    pub const GRACE: Duration = Duration::from_hours(24);
    /// Default of [`Self::max_unused`].
    pub const MAX_UNUSED: f64 = 0.05;
    /// Default of [`Self::kill_after`]: a writer gives a sign of life each minute, but a reader
    /// none, and may read for days.
    pub const KILL_AFTER: Duration = Duration::from_hours(7 * 24);

    /// The defaults.
    pub fn new(client: String, scratch: PathBuf) -> Self {
        Self {
            grace: Self::GRACE,
            max_unused: Self::MAX_UNUSED,
            max_repack: u64::MAX,
            reseal: false,
            kill_after: Some(Self::KILL_AFTER),
            parallel: true,
            dry_run: false,
            client,
            scratch,
        }
    }
}

/// What a maintenance run is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaintainPhase {
    /// Listing packs, segments and folds.
    Listing,
    /// Reading index segments; counts segments.
    Index,
    /// Walking the trees that are live; counts trees.
    Trees,
    /// Looking for what nobody refers to.
    Marking,
    /// Copying what lives out of packs that are mostly dead; counts packs.
    Repacking,
    /// Deleting; counts objects.
    Deleting,
}

/// Told what a maintenance run does, from any thread.
pub trait MaintainProgress: Send + Sync {
    /// A phase begins that has `total` steps. Phases may come again.
    fn phase(&self, phase: MaintainPhase, total: u64) {
        let _ = (phase, total);
    }

    /// So many steps of the phase are done.
    fn steps(&self, count: u64) {
        let _ = count;
    }

    /// Whether the run should end as soon as it can, with
    /// [`MaintainError::Cancelled`](super::MaintainError::Cancelled). The next run goes on.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl MaintainProgress for Unwatched {}
