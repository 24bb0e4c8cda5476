//! Walking trees page by page; what is shared is walked once.

use std::collections::HashSet;

use bytes::Bytes;

use super::error::MaintainError;
use super::options::MaintainProgress;
use crate::explain::explain;
use crate::flaws::{Flaw, is_left_out};
use crate::model::{ChunkRef, Extent};
use crate::pack::ChunkPrefix;
use crate::tree::{Child, Content, ContentChild, Entry, EntryKind, Page, PageError, fits_below};

/// Pages that are remembered: some 40 MiB of memory for 48 GiB of distinct pages. Beyond it pages
/// are walked again, which costs time and nothing else.
const MAX_VISITED: usize = 1 << 20;
/// Pages that are announced ahead.
const AHEAD: usize = 64;

/// What a walk is made for.
pub(super) trait Visit {
    /// Reads a page, and notes that it is needed.
    fn page(&mut self, page: &ChunkRef) -> Result<Bytes, MaintainError>;

    /// A hint: these pages are wanted next.
    fn prefetch(&self, pages: &[ChunkRef]);

    /// Notes that a chunk of a file is needed.
    fn chunk(&mut self, chunk: &ChunkRef) -> Result<(), MaintainError>;
}

/// Pages that were walked with everything below them.
#[derive(Default)]
pub(super) struct Visited(HashSet<ChunkPrefix>);

impl Visited {
    fn contains(&self, page: &ChunkRef) -> bool {
        self.0.contains(&page.id.prefix())
    }

    /// Notes a page, **after** everything below it: a walk that fails half-way must not let
    /// another one pass over what it has not seen.
    fn insert(&mut self, page: &ChunkRef) {
        if self.0.len() < MAX_VISITED {
            self.0.insert(page.id.prefix());
        }
    }
}

/// Walks trees and hands on what they are made of. Blocks.
///
/// # Errors
///
/// Every page must be read and make sense: the first that does not ends the walk.
pub(super) struct Walk<'a, V> {
    pub(super) visit: &'a mut V,
    pub(super) visited: &'a mut Visited,
    pub(super) progress: &'a dyn MaintainProgress,
}

impl<V: Visit> Walk<'_, V> {
    /// Walks the tree under `root`.
    pub(super) fn tree(&mut self, root: &ChunkRef) -> Result<(), MaintainError> {
        self.tree_page(root, None)
    }

    fn go_on(&self) -> Result<(), MaintainError> {
        if self.progress.is_cancelled() {
            return Err(MaintainError::Cancelled);
        }
        Ok(())
    }

    fn tree_page(
        &mut self,
        page: &ChunkRef,
        above: Option<(u8, &Child)>,
    ) -> Result<(), MaintainError> {
        if self.visited.contains(page) {
            return Ok(());
        }
        self.go_on()?;
        let bytes = match self.visit.page(page) {
            Err(_) if is_left_out(Flaw::MarkSkipsPages) => return Ok(()),
            bytes => bytes?,
        };
        let read = Page::decode(&bytes)
            .and_then(|read| fits_below(&read, above).map(|()| read))
            .map_err(|error| wrong(page, &error))?;
        drop(bytes);
        match read {
            Page::Leaf(groups) => {
                for entry in groups.iter().flat_map(|group| &group.entries) {
                    self.content(page, entry)?;
                }
            }
            Page::Inner { level, children } => {
                for (at, child) in children.iter().enumerate() {
                    if at % (AHEAD / 2) == 0 {
                        self.prefetch(children.iter().skip(at).map(|child| child.page));
                    }
                    self.tree_page(&child.page, Some((level, child)))?;
                }
            }
            Page::Extents(_) | Page::Content { level: _, .. } => {
                // `fits_below` lets only pages of a tree pass.
                return Err(wrong(page, &PageError::Misplaced { key: 5, level: 0 }));
            }
        }
        self.visited.insert(page);
        Ok(())
    }

    fn prefetch(&self, pages: impl Iterator<Item = ChunkRef>) {
        let next: Vec<_> = pages
            .take(AHEAD)
            .filter(|page| !self.visited.contains(page))
            .collect();
        self.visit.prefetch(&next);
    }

    fn content(&mut self, page: &ChunkRef, entry: &Entry) -> Result<(), MaintainError> {
        if let EntryKind::Unknown(kind) = entry.kind {
            // Nobody knows what such an entry refers to.
            return Err(MaintainError::stopped(
                &page.place.pack,
                format!(
                    "page {} has an entry of kind {kind}, which this version does not know",
                    page.id
                ),
            ));
        }
        match &entry.content {
            Content::None | Content::Inline(_) => Ok(()),
            Content::Extents(extents) => self.extents(extents),
            Content::Indirect { root, level } => {
                let expected = (entry.kind == EntryKind::File).then_some(entry.size);
                self.content_page(root, *level, expected)
            }
        }
    }

    fn extents(&mut self, extents: &[Extent]) -> Result<(), MaintainError> {
        for extent in extents {
            if let Extent::Data(chunk) = extent {
                self.visit.chunk(chunk)?;
            }
        }
        Ok(())
    }

    fn content_page(
        &mut self,
        page: &ChunkRef,
        level: u8,
        expected: Option<u64>,
    ) -> Result<(), MaintainError> {
        if self.visited.contains(page) {
            return Ok(());
        }
        self.go_on()?;
        let bytes = self.visit.page(page)?;
        let read = Page::decode(&bytes).map_err(|error| wrong(page, &error))?;
        drop(bytes);
        if read.level() != level {
            let level = read.level();
            return Err(wrong(page, &PageError::Level { level }));
        }
        let covers = match read {
            Page::Extents(extents) => {
                self.extents(&extents)?;
                sum(extents.iter().map(Extent::len))
            }
            Page::Content { level, children } => {
                self.content_children(level, &children)?;
                sum(children.iter().map(|child| child.bytes))
            }
            Page::Leaf(_) | Page::Inner { .. } => {
                return Err(wrong(page, &PageError::Misplaced { key: 3, level }));
            }
        };
        if expected.is_some_and(|expected| covers != Some(expected)) {
            let what = format!("content page {} does not cover what it should", page.id);
            return Err(MaintainError::stopped(&page.place.pack, what));
        }
        self.visited.insert(page);
        Ok(())
    }

    fn content_children(
        &mut self,
        level: u8,
        children: &[ContentChild],
    ) -> Result<(), MaintainError> {
        for (at, child) in children.iter().enumerate() {
            if at % (AHEAD / 2) == 0 {
                self.prefetch(children.iter().skip(at).map(|child| child.page));
            }
            // A level of 0 has extents and no children, so this does not go below it.
            let below = level.saturating_sub(1);
            self.content_page(&child.page, below, Some(child.bytes))?;
        }
        Ok(())
    }
}

fn sum(mut lens: impl Iterator<Item = u64>) -> Option<u64> {
    lens.try_fold(0u64, u64::checked_add)
}

/// A page that is authentic and makes no sense.
fn wrong(page: &ChunkRef, error: &PageError) -> MaintainError {
    let what = format!(
        "page {} of a tree makes no sense: {}",
        page.id,
        explain(error)
    );
    MaintainError::stopped(&page.place.pack, what)
}
