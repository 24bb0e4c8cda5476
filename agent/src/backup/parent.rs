//! What a walk is compared with, read along with it: the parent snapshot, and the trees of backups
//! that were cut off.

use std::sync::Arc;

use orlop_repo::log::State;
use orlop_repo::model::{ChunkRef, Extent};
use orlop_repo::repository::TreePages;
use orlop_repo::snapshot::{RootRef, Snapshot};
use orlop_repo::tree::{Content, Entry, KeyRange, TreeCursor};

use super::dedup::Dedup;
use super::error::BackupError;

/// Finds the parent's entries, in the order of the walk.
#[derive(Default)]
pub(super) struct Parent<'p> {
    cursor: Option<TreeCursor<'p, TreePages>>,
    /// Trees of the dead sessions that the backup adopts, the newest first.
    cut_off: Vec<TreeCursor<'p, TreePages>>,
    /// Told of pages that cannot be read, so that the new snapshot does not take them over.
    dedup: Option<Arc<Dedup>>,
    /// Prefixes of the ids of lost chunks, ascending.
    lost: Vec<[u8; 16]>,
}

impl<'p> Parent<'p> {
    /// The snapshot `base`, if there is one, and the trees of backups that were cut off; their
    /// pages come from `pages`.
    ///
    /// What stands below a page that is damaged is not known, and so read again; `dedup` is told
    /// of the page.
    pub(super) fn new(
        base: Option<&Snapshot>,
        cut_off: impl Iterator<Item = RootRef>,
        pages: &'p TreePages,
        state: &State,
        dedup: Arc<Dedup>,
    ) -> Self {
        let cursor = |root: RootRef| TreeCursor::new(pages, root.0, KeyRange::all());
        Self {
            cursor: base.map(|base| cursor(base.root)),
            cut_off: cut_off.map(cursor).collect(),
            dedup: Some(dedup),
            lost: state.lost.iter().map(|id| **id).collect(),
        }
    }

    /// The parent's entry of that folder and name. To be asked in ascending order of the keys.
    pub(super) fn find(
        &mut self,
        parent: &[u8],
        name: &[u8],
    ) -> Result<Option<Entry>, BackupError> {
        let Some(cursor) = &mut self.cursor else {
            return Ok(None);
        };
        match cursor.find(parent, name) {
            Ok(entry) => Ok(entry),
            Err(failure) if failure.source.is_damage() || failure.source.is_forgotten() => {
                tracing::warn!(
                    error = &*failure as &dyn std::error::Error,
                    "a part of the parent snapshot is damaged and read from the source again"
                );
                if let Some(dedup) = &self.dedup {
                    dedup.distrust_pages();
                }
                Ok(None)
            }
            Err(failure) => Err(BackupError::Parent(failure.source)),
        }
    }

    /// An entry that a backup which was cut off has for that folder and name, the first that is
    /// `good`. To be asked in ascending order of the keys; they may be left out.
    ///
    /// A tree that cannot be read is given up: what it holds is read from the source.
    pub(super) fn find_cut_off(
        &mut self,
        parent: &[u8],
        name: &[u8],
        good: impl Fn(&Self, &Entry) -> bool,
    ) -> Option<Entry> {
        let mut cursors = std::mem::take(&mut self.cut_off);
        let mut found = None;
        cursors.retain_mut(|cursor| {
            if found.is_some() {
                return true;
            }
            match cursor.find(parent, name) {
                Ok(entry) => {
                    found = entry.filter(|entry| good(self, entry));
                    true
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot go on from a backup that was cut off; files are read again"
                    );
                    if let Some(dedup) = self.dedup.as_ref().filter(|_| error.source.is_damage()) {
                        dedup.distrust_pages();
                    }
                    false
                }
            }
        });
        self.cut_off = cursors;
        found
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
