//! Reading a tree: one entry, a range in order, the content of a file.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::entry::{Content, Entry};
use super::key::{EntryKey, compare, join};
use super::key_range::KeyRange;
use super::page::Page;
use super::page_error::PageError;
use super::page_failure::PageFailure;
use super::walk::{AHEAD, Next, Walk, check_total};
use crate::model::{ChunkRef, Extent};

/// Where pages come from.
pub trait PageSource {
    /// Why a page could not be read.
    type Error: From<PageError>;

    /// The bytes of a page, verified against its id.
    fn page(&self, page: &ChunkRef) -> Result<Bytes, Self::Error>;

    /// A hint: these pages are wanted next, in this order.
    fn prefetch(&self, pages: &[ChunkRef]) {
        let _ = pages;
    }
}

/// An entry and the folder it stands in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Located {
    /// Key prefix of the folder.
    pub parent: Arc<[u8]>,
    /// The entry.
    pub entry: Entry,
}

impl Located {
    /// Its key.
    pub fn key(&self) -> Vec<u8> {
        join(&self.parent, &self.entry.name)
    }
}

/// The entry with that key, by as many page reads as the tree is high.
pub fn lookup<S: PageSource>(
    source: &S,
    root: &ChunkRef,
    key: &EntryKey,
) -> Result<Option<Entry>, Box<PageFailure<S::Error>>> {
    let range = KeyRange::entry(key);
    let walk = Walk::new(source, *root, false, None);
    let mut cursor = TreeCursor::over(walk, range);
    Ok(cursor.next().transpose()?.map(|located| located.entry))
}

/// Entries of a range in the order of their keys. Holds one page a level.
///
/// Checks what pages say of each other: levels go down by one, first keys and totals are as
/// announced, keys ascend across pages. That a page is the one that was named is the source's to
/// check.
///
/// After an error it stands behind the page that could not be read and may be asked on: what it
/// gives then is whole but for [`PageFailure::range`].
pub struct TreeCursor<'s, S> {
    walk: Walk<'s, S>,
    /// Where it has come to: nothing before is given any more.
    from: Vec<u8>,
    end: Option<Vec<u8>>,
}

impl<'s, S: PageSource> TreeCursor<'s, S> {
    /// The entries of `range` in the tree under `root`.
    pub fn new(source: &'s S, root: ChunkRef, range: KeyRange) -> Self {
        Self::over(Walk::new(source, root, true, range.end()), range)
    }

    fn over(walk: Walk<'s, S>, range: KeyRange) -> Self {
        let (from, end) = range.into_bounds();
        Self { walk, from, end }
    }

    /// Goes to the entry with the key of (`parent`, `name`), or to the one after its place, by
    /// skipping whole pages; never back. Gives the entry if it is there and in the range.
    ///
    /// # Errors
    ///
    /// A page on the way could not be read. Asked for the same entry again, it gives nothing.
    pub fn find(
        &mut self,
        parent: &[u8],
        name: &[u8],
    ) -> Result<Option<Entry>, Box<PageFailure<S::Error>>> {
        if compare(parent, name, &self.from) == Ordering::Less {
            return Ok(None);
        }
        self.from = join(parent, name);
        if self.is_past(&self.from) {
            return Ok(None);
        }
        loop {
            match self.walk.peek_from(&self.from)? {
                Next::Entry(next) if next.entry.name == name && *next.parent == *parent => {
                    return Ok(self.walk.take().map(|located| located.entry));
                }
                Next::Page(child, _) if child.first_key <= self.from => self.walk.open()?,
                Next::Entry(_) | Next::Page(..) | Next::End => return Ok(None),
            }
        }
    }

    fn is_past(&self, key: &[u8]) -> bool {
        self.end.as_deref().is_some_and(|end| key >= end)
    }

    fn step(&mut self) -> Result<Option<Located>, Box<PageFailure<S::Error>>> {
        let end = self.end.as_deref();
        loop {
            match self.walk.peek_from(&self.from)? {
                Next::Entry(next) => {
                    let past = |end| compare(&next.parent, &next.entry.name, end) != Ordering::Less;
                    return Ok(if end.is_some_and(past) {
                        None
                    } else {
                        self.walk.take()
                    });
                }
                Next::Page(child, _) if end.is_none_or(|end| child.first_key.as_slice() < end) => {
                    self.walk.open()?;
                }
                Next::Page(..) | Next::End => return Ok(None),
            }
        }
    }
}

