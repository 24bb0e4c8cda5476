//! The list of snapshots, kept up to date.

use std::sync::Arc;
use std::time::Duration;

use orlop_repo::explain::explain;
use orlop_repo::log::LogError;
use orlop_repo::model::ObjectHash;
use orlop_repo::repository::Repository;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::catalogue::Catalogue;
use super::problems::Problems;
use crate::select::SnapshotFilter;

/// The snapshots as the log had them a short while ago.
pub(super) struct Current {
    repository: Arc<Repository>,
    runtime: Handle,
    filter: SnapshotFilter,
    refresh: Duration,
    held: Mutex<Option<Held>>,
}

struct Held {
    catalogue: Arc<Catalogue>,
    /// The entry of the log that it is as of.
    as_of: ObjectHash,
    /// When the log was asked, by the monotonic clock.
    asked: Duration,
}

impl Current {
    /// Asks the log for newer ones when the list is older than `refresh`.
    pub(super) fn new(
        repository: Arc<Repository>,
        runtime: Handle,
        filter: SnapshotFilter,
        refresh: Duration,
    ) -> Self {
        Self {
            repository,
            runtime,
            filter,
            refresh,
            held: Mutex::default(),
        }
    }

    /// The snapshots. If the log cannot be read, those of before; that is told. Blocks.
    pub(super) fn now(&self, problems: &Problems) -> Arc<Catalogue> {
        let now = self.repository.clock().monotonic();
        let mut held = self.held.lock();
        if let Some(held) = &*held
            && now.saturating_sub(held.asked) < self.refresh
        {
            return Arc::clone(&held.catalogue);
        }
        let before = held.take();
        let seen = before.as_ref().map(|held| held.as_of);
        let (as_of, read) = self.runtime.block_on(self.ask(seen, problems));
        let catalogue = match (read, before) {
            (Some(catalogue), _) => Arc::new(catalogue),
            (None, Some(held)) => held.catalogue,
            (None, None) => Arc::default(),
        };
        *held = Some(Held {
            catalogue: Arc::clone(&catalogue),
            as_of,
            asked: now,
        });
        catalogue
    }

    /// The entry that the log is at, and the list if that is another than `seen`.
    async fn ask(
        &self,
        seen: Option<ObjectHash>,
        problems: &Problems,
    ) -> (ObjectHash, Option<Catalogue>) {
        let mut chain = self.repository.chain().await;
        if let Err(error) = chain.refresh().await {
            problems.tell(b"/".to_vec(), unlisted(&error));
        }
        let state = chain.state();
        let new = seen != Some(state.head);
        let catalogue = new.then(|| Catalogue::new(state.snapshots.values(), &self.filter));
        (state.head, catalogue)
    }
}

fn unlisted(error: &LogError) -> String {
    format!(
        "snapshots that were made meanwhile are not listed: {}",
        explain(error)
    )
}
