//! The trees of the snapshots: every page, every reference to a chunk.

use std::collections::HashSet;

use super::error::CheckError;
use super::report::{Hurt, HurtFile};
use super::resolve::{Lost, Resolver};
use super::run::Notes;
use crate::explain::explain;
use crate::model::{ChunkRef, Extent, SnapshotId};
use crate::pack::ChunkPrefix;
use crate::snapshot::Snapshot;
use crate::tree::{
    Child, Content, ContentChild, Entry, EntryKey, EntryKind, Group, Page, PageError, fits_below,
    join_path,
};

/// Pages that are remembered as good with all below them, so that trees which share them walk
/// them once; some 80 GiB of distinct pages. Beyond it pages are walked again.
pub const MAX_VISITED: usize = 2 << 20;
/// Pages that are announced ahead.
const AHEAD: usize = 64;

/// Walks trees. Blocks.
pub(super) struct Walker<'a> {
    resolver: &'a mut Resolver,
    notes: &'a Notes,
    /// Pages that are good with all below them.
    good: HashSet<ChunkPrefix>,
    snapshot: SnapshotId,
}

/// What a page that was walked holds; `None` if something in it is wrong.
type Walked = Result<bool, CheckError>;

impl<'a> Walker<'a> {
    pub(super) fn new(resolver: &'a mut Resolver, notes: &'a Notes) -> Self {
        Self {
            resolver,
            notes,
            good: HashSet::new(),
            snapshot: SnapshotId::from_bytes([0; SnapshotId::LEN]),
        }
    }