impl<S: PageSource> Iterator for TreeCursor<'_, S> {
    type Item = Result<Located, Box<PageFailure<S::Error>>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// The extents of a file in order. Holds one page a level.
///
/// Checks that content pages cover as many bytes as is said of them. Whether all of them together
/// are the size of the file is for whoever knows the entry.
pub struct Extents<'s, S> {
    source: &'s S,
    ready: VecDeque<Extent>,
    /// Content pages from the top down: their level, and the children still to come.
    stack: Vec<(u8, VecDeque<Below>)>,
    /// Bytes to be skipped before the first extent that is given.
    skip: u64,
    /// Offset in the file of the extent that is given next.
    position: u64,
    failed: bool,
}

/// A content page that was not read yet.
struct Below {
    page: ChunkRef,
    /// Bytes that it covers; the entry does not say it of the topmost page.
    bytes: Option<u64>,
    announced: bool,
}

impl<'s, S: PageSource> Extents<'s, S> {
    /// All extents of a file.
    pub fn new(source: &'s S, content: &Content) -> Self {
        Self::from_offset(source, content, 0)
    }

    /// The extents from the one that holds `offset` on, by as many page reads as the content is
    /// high.
    ///
    /// Inline bytes are no extents: whoever reads an entry looks for them first.
    pub fn from_offset(source: &'s S, content: &Content, offset: u64) -> Self {
        let mut extents = Self {
            source,
            ready: VecDeque::new(),
            stack: Vec::new(),
            skip: offset,
            position: 0,
            failed: false,
        };
        match content {
            Content::None | Content::Inline(_) => {}
            Content::Extents(list) => extents.ready = list.iter().copied().collect(),
            Content::Indirect { root, level } => {
                let top = Below {
                    page: *root,
                    bytes: None,
                    announced: true,
                };
                let above = level.saturating_add(1);
                extents.stack.push((above, VecDeque::from([top])));
            }
        }
        extents
    }

    /// Offset in the file of the end of the extent that was given last.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Leaves out `len` bytes if the offset that was asked for lies after them.
    fn skips(&mut self, len: u64) -> bool {
        let skips = self.skip >= len;
        if skips {
            self.skip -= len;
            self.position = self.position.saturating_add(len);
        }
        skips
    }

    fn step(&mut self) -> Result<Option<Extent>, S::Error> {
        loop {
            if let Some(extent) = self.ready.pop_front() {
                if self.skip > 0 && self.skips(extent.len()) {
                    continue;
                }
                self.skip = 0;
                self.position = self.position.saturating_add(extent.len());
                return Ok(Some(extent));
            }
            let Some((level, children)) = self.stack.last_mut() else {
                return Ok(None);
            };
            let Some(child) = children.pop_front() else {
                self.stack.pop();
                continue;
            };
            let level = *level;
            if self.skip > 0 && child.bytes.is_some_and(|bytes| self.skips(bytes)) {
                continue;
            }
            if !child.announced {
                self.announce(&child);
            }
            let bytes = self.source.page(&child.page)?;
            let page = Page::decode(&bytes)?;
            if Some(page.level()) != level.checked_sub(1) {
                let level = page.level();
                return Err(PageError::Level { level }.into());
            }
            let covered = match page {
                Page::Extents(extents) => {
                    let covered = extents.iter().map(Extent::len).sum();
                    self.ready = extents.into();
                    covered
                }
                Page::Content { level, children } => {
                    let covered = children.iter().map(|child| child.bytes).sum();
                    let below = children.into_iter().map(|child| Below {
                        page: child.page,
                        bytes: Some(child.bytes),
                        announced: false,
                    });
                    self.stack.push((level, below.collect()));
                    covered
                }
                Page::Leaf(_) | Page::Inner { .. } => {
                    return Err(PageError::Misplaced { key: 3, level: 0 }.into());
                }
            };
            if let Some(claimed) = child.bytes {
                check_total(claimed, covered)?;
            }
        }
    }

    /// Announces a page and those that come after it on the same level.
    fn announce(&mut self, first: &Below) {
        let mut pages = vec![first.page];
        if let Some((_, children)) = self.stack.last_mut() {
            for child in children.iter_mut().take(AHEAD) {
                child.announced = true;
                pages.push(child.page);
            }
        }
        self.source.prefetch(&pages);
    }
}

impl<S: PageSource> Iterator for Extents<'_, S> {
    type Item = Result<Extent, S::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}
