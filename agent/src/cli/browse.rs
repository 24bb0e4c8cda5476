//! Looking into a snapshot: entries by path, and ranges of them.

use std::sync::Arc;

use orlop_repo::repository::{Repository, TreePages};
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{
    Difference, Entry, EntryKey, Extents, KeyRange, Located, TreeCursor, TreeDiff, child_prefix,
    lookup,
};
use tokio::runtime::Handle;

use super::failure::Failure;
use super::human;

/// A snapshot that is open for reading. Everything blocks; not for the runtime's own threads.
pub(super) struct Browse {
    /// The record.
    pub(super) snapshot: Arc<Snapshot>,
    pages: TreePages,
}

impl Browse {
    /// Opens `snapshot`; keeps up to `cache` bytes of pages.
    pub(super) fn new(repository: &Arc<Repository>, snapshot: Arc<Snapshot>, cache: u64) -> Self {
        Self {
            snapshot,
            pages: TreePages::new(repository.clone(), Handle::current(), cache),
        }
    }

    /// The key of a path given by its components.
    pub(super) fn key(path: &[Vec<u8>]) -> Result<EntryKey, Failure> {
        let Some((name, folders)) = path.split_last() else {
            return Ok(EntryKey::root());
        };
        let parent = folders
            .iter()
            .fold(Vec::new(), |parent, folder| child_prefix(&parent, folder));
        EntryKey::new(&parent, name)
            .map_err(|error| Failure::usage("that path cannot be in a snapshot").because(error))
    }

    /// The entry at `key`.
    pub(super) fn entry(&self, key: &EntryKey) -> Result<Entry, Failure> {
        self.pages.open_root(&self.snapshot.root.0);
        lookup(&self.pages, &self.snapshot.root.0, key)
            .map_err(|error| self.unreadable().because(error))?
            .ok_or_else(|| missing(key, &self.snapshot))
    }

    /// The entries of a range, with their paths, in the order of their keys.
    pub(super) fn entries(
        &self,
        range: KeyRange,
    ) -> impl Iterator<Item = Result<Listed, Failure>> + '_ {
        TreeCursor::new(&self.pages, self.snapshot.root.0, range).map(|located| {
            let located = located.map_err(|error| self.unreadable().because(error))?;
            Ok(Listed::of(located))
        })
    }

    /// What differs in `newer`, a snapshot of the same repository; reads only pages that differ.
    pub(super) fn differences(
        &self,
        newer: &Self,
    ) -> impl Iterator<Item = Result<Difference, Failure>> + '_ {
        TreeDiff::new(&self.pages, self.snapshot.root.0, newer.snapshot.root.0).map(|difference| {
            difference.map_err(|error| {
                Failure::new("cannot read the trees of both snapshots")
                    .because(error)
                    .next("run `orlop check`")
            })
        })
    }

    /// The extents of a file.
    pub(super) fn extents(&self, entry: &Entry) -> Extents<'_, TreePages> {
        Extents::new(&self.pages, &entry.content)
    }

    fn unreadable(&self) -> Failure {
        Failure::new(format!(
            "cannot read the tree of snapshot {:.8}",
            self.snapshot.id
        ))
        .next("run `orlop check`")
    }
}

/// There is nothing at `key` in `snapshot`.
pub(super) fn missing(key: &EntryKey, snapshot: &Snapshot) -> Failure {
    let (name, id) = (human::name(&shown(key)), snapshot.id);
    Failure::new(format!("there is no {name} in snapshot {id:.8}")).next(format!(
        "`orlop ls {id:.8}` shows its top folder, `orlop find NAME` looks for a name"
    ))
}

/// An entry and where it stands.
#[derive(Debug)]
pub(super) struct Listed {
    /// With a leading slash; `/` is the top folder.
    pub(super) path: Vec<u8>,
    /// What it is.
    pub(super) entry: Entry,
}

impl Listed {
    /// An entry as the tree gives it.
    pub(super) fn of(located: Located) -> Self {
        Self {
            path: slashed(&located.parent, &located.entry.name),
            entry: located.entry,
        }
    }
}

/// The path of a key, with a leading slash.
pub(super) fn shown(key: &EntryKey) -> Vec<u8> {
    slashed(key.parent(), key.name())
}

fn slashed(parent: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = vec![b'/'];
    path.extend(
        parent
            .iter()
            .map(|byte| if *byte == 0 { b'/' } else { *byte }),
    );
    path.extend_from_slice(name);
    path
}
