//! Trees of snapshots that share what is kept of them.

use std::collections::HashMap;
use std::sync::{Arc, Once, Weak};

use orlop_repo::model::SnapshotId;
use orlop_repo::repository::{BlockReader, Elsewhere, OpenIndex, Repository, TreeError, TreePages};
use orlop_repo::seal::BlockKind;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{
    Content, Entry, EntryKey, Extents, KeyRange, PageFailure, TreeCursor, lookup,
};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::blocks::DataBlocks;
use super::options::MountMemory;
use crate::memory::ByteBudget;

/// Opens trees.
pub(super) struct Trees {
    pub(super) runtime: Handle,
    /// The data of all of them.
    pub(super) data: Arc<DataBlocks>,
    /// Answers that are being made.
    pub(super) answers: ByteBudget,
    pages: Arc<BlockReader>,
    elsewhere: Elsewhere,
    open: Mutex<HashMap<SnapshotId, Weak<SnapshotTree>>>,
}

/// The tree of a snapshot. Everything blocks; not for the runtime's own threads.
pub(super) struct SnapshotTree {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) elsewhere: Arc<Elsewhere>,
    pages: TreePages,
    opened: Once,
}

impl Trees {
    pub(super) fn new(
        repository: Arc<Repository>,
        runtime: Handle,
        open_index: OpenIndex,
        memory: &MountMemory,
    ) -> Self {
        let reader = |kind, cache| BlockReader::new(Arc::clone(&repository), kind, cache);
        let data = reader(BlockKind::Data, memory.data);
        Self {
            data: Arc::new(DataBlocks::new(data, memory)),
            answers: ByteBudget::new(memory.in_flight / 2),
            pages: Arc::new(reader(BlockKind::Tree, memory.pages)),
            elsewhere: Elsewhere::keeping(repository, None, open_index, memory.moved),
            open: Mutex::default(),
            runtime,
        }
    }

    /// The tree of `snapshot`; one for all who ask while somebody has it.
    pub(super) fn of(&self, snapshot: &Arc<Snapshot>) -> Arc<SnapshotTree> {
        let mut open = self.open.lock();
        if let Some(tree) = open.get(&snapshot.id).and_then(Weak::upgrade) {
            return tree;
        }
        open.retain(|_, tree| tree.strong_count() > 0);
        let elsewhere = Arc::new(self.elsewhere.also_for(snapshot.id));
        let (pages, runtime) = (Arc::clone(&self.pages), self.runtime.clone());
        let tree = Arc::new(SnapshotTree {
            snapshot: Arc::clone(snapshot),
            pages: TreePages::sharing(pages, runtime, Arc::clone(&elsewhere)),
            elsewhere,
            opened: Once::new(),
        });
        open.insert(snapshot.id, Arc::downgrade(&tree));
        tree
    }
}

impl SnapshotTree {
    /// The entry at `key`, by a few pages.
    pub(super) fn entry(
        &self,
        key: &EntryKey,
    ) -> Result<Option<Entry>, Box<PageFailure<TreeError>>> {
        self.open();
        lookup(&self.pages, &self.snapshot.root.0, key)
    }

    /// The entries of a range, in the order of their keys.
    pub(super) fn entries(&self, range: KeyRange) -> TreeCursor<'_, TreePages> {
        self.open();
        TreeCursor::new(&self.pages, self.snapshot.root.0, range)
    }

    /// The extents of a file from the one that holds `offset` on.
    pub(super) fn extents(&self, content: &Content, offset: u64) -> Extents<'_, TreePages> {
        Extents::from_offset(&self.pages, content, offset)
    }

    /// Reads the upper pages in one request, the first time that something is asked.
    fn open(&self) {
        self.opened
            .call_once(|| self.pages.open_root(&self.snapshot.root.0));
    }
}
