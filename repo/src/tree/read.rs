//! Reading a tree: one entry, a range in order, the content of a file.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::entry::{Content, Entry, MAX_LEVEL};
use super::key::{EntryKey, join};
use super::key_range::KeyRange;
use super::page::{Child, ContentChild, Page};
use super::page_error::PageError;
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

/// How many pages a reader announces ahead.
const AHEAD: usize = 64;

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
) -> Result<Option<Entry>, S::Error> {
    let mut cursor = TreeCursor::new(source, *root, KeyRange::entry(key));
    cursor.ahead = false;
    Ok(cursor.next().transpose()?.map(|located| located.entry))
}

/// Entries of a range in the order of their keys. Holds one page a level.
///
/// Checks what pages say of each other: levels go down by one, first keys are as announced, keys
/// ascend across pages. That a page is the one that was named is the source's to check.
pub struct TreeCursor<'s, S> {
    source: &'s S,
    /// The root, until it was read.
    root: Option<ChunkRef>,
    range: KeyRange,
    /// Inner pages from the root down: their level, and the children still to come.
    stack: Vec<(u8, VecDeque<Child>)>,
    leaf: VecDeque<Located>,
    last_key: Vec<u8>,
    ahead: bool,
    failed: bool,
}

impl<'s, S: PageSource> TreeCursor<'s, S> {
    /// The entries of `range` in the tree under `root`.
    pub fn new(source: &'s S, root: ChunkRef, range: KeyRange) -> Self {
        Self {
            source,
            root: Some(root),
            range,
            stack: Vec::new(),
            leaf: VecDeque::new(),
            last_key: Vec::new(),
            ahead: true,
            failed: false,
        }
    }

    /// Goes to the entry with the key of (`parent`, `name`), or to the one after its place, by
    /// skipping whole pages; never back. Gives the entry if it is there.
    pub fn find(&mut self, parent: &[u8], name: &[u8]) -> Result<Option<Entry>, S::Error> {
        let key = join(parent, name);
        self.skip_to(&key)?;
        let found = self
            .leaf
            .front()
            .is_some_and(|located| located.entry.name == name && *located.parent == *parent);
        Ok(if found {
            self.leaf.pop_front().map(|located| located.entry)
        } else {
            None
        })
    }

    /// Drops every entry before `key`.
    fn skip_to(&mut self, key: &[u8]) -> Result<(), S::Error> {
        loop {
            while let Some(first) = self.leaf.front() {
                if first.key().as_slice() >= key {
                    return Ok(());
                }
                // Whatever remains of the leaf is before the key if the next page begins at or
                // before it.
                if self.next_first_key().is_some_and(|next| next <= key) {
                    self.leaf.clear();
                } else {
                    self.leaf.pop_front();
                }
            }
            // Children that end before the key: their successor begins at or before it.
            for (_, children) in &mut self.stack {
                while children
                    .get(1)
                    .is_some_and(|next| next.first_key.as_slice() <= key)
                {
                    children.pop_front();
                }
            }
            if !self.load()? {
                return Ok(());
            }
        }
    }

    /// First key of the page after the open leaf.
    fn next_first_key(&self) -> Option<&[u8]> {
        let children = self
            .stack
            .iter()
            .rev()
            .find_map(|(_, children)| children.front());
        children.map(|child| child.first_key.as_slice())
    }

    /// Reads the next leaf; `false` if there is none.
    fn load(&mut self) -> Result<bool, S::Error> {
        loop {
            let (page, expected, first_key) = if let Some(root) = self.root.take() {
                (root, None, None)
            } else {
                let Some((level, children)) = self.stack.last_mut() else {
                    return Ok(false);
                };
                let Some(child) = children.pop_front() else {
                    self.stack.pop();
                    continue;
                };
                let below = level.checked_sub(1);
                if self.ahead && children.len() % (AHEAD / 2) == 0 {
                    let next: Vec<_> = children
                        .iter()
                        .take(AHEAD)
                        .map(|child| child.page)
                        .collect();
                    let this = [&[child.page], next.as_slice()].concat();
                    self.source.prefetch(&this);
                }
                (child.page, below, Some(child.first_key))
            };
            let bytes = self.source.page(&page)?;
            let page = Page::decode(&bytes)?;
            let level = page.level();
            if expected.is_some_and(|expected| expected != level) || level > MAX_LEVEL {
                return Err(PageError::Level { level }.into());
            }
            match page {
                Page::Inner { level, children } => {
                    let announced = first_key.as_deref();
                    if announced
                        .is_some_and(|key| children.first().is_none_or(|c| c.first_key != key))
                    {
                        return Err(PageError::KeyOrder.into());
                    }
                    self.stack.push((level, self.wanted(children)));
                }
                Page::Leaf(groups) => {
                    for group in groups {
                        for entry in group.entries {
                            let parent = Arc::clone(&group.parent);
                            self.leaf.push_back(Located { parent, entry });
                        }
                    }
                    let first = self.leaf.front().map(Located::key).unwrap_or_default();
                    let last = self.leaf.back().map(Located::key).unwrap_or_default();
                    if first_key.is_some_and(|key| key != first) || first <= self.last_key {
                        return Err(PageError::KeyOrder.into());
                    }
                    self.last_key = last;
                    return Ok(true);
                }
                Page::Extents(_) | Page::Content { .. } => {
                    return Err(PageError::Misplaced { key: 5, level }.into());
                }
            }
        }
    }

