//! Whether an operation still moves.

use std::sync::Arc;
use std::time::Duration;

use orlop_repo::clock::Clock;

use crate::progress::Progress;

/// The longest time between two looks that counts against an operation. A process that was stopped
/// with its machine, or that had no processor, has not looked either.
const LONGEST_STEP: Duration = Duration::from_secs(30);

/// Looks at an operation now and then, and says when it has done nothing for too long.
///
/// Time that passes while it works does not count, however long it takes.
pub struct Watch {
    progress: Arc<Progress>,
    clock: Arc<dyn Clock>,
    patience: Duration,
    seen: [u64; COUNTERS],
    looked: Duration,
    idle: Duration,
}

/// Counters that move only when something is done. What is counted ahead is not work.
const COUNTERS: usize = 8;

fn work(progress: &Progress) -> [u64; COUNTERS] {
    [
        progress.files.total(),
        progress.folders.total(),
        progress.others.get(),
        progress.bytes_done.get(),
        progress.bytes_read.get(),
        progress.bytes_added.get(),
        progress.bytes_stored.get(),
        progress.objects_done.get(),
    ]
}

impl Watch {
    /// Begins to watch an operation that may do nothing for `patience`.
    pub fn new(progress: Arc<Progress>, clock: Arc<dyn Clock>, patience: Duration) -> Self {
        Self {
            seen: work(&progress),
            looked: clock.monotonic(),
            idle: Duration::ZERO,
            progress,
            clock,
            patience,
        }
    }

    /// Looks again; to be called every few seconds. Gives how long nothing was done, once that is
    /// longer than the patience.
    pub fn stalled(&mut self) -> Option<Duration> {
        let (now, seen) = (self.clock.monotonic(), work(&self.progress));
        let step = now.saturating_sub(self.looked).min(LONGEST_STEP);
        self.looked = now;
        if seen == self.seen {
            self.idle += step;
        } else {
            self.seen = seen;
            self.idle = Duration::ZERO;
        }
        (self.idle > self.patience).then_some(self.idle)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// A clock that is moved by hand.
    #[derive(Default)]
    pub(crate) struct Hands(Mutex<Duration>);

    impl Hands {
        pub(crate) fn pass(&self, time: Duration) {
            *self.0.lock() += time;
        }
    }

    impl Clock for Hands {
        fn unix_ms(&self) -> u64 {
            0
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock()
        }
    }

    const PATIENCE: Duration = Duration::from_mins(10);

    fn watch() -> (Watch, Arc<Progress>, Arc<Hands>) {
        let (progress, clock) = (Arc::new(Progress::new()), Arc::new(Hands::default()));
        let watch = Watch::new(Arc::clone(&progress), Arc::clone(&clock) as _, PATIENCE);
        (watch, progress, clock)
    }

    /// Looks every five seconds for that long.
    fn look(watch: &mut Watch, clock: &Hands, time: Duration) -> Option<Duration> {
        let mut stalled = None;
        for _ in 0..time.as_secs() / 5 {
            clock.pass(Duration::from_secs(5));
            stalled = watch.stalled();
        }
        stalled
    }

    #[test]
    fn what_moves_may_take_as_long_as_it_likes() {
        let (mut watch, progress, clock) = watch();
        for _ in 0..1000 {
            assert_eq!(look(&mut watch, &clock, PATIENCE), None);
            progress.bytes_stored.add(1);
            assert_eq!(watch.stalled(), None);
        }
    }

    #[test]
    fn what_does_nothing_is_stalled_when_patience_ends() {
        let (mut watch, progress, clock) = watch();
        progress.files.new.add(1);
        assert_eq!(look(&mut watch, &clock, Duration::from_secs(5)), None);
        assert_eq!(look(&mut watch, &clock, PATIENCE), None);
        let stalled = look(&mut watch, &clock, Duration::from_secs(5));
        assert_eq!(stalled, Some(PATIENCE + Duration::from_secs(5)));
        progress.folders.changed.add(1);
        assert_eq!(watch.stalled(), None);
    }

    #[test]
    fn what_is_counted_ahead_is_no_work() {
        let (mut watch, progress, clock) = watch();
        for _ in 0..300 {
            progress.files_total.add(1);
            progress.bytes_total.add(1);
            look(&mut watch, &clock, Duration::from_secs(5));
        }
        assert!(watch.stalled().is_some());
    }

    #[test]
    fn time_in_which_nobody_looked_does_not_count() {
        let (mut watch, _progress, clock) = watch();
        clock.pass(Duration::from_hours(48));
        assert_eq!(watch.stalled(), None);
        assert_eq!(watch.idle, LONGEST_STEP);
    }
}
