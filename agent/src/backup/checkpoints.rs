//! When the next checkpoint is due.

use std::time::Duration;

/// How often a backup names in the log what it has stored: what a killed one has done since its
/// last checkpoint is done again, except that packs which this machine's next backup finds are
/// used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckpointPolicy {
    /// At least this often, while there is progress.
    pub every: Duration,
    /// And after this many stored bytes.
    pub bytes: u64,
}

impl Default for CheckpointPolicy {
    /// What the format asks for (FORMAT.md section 10.5).
    fn default() -> Self {
        Self {
            every: Duration::from_mins(1),
            bytes: 256 << 20,
        }
    }
}

/// How far a backup is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reached {
    /// Monotonic time.
    pub(super) time: Duration,
    /// Batches that were taken in.
    pub(super) batches: u64,
    /// Stored bytes that were handed over to be uploaded.
    pub(super) stored: u64,
}

/// The last checkpoint, and when the next is due.
pub(super) struct Checkpoints {
    policy: CheckpointPolicy,
    last: Reached,
}

impl Checkpoints {
    pub(super) fn new(policy: CheckpointPolicy, start: Duration) -> Self {
        Self {
            policy,
            last: Reached {
                time: start,
                batches: 0,
                stored: 0,
            },
        }
    }

    pub(super) fn is_due(&self, now: Reached) -> bool {
        let long_ago = now.time.saturating_sub(self.last.time) >= self.policy.every
            && now.batches > self.last.batches;
        // Nothing new is never worth a checkpoint, however often they are wanted.
        let stored = now.stored.saturating_sub(self.last.stored);
        long_ago || (stored > 0 && stored >= self.policy.bytes)
    }

    pub(super) fn written(&mut self, now: Reached) {
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(secs: u64, batches: u64, stored: u64) -> Reached {
        Reached {
            time: Duration::from_secs(secs),
            batches,
            stored,
        }
    }

    #[test]
    fn due_after_a_minute_with_progress_or_many_bytes() {
        let policy = CheckpointPolicy::default();
        let mut checkpoints = Checkpoints::new(policy, Duration::from_secs(100));
        assert!(!checkpoints.is_due(reached(100, 5, policy.bytes - 1)));
        assert!(checkpoints.is_due(reached(100, 5, policy.bytes)));
        assert!(!checkpoints.is_due(reached(159, 5, 1)));
        assert!(checkpoints.is_due(reached(160, 5, 0)), "a long walk counts");
        assert!(!checkpoints.is_due(reached(160, 0, 0)));
        checkpoints.written(reached(160, 5, 7));
        assert!(!checkpoints.is_due(reached(1000, 5, 7)));
        assert!(checkpoints.is_due(reached(220, 6, 7)));
    }
}
