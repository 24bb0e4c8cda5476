//! What a walk is compared with, read along with it: the parent snapshot, and the trees of backups
//! that were cut off.

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use orlop_repo::log::State;
use orlop_repo::model::{ChunkRef, Extent};
use orlop_repo::repository::{TreeError, TreePages};
use orlop_repo::snapshot::{RootRef, Snapshot};
use orlop_repo::tree::{Content, Entry, Extents, KeyRange, PageSource, TreeCursor};

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
    pages: Option<&'p TreePages>,
}

/// Reads pages, and notes whether one of them was declared lost.
struct Judge<'a> {
    pages: &'a TreePages,
    lost: &'a [[u8; 16]],
    met: Cell<bool>,
}

impl Judge<'_> {
    fn is_lost(&self, chunk: &ChunkRef) -> bool {
        self.lost.binary_search(&chunk.id.prefix()).is_ok()
    }
}

impl PageSource for Judge<'_> {
    type Error = TreeError;

    fn page(&self, page: &ChunkRef) -> Result<Bytes, TreeError> {
        if self.is_lost(page) {
            self.met.set(true);
        }
        self.pages.page(page)
    }
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
            pages: Some(pages),
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
            Content::Indirect { .. } => self.is_lost_below(&entry.content),
        }
    }

    /// Whether a page of the content of a large file, or a chunk that one lists, is lost. What
    /// cannot be read may be.
    fn is_lost_below(&self, content: &Content) -> bool {
        let Some(pages) = self.pages else {
            return true;
        };
        let judge = Judge {
            pages,
            lost: &self.lost,
            met: Cell::new(false),
        };
        let lost = Extents::new(&judge, content).any(|extent| match extent {
            Ok(Extent::Data(chunk)) => judge.is_lost(&chunk),
            Ok(_) => false,
            Err(_) => true,
        });
        lost || judge.met.get()
    }
}
