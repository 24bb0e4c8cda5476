//! The snapshot that a walk is compared with, read along with it.

use orlop_repo::log::State;
use orlop_repo::model::{ChunkRef, Extent};
use orlop_repo::repository::TreePages;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{Content, Entry, KeyRange, TreeCursor};

use super::error::BackupError;
use super::options::Tools;

/// Finds the parent's entries, in the order of the walk.
pub(super) struct Parent<'p> {
    cursor: Option<TreeCursor<'p, TreePages>>,
    /// Prefixes of the ids of lost chunks, ascending.
    lost: Vec<[u8; 16]>,
}

impl<'p> Parent<'p> {
    /// No parent: everything is new.
    pub(super) fn none() -> Self {
        Self {
            cursor: None,
            lost: Vec::new(),
        }
    }

    /// The parent `snapshot`, whose pages come from `pages`.
    pub(super) fn of(snapshot: &Snapshot, pages: &'p TreePages, state: &State) -> Self {
        let cursor = TreeCursor::new(pages, snapshot.root.0, KeyRange::all());
        Self {
            cursor: Some(cursor),
            lost: state.lost.iter().map(|id| **id).collect(),
        }
    }

    /// The parent's entry of that folder and name. To be asked in ascending order of the keys.
    pub(super) fn find(
        &mut self,
        parent: &[u8],
        name: &[u8],
    ) -> Result<Option<Entry>, BackupError> {
        match &mut self.cursor {
            Some(cursor) => cursor.find(parent, name).map_err(BackupError::Parent),
            None => Ok(None),
        }
    }

    /// Whether the content of an entry may need a lost chunk: it is then read again.
    pub(super) fn is_lost(&self, entry: &Entry) -> bool {
        if self.lost.is_empty() {
            return false;
        }
        let lost = |chunk: &ChunkRef| self.lost.binary_search(&chunk.id.prefix()).is_ok();
        match &entry.content {
            Content::None | Content::Inline(_) => false,
            Content::Extents(extents) => extents
                .iter()
                .any(|extent| matches!(extent, Extent::Data(chunk) if lost(chunk))),
            // Its pages would have to be read; a lost chunk is rare, so it is taken for granted.
            Content::Indirect { .. } => true,
        }
    }
}

/// The pages of the parent's tree.
pub(super) fn pages(tools: &Tools, cache: u64) -> TreePages {
    TreePages::new(
        std::sync::Arc::clone(&tools.repository),
        tools.runtime.clone(),
        cache,
    )
}
