//! Options that narrow which snapshots are meant.

use std::sync::Arc;

use clap::Args;
use orlop_repo::log::State;
use orlop_repo::snapshot::Snapshot;

use super::failure::Failure;
use super::values::Tag;
use crate::select::SnapshotFilter;

/// Options of every command that looks at snapshots.
#[derive(Args, Clone, Debug)]
pub(super) struct Selection {
    /// Only snapshots of this volume
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,

    /// Only snapshots with this tag; may be given again, then all of them
    #[arg(long, value_name = "KEY=VALUE")]
    tag: Vec<Tag>,
}

impl Selection {
    /// As a filter.
    pub(super) fn filter(&self) -> SnapshotFilter {
        SnapshotFilter {
            volume: self.volume.clone(),
            tags: self
                .tag
                .iter()
                .map(|tag| (tag.key.clone(), tag.value.clone()))
                .collect(),
        }
    }

    /// Whether every snapshot is meant.
    pub(super) fn is_all(&self) -> bool {
        self.volume.is_none() && self.tag.is_empty()
    }

    /// All that are meant, oldest first.
    pub(super) fn all<'a>(&self, state: &'a State) -> Vec<&'a Snapshot> {
        self.filter().select(state.snapshots.values())
    }

    /// The one that `name` means.
    pub(super) fn one(&self, name: &str, state: &State) -> Result<Arc<Snapshot>, Failure> {
        self.filter()
            .find(name, state.snapshots.values())
            .map(|snapshot| Arc::new(snapshot.clone()))
            .map_err(|error| {
                Failure::new(format!("no single snapshot is meant by {name:?}"))
                    .because(error)
                    .next("`orlop snapshots` lists them; name one by the first digits of its id")
            })
    }
}
