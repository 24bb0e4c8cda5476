//! What a command could not read of a snapshot and left out.

use std::collections::HashSet;

use orlop_chunker::ChunkId;
use orlop_repo::model::SnapshotId;
use orlop_repo::repository::TreeError;
use orlop_repo::tree::PageFailure;

use super::context::Context;
use super::exit::ExitStatus;
use crate::progress::ProblemSeen;
use crate::restore::LostPage;

/// Problems that are named; more are counted.
const MAX_NAMED: usize = 1000;

/// What a command could not read of a snapshot and left out.
#[derive(Debug, Default)]
pub(super) struct Missing {
    named: Vec<ProblemSeen>,
    count: u64,
    /// Pages that were named: several passes meet the same.
    pages: HashSet<ChunkId>,
}

impl Missing {
    /// A page of the tree, with all that stands below it.
    pub(super) fn page(&mut self, snapshot: SnapshotId, failure: &PageFailure<TreeError>) {
        if self.pages.insert(failure.page.id) {
            self.lost(LostPage::new(snapshot, failure));
        }
    }

    /// The same, as others say it.
    pub(super) fn lost(&mut self, page: LostPage) {
        self.file(page.path, page.what);
    }

    /// Something about one file.
    pub(super) fn file(&mut self, path: Vec<u8>, what: String) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(ProblemSeen { path, what });
        }
    }

    /// Takes over what another one holds.
    pub(super) fn absorb(&mut self, other: Self) {
        self.count += other.count - other.named.len() as u64;
        self.pages.extend(other.pages);
        for problem in other.named {
            self.file(problem.path, problem.what);
        }
    }

    /// Names everything on standard error; says how the command ends.
    pub(super) fn report(self, context: &Context, during: &'static str) -> ExitStatus {
        if self.count == 0 {
            return ExitStatus::Done;
        }
        for problem in &self.named {
            context.problem(during, problem);
        }
        let more = self.count - self.named.len() as u64;
        if more > 0 {
            context.warn(&format!("{more} more"));
        }
        ExitStatus::Incomplete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_counted() {
        let mut missing = Missing::default();
        for _ in 0..MAX_NAMED + 5 {
            missing.file(b"a".to_vec(), "is gone".to_owned());
        }
        let mut all = Missing::default();
        all.file(Vec::new(), "is gone".to_owned());
        all.absorb(missing);
        assert_eq!(all.named.len(), MAX_NAMED);
        assert_eq!(all.count, MAX_NAMED as u64 + 6);
    }
}
