//! What cannot be read, told to people once.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::progress::ProblemSeen;

/// Takes what cannot be read. Called on any thread.
pub type Report = Arc<dyn Fn(ProblemSeen) + Send + Sync>;

/// Problems that are remembered, so that none is told again each time the kernel asks.
const MAX_REMEMBERED: usize = 4096;

/// Tells each problem once.
pub(super) struct Problems {
    report: Report,
    told: Mutex<HashSet<blake3::Hash>>,
}

impl Problems {
    pub(super) fn new(report: Report) -> Self {
        Self {
            report,
            told: Mutex::default(),
        }
    }

    /// Something about `path`: of a snapshot, with a leading slash.
    pub(super) fn tell(&self, path: Vec<u8>, what: String) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(what.as_bytes()).update(&[0]).update(&path);
        let mut told = self.told.lock();
        if told.len() >= MAX_REMEMBERED {
            told.clear();
        }
        let new = told.insert(hasher.finalize());
        drop(told);
        if new {
            (self.report)(ProblemSeen { path, what });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_once_and_others_are_told() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let problems = Problems::new({
            let seen = Arc::clone(&seen);
            Arc::new(move |problem| seen.lock().push(problem.what))
        });
        for what in ["one", "one", "two", "one"] {
            problems.tell(b"/a".to_vec(), what.to_owned());
        }
        problems.tell(b"/b".to_vec(), "one".to_owned());
        assert_eq!(*seen.lock(), ["one", "two", "one"]);
    }
}
