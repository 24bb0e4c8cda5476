//! What a long operation has done so far, readable while it runs, and how it is asked to stop.
//!
//! The operation counts, whoever shows it polls. Nothing here renders, sleeps or reads a clock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

/// Problems kept until somebody takes them; more are only counted.
const MAX_WAITING_PROBLEMS: usize = 10_000;

/// A number that only grows. Updates of two counters may be seen in any order.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The sum of what was added.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How entries of one kind compare with the parent snapshot, or with the target of a restore.
#[derive(Debug, Default)]
pub struct Compared {
    /// Not there before.
    pub new: Counter,
    /// There, and different.
    pub changed: Counter,
    /// Taken over as they were; a restore skipped them.
    pub unmodified: Counter,
}

impl Compared {
    /// Sum of the three.
    pub fn total(&self) -> u64 {
        self.new.get() + self.changed.get() + self.unmodified.get()
    }
}

/// Something that was wrong with one file and did not stop the operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProblemSeen {
    /// Path as the user would name it, raw bytes.
    pub path: Vec<u8>,
    /// What happened, as a sentence without capital and full stop.
    pub what: String,
}

/// Counters of one operation; share it in an [`Arc`](std::sync::Arc).
///
/// All methods may be called from any thread. Sizes are plain bytes unless the name says stored.
#[derive(Debug, Default)]
pub struct Progress {
    /// Regular files, devices and streams that are done.
    pub files: Compared,
    /// Folders that are done.
    pub folders: Compared,
    /// Links, fifos and other entries without content that are done.
    pub others: Counter,
    /// Content that was read, taken over or written; holes count as they do in a file's size.
    pub bytes_done: Counter,
    /// Bytes that were read from files; less than is done where files are taken over, have holes
    /// or several names.
    pub bytes_read: Counter,
    /// Regular files taken over from a backup that was cut off.
    pub files_resumed: Counter,
    /// Their content.
    pub bytes_resumed: Counter,
    /// Plain bytes of chunks that the repository did not have.
    pub bytes_added: Counter,
    /// Bytes that went to the store.
    pub bytes_stored: Counter,
    /// Files that there are in all, as far as it is known; grows while a scan runs.
    pub files_total: Counter,
    /// Bytes that there are in all, as far as it is known.
    pub bytes_total: Counter,
    /// Objects of the repository that were checked.
    pub objects_done: Counter,
    /// Objects of the repository to check, as far as it is known.
    pub objects_total: Counter,
    total_known: AtomicBool,
    current: Mutex<Vec<u8>>,
    problems: Mutex<Vec<ProblemSeen>>,
    problem_count: Counter,
    cancelled: AtomicBool,
}

impl Progress {
    /// Nothing done yet, not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that [`Self::files_total`], [`Self::bytes_total`] and [`Self::objects_total`] grow
    /// no further: they were counted, or are those of an earlier run, and may be passed.
    pub fn set_total_known(&self) {
        self.total_known.store(true, Ordering::Relaxed);
    }

    /// Whether the totals are final, so that a remaining time can be told.
    pub fn total_known(&self) -> bool {
        self.total_known.load(Ordering::Relaxed)
    }

    /// Names the file that is being worked on, raw bytes. Cheap enough for every file.
    pub fn set_current(&self, path: &[u8]) {
        let mut current = self.current.lock();
        current.clear();
        current.extend_from_slice(path);
    }

    /// The file last named by [`Self::set_current`]; empty before.
    pub fn current(&self) -> Vec<u8> {
        self.current.lock().clone()
    }

    /// Reports something that leaves the result incomplete or doubtful.
    pub fn problem(&self, path: impl Into<Vec<u8>>, what: impl Into<String>) {
        self.problem_count.add(1);
        let mut problems = self.problems.lock();
        if problems.len() < MAX_WAITING_PROBLEMS {
            problems.push(ProblemSeen {
                path: path.into(),
                what: what.into(),
            });
        }
    }

    /// Problems since the last call, in the order of their report.
    pub fn take_problems(&self) -> Vec<ProblemSeen> {
        std::mem::take(&mut *self.problems.lock())
    }

    /// Problems so far, those included that nobody took in time.
    pub fn problem_count(&self) -> u64 {
        self.problem_count.get()
    }

    /// Asks the operation to stop at the next safe point, with what is stored still usable.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::cancel`] was called. To be asked at least once a file and once a chunk.
    pub fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_given_once_and_counted_for_ever() {
        let progress = Progress::new();
        progress.problem(*b"a", "vanished");
        assert_eq!(progress.take_problems().len(), 1);
        assert!(progress.take_problems().is_empty());
        assert_eq!(progress.problem_count(), 1);
    }

    #[test]
    fn problems_that_nobody_takes_stay_bounded() {
        let progress = Progress::new();
        for _ in 0..MAX_WAITING_PROBLEMS + 5 {
            progress.problem(Vec::new(), "");
        }
        assert_eq!(progress.take_problems().len(), MAX_WAITING_PROBLEMS);
        assert_eq!(progress.problem_count(), MAX_WAITING_PROBLEMS as u64 + 5);
    }

    #[test]
    fn a_cancelled_operation_stays_cancelled() {
        let progress = Progress::new();
        assert!(!progress.cancelled());
        progress.cancel();
        assert!(progress.cancelled());
    }

    #[test]
    fn the_current_file_is_the_one_named_last() {
        let progress = Progress::new();
        progress.set_current(b"long/path");
        progress.set_current(b"\xff");
        assert_eq!(progress.current(), b"\xff");
    }
}
