//! What is mounted, and how.

use std::sync::Arc;
use std::time::Duration;

use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::EntryKey;

use crate::memory::MemoryPlan;
use crate::select::SnapshotFilter;

/// What the mounted folder shows.
#[derive(Clone, Debug)]
pub enum What {
    /// A folder of a snapshot.
    One {
        /// The snapshot.
        snapshot: Arc<Snapshot>,
        /// Key of the folder.
        folder: EntryKey,
    },
    /// Every snapshot that matches, by volume and time; new ones appear.
    All(SnapshotFilter),
}

/// How it is mounted.
#[derive(Clone, Debug)]
pub struct MountOptions {
    /// What the folder shows.
    pub what: What,
    /// Whether others than the user who mounts may look into it; then the modes of files decide
    /// what they may read.
    pub allow_other: bool,
    /// Bytes that may be kept.
    pub memory: MountMemory,
    /// How long a list of snapshots is good before the log is asked for newer ones.
    pub refresh: Duration,
}

/// How the memory of a mount is shared out, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MountMemory {
    /// Opened blocks of trees.
    pub pages: u64,
    /// Opened blocks of data, those that are read ahead among them.
    pub data: u64,
    /// Opened blocks of data that have moved, and as many of trees.
    pub moved: u64,
    /// Answers that are being made, and blocks that are being fetched.
    pub in_flight: u64,
    /// Inodes that the kernel remembers.
    pub inodes: u64,
}

impl MountMemory {
    /// The shares of a budget; less than [`MIN_BUDGET`](crate::memory::MIN_BUDGET) counts as that.
    pub fn new(budget: u64) -> Self {
        let plan = MemoryPlan::new(budget);
        // Nothing is packed here: what backups need for that is free.
        let buffers = plan.buffers();
        Self {
            pages: plan.block_cache + plan.sorter + buffers / 8,
            data: buffers / 2,
            moved: buffers / 16,
            in_flight: buffers / 4,
            inodes: plan.session_index + plan.links,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_fit_the_budget() {
        for budget in [48, 64, 100, 256, 1024].map(|mib: u64| mib << 20) {
            let memory = MountMemory::new(budget);
            let sum = MemoryPlan::FIXED
                + memory.pages
                + memory.data
                + 2 * memory.moved
                + memory.in_flight
                + memory.inodes;
            assert!(sum <= budget, "{budget}: {sum} {memory:?}");
        }
    }
}
