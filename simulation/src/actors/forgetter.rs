//! Forgets by a policy, and brings back.

use orlop_repo::log::{AppendError, State};
use orlop_repo::model::SnapshotId;
use orlop_repo::repository::UnforgetError;

use super::{Actor, At, Job};

impl Actor {
    /// Forgets, or brings something back.
    pub(super) fn forget_some(&mut self, at: &At) {
        if self.random.chance(self.habits.brings_back) {
            self.bring_back(at);
            return;
        }
        let keep = usize::try_from(self.random.below(self.habits.keeps)).unwrap_or(1);
        let forgotten = self.runtime.block_on(
            at.repository
                .forget::<AppendError>(|state| Ok(beyond(state, keep))),
        );
        let done: Job = forgotten.map(|_| ()).map_err(Into::into);
        let is_done = done.is_ok();
        self.ends("forget", at, done);
        if is_done && self.random.chance(250) {
            let folded = self
                .runtime
                .block_on(async { at.repository.chain().await.fold().await });
            self.ends("fold", at, folded.map_err(Into::into));
        }
    }

    fn bring_back(&mut self, at: &At) {
        let state = self.runtime.block_on(async {
            let mut chain = at.repository.chain().await;
            chain.refresh().await.map(|_| chain.state().clone())
        });
        let state = match state {
            Ok(state) => state,
            Err(error) => return self.ends("look", at, Err(error.into())),
        };
        let forgotten: Vec<SnapshotId> = state.forgotten.keys().copied().collect();
        let Some(id) = self.random.pick(&forgotten).copied() else {
            return;
        };
        let index = match self.index() {
            Ok(index) => index,
            Err(error) => return self.ends("index", at, Err(error.into())),
        };
        let ids = [id];
        let back = at.repository.unforget(&ids, &index, "simulation", || false);
        let back = self.runtime.block_on(back);
        let gone = {
            let oracle = self.world.oracle.lock();
            !oracle.state.forgotten.contains_key(&id)
        };
        match back {
            // Maintenance has taken what it needs, and the log says so.
            Err(UnforgetError::NotForgotten { .. } | UnforgetError::NotWhole { .. }) if gone => {
                self.world.note(self.number, "unforget: too late");
            }
            Err(error) => {
                // Its session may have been taken for dead; which it was is not told.
                let text = orlop_repo::explain::explain(&error);
                let killed = text.contains("no longer open");
                self.excuse("unforget", &error, &at.process, at.faults_before(), killed);
            }
            Ok(()) => self.ends("unforget", at, Ok(())),
        }
    }
}

/// All but the newest `keep` of each volume.
fn beyond(state: &State, keep: usize) -> Vec<SnapshotId> {
    let mut all: Vec<_> = state.snapshots.values().collect();
    all.sort_by_key(|snapshot| std::cmp::Reverse((snapshot.finished_ms, snapshot.id)));
    let mut kept = std::collections::BTreeMap::<&str, usize>::new();
    let mut forget = Vec::new();
    for snapshot in all {
        let count = kept.entry(&snapshot.volume).or_default();
        if *count >= keep {
            forget.push(snapshot.id);
        }
        *count += 1;
    }
    forget
}
