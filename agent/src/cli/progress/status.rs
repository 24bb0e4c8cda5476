//! The `status` and `error` messages for programs; names as restic has them.

use std::time::Duration;

use serde::Serialize;

use super::meter::Meter;
use crate::progress::{ProblemSeen, Progress};

/// How far an operation is; about one a second, on standard output.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    /// Always `status`.
    message_type: &'static str,
    /// Time since the operation began.
    seconds_elapsed: u64,
    /// Time that the rest will take at the present rate; absent while it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_remaining: Option<u64>,
    /// Share that is done, 0 to 1; 0 while the total is not known.
    percent_done: f64,
    /// Files in all, as far as it is known.
    total_files: u64,
    /// Files that are done.
    files_done: u64,
    /// Bytes in all, as far as it is known.
    total_bytes: u64,
    /// Bytes that are done.
    bytes_done: u64,
    /// Problems so far; each has an `error` message of its own.
    error_count: u64,
    /// The file at work, if there is one.
    current_files: Vec<String>,
}

/// The message about the present moment.
pub(super) fn status(progress: &Progress, meter: &Meter, elapsed: Duration) -> Status {
    let done = progress.bytes_done.get();
    let total = progress.bytes_total.get();
    let known = progress.total_known();
    let current = progress.current();
    Status {
        message_type: "status",
        seconds_elapsed: elapsed.as_secs(),
        seconds_remaining: if known {
            meter.remaining(total).map(|left| left.as_secs())
        } else {
            None
        },
        percent_done: if known && total > 0 {
            let share = |part: u64| Duration::from_millis(part).as_secs_f64();
            (share(done) / share(total)).min(1.0)
        } else {
            0.0
        },
        total_files: progress.files_total.get().max(progress.files.total()),
        files_done: progress.files.total(),
        total_bytes: total.max(done),
        bytes_done: done,
        error_count: progress.problem_count(),
        current_files: if current.is_empty() {
            Vec::new()
        } else {
            vec![String::from_utf8_lossy(&current).into_owned()]
        },
    }
}

/// A problem with one file, on standard error.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct ErrorMessage {
    /// Always `error`.
    message_type: &'static str,
    /// What happened.
    error: ErrorText,
    /// The operation.
    during: &'static str,
    /// The file.
    item: String,
}

/// The text of an [`ErrorMessage`].
#[derive(Debug, Serialize)]
struct ErrorText {
    message: String,
}

/// The message about a problem.
pub(in crate::cli) fn error_message(during: &'static str, problem: &ProblemSeen) -> ErrorMessage {
    ErrorMessage {
        message_type: "error",
        error: ErrorText {
            message: problem.what.clone(),
        },
        during,
        item: String::from_utf8_lossy(&problem.path).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_and_remaining_time_are_told_once_the_totals_are_known() {
        let progress = Progress::new();
        let mut meter = Meter::default();
        meter.sample(Duration::ZERO, 0);
        progress.bytes_done.add(3 << 20);
        progress.files.new.add(2);
        progress.files_total.add(5);
        progress.bytes_total.add(8 << 20);
        meter.sample(Duration::from_secs(3), 3 << 20);
        let at = Duration::from_secs(3);
        let told =
            |progress: &Progress| serde_json::to_value(status(progress, &meter, at)).unwrap();
        // A scan that runs has seen this much so far.
        let message = told(&progress);
        assert_eq!(
            (&message["percent_done"], &message["total_files"]),
            (&0.0.into(), &5.into())
        );
        assert_eq!(message.get("seconds_remaining"), None);
        progress.bytes_total.add(4 << 20);
        progress.set_total_known();
        let message = told(&progress);
        assert_eq!(message["percent_done"], 0.25);
        assert_eq!(message["total_bytes"], 12 << 20);
        assert_eq!(message["seconds_remaining"], 9);
        // The volume has grown since it was counted.
        progress.bytes_done.add(20 << 20);
        assert_eq!(told(&progress)["percent_done"], 1.0);
    }
}
