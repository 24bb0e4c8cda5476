//! One line about how far an operation is.

use std::fmt::Write as _;
use std::time::Duration;

use super::meter::Meter;
use crate::cli::human;
use crate::progress::Progress;

/// What an operation counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cli) enum Work {
    /// Files and their bytes.
    Files,
    /// Objects of the repository, and bytes of them.
    Objects,
}

/// Time, bytes, share, rate, count and remaining time; with `current`, the file at work.
pub(super) fn line(
    work: Work,
    progress: &Progress,
    meter: &Meter,
    elapsed: Duration,
    current: bool,
) -> String {
    let bytes = progress.bytes_done.get();
    let total = progress.bytes_total.get();
    let mut line = format!("[{}] {}", human::span(elapsed), human::bytes(bytes));
    if progress.total_known() && total > 0 {
        let percent = u128::from(bytes.min(total)) * 100 / u128::from(total);
        let _ = write!(line, " of {} ({percent}%)", human::bytes(total));
    }
    if let Some(rate) = meter.rate() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is not negative, and three digits are shown"
        )]
        let rate = rate as u64;
        let _ = write!(line, ", {}/s", human::bytes(rate));
    }
    match work {
        Work::Files => {
            let files = human::count(progress.files.total(), "file", "files");
            let _ = write!(line, ", {files}");
        }
        Work::Objects => {
            let _ = write!(line, ", {}", progress.objects_done.get());
            if progress.total_known() {
                let _ = write!(line, " of {}", progress.objects_total.get());
            }
            line.push_str(" objects");
        }
    }
    if progress.total_known()
        && let Some(left) = meter.remaining(total)
    {
        let _ = write!(line, ", {} left", human::span(left));
    }
    let problems = progress.problem_count();
    if problems > 0 {
        let _ = write!(line, ", {}", human::count(problems, "problem", "problems"));
    }
    if current {
        let _ = write!(line, "  {}", human::name(&progress.current()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_known() {
        let progress = Progress::new();
        let mut meter = Meter::default();
        meter.sample(Duration::ZERO, 0);
        progress.bytes_done.add(3 << 20);
        progress.files.new.add(2);
        progress.set_current(b"a\n");
        meter.sample(Duration::from_secs(3), 3 << 20);
        let at = Duration::from_secs(3);
        assert_eq!(
            line(Work::Files, &progress, &meter, at, true),
            "[0:03] 3.00 MiB, 1.00 MiB/s, 2 files  a\\n"
        );
        progress.bytes_total.add(12 << 20);
        progress.set_total_known();
        assert_eq!(
            line(Work::Files, &progress, &meter, at, false),
            "[0:03] 3.00 MiB of 12.0 MiB (25%), 1.00 MiB/s, 2 files, 0:09 left"
        );
    }

    #[test]
    fn objects_are_counted_as_such() {
        let progress = Progress::new();
        progress.objects_done.add(1);
        progress.problem("x", "hurt");
        let line = line(
            Work::Objects,
            &progress,
            &Meter::default(),
            Duration::ZERO,
            false,
        );
        assert_eq!(line, "[0:00] 0 B, 1 objects, 1 problem");
    }
}
