//! Many schedules, on all cores.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::coverage::Coverage;
use crate::run::{Outcome, Settings, run};

/// What came of many schedules.
#[derive(Default, Debug)]
pub struct Total {
    /// Schedules that were run.
    pub schedules: u64,
    /// Requests in all of them.
    pub calls: u64,
    /// What happened to which entries.
    pub coverage: Coverage,
    /// The first, by seed, in which something was wrong.
    pub wrong: Option<Outcome>,
}

/// Runs the schedules of `seeds`, until something is wrong in one. `told` hears of each.
///
/// # Errors
///
/// As [`run`].
pub fn run_all(
    seeds: std::ops::Range<u64>,
    settings: Settings,
    told: impl Fn(&Outcome) + Sync,
) -> Result<Total, String> {
    let next = AtomicU64::new(seeds.start);
    let stop = AtomicBool::new(false);
    let total = Mutex::new(Total::default());
    let failed = Mutex::new(None);
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = match run(seed, settings) {
                        Ok(outcome) => outcome,
                        Err(error) => {
                            stop.store(true, Ordering::Relaxed);
                            failed.lock().get_or_insert(error);
                            return;
                        }
                    };
                    told(&outcome);
                    let mut total = total.lock();
                    total.schedules += 1;
                    total.calls += outcome.calls;
                    total.coverage.add(&outcome.coverage);
                    if outcome.wrong.is_some() {
                        stop.store(true, Ordering::Relaxed);
                        let is_first = total
                            .wrong
                            .as_ref()
                            .is_none_or(|first| first.seed > outcome.seed);
                        if is_first {
                            total.wrong = Some(outcome);
                        }
                    }
                }
            });
        }
    });
    match failed.into_inner() {
        Some(error) => Err(error),
        None => Ok(total.into_inner()),
    }
}
