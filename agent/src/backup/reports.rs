//! What went wrong with single files: told to who watches, and kept for the snapshot.

use std::sync::Arc;

use orlop_repo::snapshot::{MAX_PROBLEM_BYTES, MAX_PROBLEMS, Problem};
use parking_lot::Mutex;

use crate::progress::Progress;

/// Collects problems.
pub(super) struct Reports {
    progress: Arc<Progress>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    problems: Vec<Problem>,
    bytes: usize,
    incomplete: u64,
}

impl Reports {
    pub(super) fn new(progress: Arc<Progress>) -> Self {
        Self {
            progress,
            kept: Mutex::default(),
        }
    }

    /// Something is missing from the snapshot that should be in it.
    pub(super) fn incomplete(&self, path: &[u8], what: String) {
        self.kept.lock().incomplete += 1;
        self.progress.problem(path, what.clone());
        self.keep(path, what);
    }

    /// Something worth knowing: a file that vanished, or changed while it was read.
    pub(super) fn remark(&self, path: &[u8], what: String) {
        tracing::warn!(path = %String::from_utf8_lossy(path), "{what}");
        self.keep(path, what);
    }

    fn keep(&self, path: &[u8], what: String) {
        let mut kept = self.kept.lock();
        let bytes = kept.bytes + path.len() + what.len();
        if kept.problems.len() < MAX_PROBLEMS && bytes <= MAX_PROBLEM_BYTES {
            kept.bytes = bytes;
            kept.problems.push(Problem {
                path: path.to_vec(),
                what,
            });
        }
    }

    /// What was kept, and how many files are missing or incomplete.
    pub(super) fn take(&self) -> (Vec<Problem>, u64) {
        let mut kept = self.kept.lock();
        (std::mem::take(&mut kept.problems), kept.incomplete)
    }
}
