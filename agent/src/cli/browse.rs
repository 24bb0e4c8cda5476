//! Looking into a snapshot: entries by path, and ranges of them.

use std::sync::Arc;

use orlop_repo::explain::explain;
use orlop_repo::repository::{Elsewhere, OpenIndex, Repository, TreeError, TreePages};
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{
    Difference, Entry, EntryKey, Extents, KeyRange, Located, PageFailure, Side, TreeCursor,
    TreeDiff, child_prefix, lookup,
};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::failure::Failure;
use super::human;
use super::missing::Missing;

/// A snapshot that is open for reading. Everything blocks; not for the runtime's own threads.
pub(super) struct Browse {
    /// The record.
    pub(super) snapshot: Arc<Snapshot>,
    pages: TreePages,
    /// What could not be read and was left out.
    missing: Mutex<Missing>,
}

impl Browse {
    /// Opens `snapshot`; keeps up to `cache` bytes of pages. `open` makes the index, if something
    /// has moved.
    pub(super) fn new(
        repository: &Arc<Repository>,
        snapshot: Arc<Snapshot>,
        cache: u64,
        open: OpenIndex,
    ) -> Self {
        let elsewhere = Arc::new(Elsewhere::new(repository.clone(), snapshot.id, open));
        Self {
            snapshot,
            pages: TreePages::new(repository.clone(), Handle::current(), cache, elsewhere),
            missing: Mutex::default(),
        }
    }

    /// What could not be read and was left out so far.
    pub(super) fn take_missing(&self) -> Missing {
        std::mem::take(&mut *self.missing.lock())
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

    /// The entry at `key`; nothing if it is lost with a page of the tree, which is then missing.
    pub(super) fn entry(&self, key: &EntryKey) -> Result<Option<Entry>, Failure> {
        self.pages.open_root(&self.snapshot.root.0);
        match lookup(&self.pages, &self.snapshot.root.0, key) {
            Ok(Some(entry)) => Ok(Some(entry)),
            Err(failure) => self.leave_out(failure).map(|()| None),
            Ok(None) => Err(missing(key, &self.snapshot)),
        }
    }

    /// The entries of a range, with their paths, in the order of their keys. What stands below
    /// damaged pages is left out.
    pub(super) fn entries(
        &self,
        range: KeyRange,
    ) -> impl Iterator<Item = Result<Listed, Failure>> + '_ {
        let cursor = TreeCursor::new(&self.pages, self.snapshot.root.0, range);
        cursor.filter_map(|located| match located {
            Ok(located) => Some(Ok(Listed::of(located))),
            Err(failure) => self.leave_out(failure).err().map(Err),
        })
    }

    /// What differs in `newer`, a snapshot of the same repository; reads only pages that differ.
    /// What one of them has below damaged pages is compared with nothing.
    pub(super) fn differences(
        &self,
        newer: &Self,
    ) -> impl Iterator<Item = Result<Difference, Failure>> + '_ {
        let (old, new) = (self.snapshot.root.0, newer.snapshot.root.0);
        let newer = newer.snapshot.id;
        TreeDiff::new(&self.pages, old, new).filter_map(move |difference| match difference {
            Ok(difference) => Some(Ok(difference)),
            Err(failed) if failed.failure.source.is_damage() => {
                let id = match failed.side {
                    Side::Old => self.snapshot.id,
                    Side::New => newer,
                };
                self.missing.lock().page(id, &failed.failure);
                None
            }
            Err(failed) => Some(Err(
                Failure::new("cannot read the trees of both snapshots").because(failed.failure)
            )),
        })
    }

    /// The extents of a file.
    pub(super) fn extents(&self, entry: &Entry) -> Extents<'_, TreePages> {
        Extents::new(&self.pages, &entry.content)
    }

    /// Notes that something about one file could not be read.
    pub(super) fn leave_out_file(&self, path: &[u8], error: &TreeError) {
        let what = format!("snapshot {:.8}: {}", self.snapshot.id, explain(error));
        self.missing.lock().file(path.to_vec(), what);
    }

    /// Notes a page that is damaged; anything else stops the command.
    fn leave_out(&self, failure: Box<PageFailure<TreeError>>) -> Result<(), Failure> {
        if failure.source.is_damage() {
            self.missing.lock().page(self.snapshot.id, &failure);
            Ok(())
        } else {
            Err(self.unreadable().because(failure))
        }
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
