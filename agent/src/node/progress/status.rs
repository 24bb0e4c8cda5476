//! Progress as status has it.

use std::sync::Arc;
use std::time::Duration;

use orlop_repo::clock::Clock;
use serde::{Deserialize, Serialize};

use crate::progress::Progress;

/// The shortest time between two writes of one status.
const SHORTEST: Duration = Duration::from_secs(1);

/// `status.progress` of a `PodVolumeBackup` or `PodVolumeRestore`, by Velero's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataProgress {
    /// Bytes that there are, as far as it is known; never less than are done.
    #[serde(default)]
    pub total_bytes: i64,
    /// Bytes that are done.
    #[serde(default)]
    pub bytes_done: i64,
}

/// Says when status is to be written, and with what.
pub struct StatusUpdates {
    progress: Arc<Progress>,
    clock: Arc<dyn Clock>,
    every: Duration,
    /// What was written last, and when.
    written: Option<(DataProgress, Duration)>,
}

impl DataProgress {
    /// What an operation has done so far.
    pub fn of(progress: &Progress) -> Self {
        let done = progress.bytes_done.get();
        // The total of an earlier backup, or one that is still being counted, may be passed.
        let total = progress.bytes_total.get().max(done);
        Self {
            total_bytes: i64::try_from(total).unwrap_or(i64::MAX),
            bytes_done: i64::try_from(done).unwrap_or(i64::MAX),
        }
    }

    /// What an operation that has succeeded has done: all of it.
    pub fn whole(progress: &Progress) -> Self {
        let Self { bytes_done, .. } = Self::of(progress);
        Self {
            total_bytes: bytes_done,
            bytes_done,
        }
    }

    /// `status.incrementalBytes`: bytes of what was read that the repository did not have.
    pub fn incremental(progress: &Progress) -> i64 {
        i64::try_from(progress.bytes_added.get()).unwrap_or(i64::MAX)
    }

    /// The share that is done, 0 to 100; nothing where there is nothing to do.
    pub fn percent(&self) -> Option<u8> {
        if self.total_bytes <= 0 {
            return None;
        }
        let done = i128::from(self.bytes_done.clamp(0, self.total_bytes));
        u8::try_from(done * 100 / i128::from(self.total_bytes)).ok()
    }
}

impl StatusUpdates {
    /// Of one operation, about `every` so often; less than a second counts as a second.
    pub fn new(progress: Arc<Progress>, clock: Arc<dyn Clock>, every: Duration) -> Self {
        Self {
            progress,
            clock,
            every: every.max(SHORTEST),
            written: None,
        }
    }

    /// What is to be written now, if anything is. It counts as written.
    pub fn due(&mut self) -> Option<DataProgress> {
        let now = self.clock.monotonic();
        let soon = |(_, at): &(DataProgress, Duration)| now.saturating_sub(*at) < self.every;
        if self.written.as_ref().is_some_and(soon) {
            return None;
        }
        let current = DataProgress::of(&self.progress);
        if self.written.is_some_and(|(last, _)| last == current) {
            return None;
        }
        self.written = Some((current, now));
        Some(current)
    }

    /// Tells that the last write failed: it is due again, after the usual time.
    pub fn failed(&mut self) {
        if let Some((last, _)) = &mut self.written {
            // No operation has done less than nothing.
            last.bytes_done = -1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::watch::tests::Hands;
    use super::*;

    fn updates(every: Duration) -> (StatusUpdates, Arc<Progress>, Arc<Hands>) {
        let (progress, clock) = (Arc::new(Progress::new()), Arc::new(Hands::default()));
        let updates = StatusUpdates::new(Arc::clone(&progress), Arc::clone(&clock) as _, every);
        (updates, progress, clock)
    }

    #[test]
    fn status_is_written_once_a_second_at_the_most() {
        let (mut updates, progress, clock) = updates(Duration::ZERO);
        let mut written = Vec::new();
        for step in 0..100 {
            progress.bytes_done.add(10);
            clock.pass(Duration::from_millis(100));
            if let Some(update) = updates.due() {
                written.push((step, update.bytes_done));
            }
        }
        let steps: Vec<_> = (0..100).step_by(10).collect();
        assert_eq!(
            written.iter().map(|(step, _)| *step).collect::<Vec<_>>(),
            steps
        );
        assert_eq!(written[1].1, 110);
    }

    #[test]
    fn nothing_is_written_where_nothing_has_changed() {
        let (mut updates, progress, clock) = updates(Duration::from_secs(5));
        assert_eq!(updates.due(), Some(DataProgress::default()));
        clock.pass(Duration::from_mins(1));
        assert_eq!(updates.due(), None);
        // What the status does not show does not count.
        progress.bytes_read.add(7);
        assert_eq!(updates.due(), None);
        progress.bytes_total.add(7);
        assert!(updates.due().is_some());
        progress.bytes_done.add(7);
        assert_eq!(updates.due(), None, "five seconds have not passed");
        clock.pass(Duration::from_secs(5));
        assert!(updates.due().is_some());
    }

    #[test]
    fn a_write_that_failed_is_due_again() {
        let (mut updates, progress, clock) = updates(Duration::from_secs(1));
        progress.bytes_done.add(1);
        assert!(updates.due().is_some());
        updates.failed();
        assert_eq!(updates.due(), None, "not at once");
        clock.pass(Duration::from_secs(1));
        assert!(updates.due().is_some());
        clock.pass(Duration::from_secs(1));
        assert_eq!(updates.due(), None);
    }

    #[test]
    fn the_total_is_never_less_than_what_is_done() {
        let progress = Progress::new();
        progress.bytes_total.add(100);
        progress.bytes_done.add(40);
        let now = DataProgress::of(&progress);
        assert_eq!((now.total_bytes, now.bytes_done), (100, 40));
        assert_eq!(now.percent(), Some(40));
        let whole = DataProgress::whole(&progress);
        assert_eq!((whole.total_bytes, whole.bytes_done), (40, 40));
        progress.bytes_added.add(30);
        assert_eq!(DataProgress::incremental(&progress), 30);
        progress.bytes_done.add(80);
        let now = DataProgress::of(&progress);
        assert_eq!((now.total_bytes, now.bytes_done), (120, 120));
        progress.bytes_done.add(u64::MAX / 2);
        let huge = DataProgress::of(&progress);
        assert_eq!((huge.bytes_done, huge.percent()), (i64::MAX, Some(100)));
        assert_eq!(DataProgress::default().percent(), None);
    }

    #[test]
    fn the_names_are_veleros() {
        let progress = DataProgress {
            total_bytes: 2,
            bytes_done: 1,
        };
        let json = serde_json::to_string(&progress).unwrap();
        assert_eq!(json, r#"{"totalBytes":2,"bytesDone":1}"#);
    }
}