    /// The children that may hold entries of the range.
    fn wanted(&self, children: Vec<Child>) -> VecDeque<Child> {
        let mut children = VecDeque::from(children);
        while children
            .get(1)
            .is_some_and(|next| next.first_key.as_slice() <= self.range.start())
        {
            children.pop_front();
        }
        if let Some(end) = self.range.end() {
            while children
                .back()
                .is_some_and(|child| child.first_key.as_slice() >= end)
            {
                children.pop_back();
            }
        }
        children
    }

    fn step(&mut self) -> Result<Option<Located>, S::Error> {
        loop {
            let Some(located) = self.leaf.pop_front() else {
                if self.load()? {
                    continue;
                }
                return Ok(None);
            };
            let key = located.key();
            if key.as_slice() < self.range.start() {
                continue;
            }
            if self.range.end().is_some_and(|end| key.as_slice() >= end) {
                self.leaf.clear();
                self.stack.clear();
                return Ok(None);
            }
            return Ok(Some(located));
        }
    }
}

impl<S: PageSource> Iterator for TreeCursor<'_, S> {
    type Item = Result<Located, S::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}

/// The extents of a file in order. Holds one page a level.
pub struct Extents<'s, S> {
    source: &'s S,
    ready: VecDeque<Extent>,
    /// Content pages from the top down: their level, and the children still to come.
    stack: Vec<(u8, VecDeque<ContentChild>)>,
    /// Bytes to be skipped before the first extent that is given.
    skip: u64,
    failed: bool,
}

impl<'s, S: PageSource> Extents<'s, S> {
    /// All extents of a file.
    pub fn new(source: &'s S, content: &Content) -> Self {
        Self::from_offset(source, content, 0).0
    }

    /// The extents from the one that holds `offset`, and where that one begins.
    ///
    /// Inline bytes are no extents: whoever reads an entry looks for them first.
    pub fn from_offset(source: &'s S, content: &Content, offset: u64) -> (Self, u64) {
        let mut extents = Self {
            source,
            ready: VecDeque::new(),
            stack: Vec::new(),
            skip: offset,
            failed: false,
        };
        match content {
            Content::None | Content::Inline(_) => {}
            Content::Extents(list) => extents.ready = list.iter().copied().collect(),
            Content::Indirect { root, level } => {
                let top = ContentChild {
                    page: *root,
                    bytes: u64::MAX,
                };
                extents
                    .stack
                    .push((level.saturating_add(1), VecDeque::from([top])));
            }
        }
        (extents, offset)
    }

    fn step(&mut self) -> Result<Option<Extent>, S::Error> {
        loop {
            if let Some(extent) = self.ready.pop_front() {
                if self.skip >= extent.len() {
                    self.skip -= extent.len();
                    continue;
                }
                return Ok(Some(extent));
            }
            let Some((level, children)) = self.stack.last_mut() else {
                return Ok(None);
            };
            let Some(child) = children.pop_front() else {
                self.stack.pop();
                continue;
            };
            if child.bytes != u64::MAX && self.skip >= child.bytes {
                self.skip -= child.bytes;
                continue;
            }
            let below = level.checked_sub(1);
            if children.len() % (AHEAD / 2) == 0 {
                let next: Vec<_> = children
                    .iter()
                    .take(AHEAD)
                    .map(|child| child.page)
                    .collect();
                self.source
                    .prefetch(&[&[child.page], next.as_slice()].concat());
            }
            let bytes = self.source.page(&child.page)?;
            let page = Page::decode(&bytes)?;
            if Some(page.level()) != below {
                return Err(PageError::Level {
                    level: page.level(),
                }
                .into());
            }
            match page {
                Page::Extents(extents) => self.ready = extents.into(),
                Page::Content { level, children } => self.stack.push((level, children.into())),
                Page::Leaf(_) | Page::Inner { .. } => {
                    return Err(PageError::Misplaced { key: 3, level: 0 }.into());
                }
            }
        }
    }

    /// Bytes of the first extent that come before the offset that was asked for.
    pub fn offset_in_first(&self) -> u64 {
        self.skip
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
