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
pub(super) struct ErrorMessage {
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
pub(super) fn error_message(during: &'static str, problem: &ProblemSeen) -> ErrorMessage {
    ErrorMessage {
        message_type: "error",
        error: ErrorText {
            message: problem.what.clone(),
        },
        during,
        item: String::from_utf8_lossy(&problem.path).into_owned(),
    }
}