    /// Walks the tree of one snapshot.
    pub(super) fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), CheckError> {
        self.snapshot = snapshot.id;
        self.tree_page(&snapshot.root.0, None).map(|_| ())
    }

    /// Walks a page of a tree, which its parent describes by `child` at level `above`.
    fn tree_page(&mut self, page: &ChunkRef, above: Option<(u8, &Child)>) -> Walked {
        if self.good.contains(&page.id.prefix()) {
            return Ok(true);
        }
        self.notes.go_on()?;
        let first = above.map(|(_, child)| child.first_key.as_slice());
        let entries = above.map(|(_, child)| child.entries);
        let bytes = match self.resolver.page(page)? {
            Ok(bytes) => bytes,
            Err(lost) => return Ok(self.entries_lost(first, entries, &lost)),
        };
        let read = Page::decode(&bytes).and_then(|page| fits_below(&page, above).map(|()| page));
        self.notes.count(|report| report.pages += 1);
        let good = match read {
            Ok(Page::Leaf(groups)) => self.leaf(&groups)?,
            Ok(Page::Inner { level, children }) => self.inner(level, &children)?,
            // `fits_below` lets only pages of a tree pass.
            Ok(Page::Extents(_) | Page::Content { .. }) => false,
            Err(error) => {
                let lost = wrong_page(page, &error);
                return Ok(self.entries_lost(first, entries, &lost));
            }
        };
        self.remember(page, good);
        Ok(good)
    }

    fn remember(&mut self, page: &ChunkRef, good: bool) {
        if good && self.good.len() < MAX_VISITED {
            self.good.insert(page.id.prefix());
        }
    }

    fn inner(&mut self, level: u8, children: &[Child]) -> Walked {
        let mut good = true;
        for (at, child) in children.iter().enumerate() {
            if at % (AHEAD / 2) == 0 {
                self.prefetch(children.iter().skip(at).map(|child| child.page));
            }
            good &= self.tree_page(&child.page, Some((level, child)))?;
        }
        Ok(good)
    }

    fn prefetch(&self, pages: impl Iterator<Item = ChunkRef>) {
        let next: Vec<_> = pages
            .take(AHEAD)
            .filter(|page| !self.good.contains(&page.id.prefix()))
            .collect();
        self.resolver.prefetch(&next);
    }

    fn leaf(&mut self, groups: &[Group]) -> Walked {
        let mut good = true;
        for group in groups {
            for entry in &group.entries {
                if let Err(lost) = self.content(entry)? {
                    let path = join_path(&group.parent, &entry.name);
                    self.hurt(path, Hurt::Content, &lost);
                    good = false;
                }
            }
        }
        Ok(good)
    }

    /// Looks at everything that a file is made of; gives the first thing that cannot be had, of
    /// those that nobody has declared lost if there is one.
    fn content(&mut self, entry: &Entry) -> Result<Result<(), Lost>, CheckError> {
        match &entry.content {
            Content::None | Content::Inline(_) => Ok(Ok(())),
            Content::Extents(extents) => self.extents(extents),
            Content::Indirect { root, level } => {
                let expected = (entry.kind == EntryKind::File).then_some(entry.size);
                self.content_page(root, *level, expected)
            }
        }
    }

    fn extents(&mut self, extents: &[Extent]) -> Result<Result<(), Lost>, CheckError> {
        let mut all = Ok(());
        for extent in extents {
            let Extent::Data(chunk) = extent else {
                continue;
            };
            self.notes.count(|report| report.chunks += 1);
            all = worse(all, self.resolver.chunk(chunk)?);
        }
        Ok(all)
    }

    /// Walks a page of a file's content that should cover `expected` bytes.
    fn content_page(
        &mut self,
        page: &ChunkRef,
        level: u8,
        expected: Option<u64>,
    ) -> Result<Result<(), Lost>, CheckError> {
        if self.good.contains(&page.id.prefix()) {
            return Ok(Ok(()));
        }
        self.notes.go_on()?;
        let bytes = match self.resolver.page(page)? {
            Ok(bytes) => bytes,
            Err(lost) => return Ok(Err(lost)),
        };
        self.notes.count(|report| report.pages += 1);
        let read = match Page::decode(&bytes) {
            Ok(read) if read.level() == level => read,
            Ok(read) => {
                let level = read.level();
                return Ok(Err(wrong_page(page, &PageError::Level { level })));
            }
            Err(error) => return Ok(Err(wrong_page(page, &error))),
        };
        let (covers, walked) = match read {
            Page::Extents(extents) => (
                sum(extents.iter().map(Extent::len)),
                self.extents(&extents)?,
            ),
            Page::Content { level, children } => (
                sum(children.iter().map(|child| child.bytes)),
                self.content_children(level, &children)?,
            ),
            Page::Leaf(_) | Page::Inner { .. } => {
                let error = PageError::Misplaced { key: 3, level };
                return Ok(Err(wrong_page(page, &error)));
            }
        };
        if let Err(lost) = walked {
            return Ok(Err(lost));
        }
        if expected.is_some_and(|expected| covers != Some(expected)) {
            return Ok(Err(Lost {
                object: page.place.pack.to_string(),
                what: format!("content page {} does not cover what it should", page.id),
                declared: false,
            }));
        }
        self.remember(page, true);
        Ok(Ok(()))
    }

    fn content_children(
        &mut self,
        level: u8,
        children: &[ContentChild],
    ) -> Result<Result<(), Lost>, CheckError> {
        let mut all = Ok(());
        for (at, child) in children.iter().enumerate() {
            if at % (AHEAD / 2) == 0 {
                self.prefetch(children.iter().skip(at).map(|child| child.page));
            }
            // A level of 0 has extents and no children, so this does not go below it.
            let below = level.saturating_sub(1);
            let read = self.content_page(&child.page, below, Some(child.bytes))?;
            all = worse(all, read);
        }
        Ok(all)
    }

    /// Notes that a part of a tree is lost; `false`, as what a page with it is.
    fn entries_lost(&self, first: Option<&[u8]>, entries: Option<u64>, lost: &Lost) -> bool {
        let key = first.and_then(|key| EntryKey::parse(key).ok());
        let path = key.map(|key| key.path()).unwrap_or_default();
        self.hurt(path, Hurt::Entries(entries), lost);
        false
    }

    fn hurt(&self, path: Vec<u8>, hurt: Hurt, lost: &Lost) {
        let file = HurtFile {
            snapshot: self.snapshot,
            path,
            hurt,
        };
        self.notes
            .add_hurt(&lost.object, &lost.what, lost.declared, file);
    }
}

fn sum(lens: impl Iterator<Item = u64>) -> Option<u64> {
    lens.into_iter().try_fold(0u64, u64::checked_add)
}

/// A page that is authentic and makes no sense.
fn wrong_page(page: &ChunkRef, error: &PageError) -> Lost {
    Lost {
        object: page.place.pack.to_string(),
        what: format!("page {}: {}", page.id, explain(error)),
        declared: false,
    }
}

/// The worse of two: what was not declared lost before what was.
fn worse(all: Result<(), Lost>, next: Result<(), Lost>) -> Result<(), Lost> {
    match (all, next) {
        (Err(all), Err(next)) if all.declared && !next.declared => Err(next),
        (Ok(()), next) => next,
        (all, _) => all,
    }
}
