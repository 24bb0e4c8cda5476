//! `Kill`, `MergeIndex`, folds: what keeps a repository quick.

use std::collections::{BTreeMap, BTreeSet};

use super::{NotYet, Run};
use crate::flaws::{Flaw, is_left_out};
use crate::index::{SegmentBuilder, read_segment};
use crate::log::{Body, SegmentRef, State};
use crate::maintain::error::MaintainError;
use crate::maintain::kill::silent;
use crate::maintain::mark::Mark;
use crate::maintain::merge::mergeable;
use crate::model::PackSet;
use crate::repository::Session;

/// Merges of segments in one run.
const MAX_MERGES: usize = 1000;
/// Entries after the last fold from which on a run writes one: every client reads them.
const FOLD_AFTER: u64 = 32;

impl Run<'_> {
    /// Declares sessions dead that have given no sign of life for long enough.
    pub(super) fn kill_silent(&mut self) -> Result<(), MaintainError> {
        let Some(after) = self.options.kill_after.filter(|_| !self.options.dry_run) else {
            return Ok(());
        };
        let state = self.refreshed()?;
        let silent = self
            .runtime
            .block_on(silent(self.repository, &state, after))?;
        for id in silent {
            // Of the same state: a sign of life that came since is seen.
            let signs = |state: &State| state.sessions.get(&id).map(|s| (s.begun, s.checkpoint));
            let seen = signs(&state);
            let killed = self.append(|state| {
                if signs(state) == seen && state.open_session(id).is_ok() {
                    Ok(Body::Kill(id))
                } else {
                    Err(NotYet::Nothing)
                }
            });
            match killed {
                Ok(_) => self.report.killed.push(id),
                Err(NotYet::Failed(error)) => return Err(error),
                Err(NotYet::Nothing | NotYet::Moved) => {}
            }
        }
        Ok(())
    }

    /// Makes one segment of many small ones.
    pub(super) fn merge_segments(&mut self, mark: &Mark) -> Result<(), MaintainError> {
        let listed = &mark.survey.segments;
        let reseal = if self.options.reseal {
            mark.survey.old_segments.clone()
        } else {
            BTreeSet::new()
        };
        let wanted = mergeable(&self.refreshed()?, listed, &reseal);
        if wanted.is_empty() {
            return Ok(());
        }
        if self.options.dry_run {
            self.report.merged += wanted.len() as u64;
            return Ok(());
        }
        let session = self.begin()?;
        let merged = self.merge_in(&session, listed, &reseal);
        self.end(&session, merged)
    }

    fn merge_in(
        &mut self,
        session: &Session,
        listed: &BTreeMap<SegmentRef, PackSet>,
        reseal: &BTreeSet<SegmentRef>,
    ) -> Result<(), MaintainError> {
        for _ in 0..MAX_MERGES {
            let state = self.refreshed()?;
            let wanted = mergeable(&state, listed, reseal);
            if wanted.is_empty() {
                break;
            }
            let repository = self.repository;
            self.runtime.block_on(async {
                let mut builder = SegmentBuilder::new();
                for segment in &wanted {
                    let segment =
                        read_segment(repository.store(), repository.keys(), segment).await?;
                    // What a sweep has named is gone for ever; all else stays listed.
                    builder.add_segment(&segment, |pack| {
                        let dropped =
                            is_left_out(Flaw::MergeDropsCondemned) && state.is_condemned(pack);
                        !state.swept.contains(pack) && !dropped
                    });
                }
                let bodies = builder.finish();
                Ok::<_, MaintainError>(session.replace_segments(&wanted, &bodies).await?)
            })?;
            self.report.merged += wanted.len() as u64;
        }
        Ok(())
    }

    /// Writes a fold, so that whoever opens the repository next has little to read.
    pub(super) fn fold(&mut self) -> Result<(), MaintainError> {
        if self.options.dry_run {
            return Ok(());
        }
        self.go_on()?;
        let folded = self.runtime.block_on(async {
            let mut chain = self.repository.chain().await;
            if chain.entries_since_fold() < FOLD_AFTER {
                return Ok(false);
            }
            chain.fold().await.map(|()| true)
        })?;
        self.report.folded = folded;
        Ok(())
    }
}
