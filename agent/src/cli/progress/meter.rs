//! Rate and remaining time from samples. Pure: the time is handed in.

use std::collections::VecDeque;
use std::time::Duration;

/// How far back the rate looks: long enough to be calm, short enough to notice a stall.
const WINDOW: Duration = Duration::from_secs(20);

/// The recent past of a growing number.
#[derive(Debug, Default)]
pub(super) struct Meter {
    samples: VecDeque<(Duration, u64)>,
}

impl Meter {
    /// Takes the number at the time `now`, which does not go back.
    pub(super) fn sample(&mut self, now: Duration, done: u64) {
        self.samples.push_back((now, done));
        while self.samples.len() > 2
            && self
                .samples
                .get(1)
                .is_some_and(|(then, _)| now.saturating_sub(*then) >= WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// Growth a second within the window; `None` before half a second has passed.
    pub(super) fn rate(&self) -> Option<f64> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let time = last.0.checked_sub(first.0)?;
        let grown = Duration::from_secs(last.1.saturating_sub(first.1)).as_secs_f64();
        (time >= Duration::from_millis(500)).then(|| grown / time.as_secs_f64())
    }

    /// Time until `total` is reached at this rate.
    pub(super) fn remaining(&self, total: u64) -> Option<Duration> {
        let left = Duration::from_secs(total.saturating_sub(self.samples.back()?.1));
        let rate = self.rate().filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(left.as_secs_f64() / rate).ok()
    }
}

/// Whole and broken seconds, to the millisecond: more digits would pretend.
pub(in crate::cli) fn seconds(time: Duration) -> f64 {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_rate_is_that_of_the_window() {
        let mut meter = Meter::default();
        for second in 0..100 {
            meter.sample(at(second), if second < 50 { 0 } else { (second - 50) * 10 });
        }
        assert!((meter.rate().unwrap() - 10.0).abs() < 1e-6);
        assert_eq!(meter.remaining(590), Some(at(10)));
    }

    #[test]
    fn nothing_is_said_before_something_is_known() {
        let mut meter = Meter::default();
        assert_eq!(meter.rate(), None);
        meter.sample(at(0), 5);
        assert_eq!(meter.rate(), None);
        meter.sample(at(1), 5);
        assert_eq!(meter.remaining(10), None);
    }

    #[test]
    fn samples_stay_bounded() {
        let mut meter = Meter::default();
        for tick in 0..10_000 {
            meter.sample(Duration::from_millis(tick * 100), tick);
        }
        assert!(meter.samples.len() < 210);
    }
}
