//! Walking down a tree page by page, with every check that needs more than one page.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::key::compare;
use super::page::{Child, Group, Page};
use super::page_error::PageError;
use super::page_failure::PageFailure;
use super::read::{Located, PageSource};
use crate::model::ChunkRef;

/// How many pages a reader announces ahead.
pub(super) const AHEAD: usize = 64;

/// What comes next: an entry of the open leaf, or a page that was not read yet.
pub(super) enum Next<'w> {
    Entry(&'w Located),
    /// With its level.
    Page(&'w Child, u8),
    End,
}

/// A position in a tree: the open leaf, and what is still to come of the pages above it.
///
/// Checks that levels go down by one, so no page can stand below itself; that a page begins with
/// the key and has the totals that the page above says; and that it ends before its successor
/// begins. Then every key ascends, and nobody can see an entry that a look-up would miss. That the
/// bytes are the page which was named is the source's to check.
///
/// A page that cannot be read or used is left out as if it had no entries: its neighbours say
/// where they begin and end, so that nothing of theirs is lost with it.
pub(super) struct Walk<'s, S> {
    source: &'s S,
    /// The root, until it was read.
    root: Option<ChunkRef>,
    /// Inner pages from the root down.
    frames: Vec<Frame>,
    leaf: VecDeque<Located>,
    /// First key after the open leaf; `None` if it is the last.
    leaf_end: Option<Vec<u8>>,
    /// Whether pages are announced, and up to which key.
    ahead: bool,
    limit: Option<Vec<u8>>,
}

/// What is to come of an inner page.
struct Frame {
    level: u8,
    children: VecDeque<Child>,
    /// First key after the page.
    end: Option<Vec<u8>>,
    /// How many of the children were announced.
    announced: usize,
}

impl<'s, S: PageSource> Walk<'s, S> {
    /// Before the first entry. With `ahead`, pages are announced that begin before `limit`.
    pub(super) fn new(source: &'s S, root: ChunkRef, ahead: bool, limit: Option<&[u8]>) -> Self {
        Self {
            source,
            root: Some(root),
            frames: Vec::new(),
            leaf: VecDeque::new(),
            leaf_end: None,
            ahead,
            limit: limit.map(<[u8]>::to_vec),
        }
    }

    /// Reads the root, if it was not read yet.
    pub(super) fn start(&mut self) -> Result<(), Box<PageFailure<S::Error>>> {
        match self.root.take() {
            Some(root) => self.read(&root, None, None),
            None => Ok(()),
        }
    }

    /// What comes next at `key` or after it; what lies before is dropped. Reads nothing but the
    /// root.
    pub(super) fn peek_from(&mut self, key: &[u8]) -> Result<Next<'_>, Box<PageFailure<S::Error>>> {
        self.start()?;
        self.skip_to(key);
        Ok(self.next())
    }

    /// What comes next; reads nothing. To be asked after [`Self::start`].
    pub(super) fn next(&mut self) -> Next<'_> {
        if self.leaf.is_empty() {
            while self.frames.last().is_some_and(|f| f.children.is_empty()) {
                self.frames.pop();
            }
        }
        if let Some(located) = self.leaf.front() {
            return Next::Entry(located);
        }
        match self.frames.last() {
            Some(frame) => match frame.children.front() {
                Some(child) => Next::Page(child, frame.level.saturating_sub(1)),
                None => Next::End,
            },
            None => Next::End,
        }
    }

    /// Takes the entry that comes next.
    pub(super) fn take(&mut self) -> Option<Located> {
        self.leaf.pop_front()
    }

    /// Leaves out the page that comes next.
    pub(super) fn skip_page(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.drop_first();
        }
    }

    /// Reads the page that comes next. After an error the walk stands behind that page.
    pub(super) fn open(&mut self) -> Result<(), Box<PageFailure<S::Error>>> {
        let ahead = self.ahead;
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        if ahead {
            let wanted = frame.announce(self.limit.as_deref());
            if !wanted.is_empty() {
                self.source.prefetch(&wanted);
            }
        }
        let Some(child) = frame.drop_first() else {
            return Ok(());
        };
        let end = match frame.children.front() {
            Some(next) => Some(next.first_key.clone()),
            None => frame.end.clone(),
        };
        let level = frame.level.saturating_sub(1);
        self.read(&child.page, Some((&child, level)), end.as_deref())
    }

    /// Drops whatever lies before `key`, without reading a page.
    fn skip_to(&mut self, key: &[u8]) {
        let before = |end: &Option<Vec<u8>>| end.as_deref().is_some_and(|end| end <= key);
        if before(&self.leaf_end) {
            self.leaf.clear();
        }
        while let Some(first) = self.leaf.front() {
            if compare(&first.parent, &first.entry.name, key) != Ordering::Less {
                return;
            }
            self.leaf.pop_front();
        }
        while let Some(frame) = self.frames.last_mut() {
            if !before(&frame.end) {
                // A page lies before the key if the next one begins there or before.
                while frame
                    .children
                    .get(1)
                    .is_some_and(|next| next.first_key.as_slice() <= key)
                {
                    frame.drop_first();
                }
                if !frame.children.is_empty() {
                    return;
                }
            }
            self.frames.pop();
        }
    }

    fn read(
        &mut self,
        page: &ChunkRef,
        said: Option<(&Child, u8)>,
        end: Option<&[u8]>,
    ) -> Result<(), Box<PageFailure<S::Error>>> {
        self.try_read(page, said, end)
            .map_err(|source| PageFailure::new(page, said, end, source))
    }

    fn try_read(
        &mut self,
        page: &ChunkRef,
        said: Option<(&Child, u8)>,
        end: Option<&[u8]>,
    ) -> Result<(), S::Error> {
        let bytes = self.source.page(page)?;
        let page = Page::decode(&bytes)?;
        let level = page.level();
        if said.is_some_and(|(_, expected)| expected != level) {
            return Err(PageError::Level { level }.into());
        }
        match page {
            Page::Inner { level, children } => {
                check_inner(&children, said.map(|(child, _)| child), end)?;
                self.frames.push(Frame {
                    level,
                    children: children.into(),
                    end: end.map(<[u8]>::to_vec),
                    announced: 0,
                });
            }
            Page::Leaf(groups) => {
                check_leaf(&groups, said.map(|(child, _)| child), end)?;
                for Group { parent, entries } in groups {
                    self.leaf.extend(entries.into_iter().map(|entry| Located {
                        parent: parent.clone(),
                        entry,
                    }));
                }
                self.leaf_end = end.map(<[u8]>::to_vec);
            }
            Page::Extents(_) | Page::Content { .. } => {
                return Err(PageError::Misplaced { key: 5, level }.into());
            }
        }
        Ok(())
    }
}

impl Frame {
    fn drop_first(&mut self) -> Option<Child> {
        self.announced = self.announced.saturating_sub(1);
        self.children.pop_front()
    }

    /// The pages to announce now: in batches, so that the source can read them in few requests.
    fn announce(&mut self, limit: Option<&[u8]>) -> Vec<ChunkRef> {
        if self.announced > AHEAD / 2 {
            return Vec::new();
        }
        let pages: Vec<_> = self
            .children
            .iter()
            .take(AHEAD)
            .skip(self.announced)
            .take_while(|child| limit.is_none_or(|limit| child.first_key.as_slice() < limit))
            .map(|child| child.page)
            .collect();
        self.announced += pages.len();
        pages
    }
}

fn check_inner(
    children: &[Child],
    said: Option<&Child>,
    end: Option<&[u8]>,
) -> Result<(), PageError> {
    let past = |key: &[u8]| end.is_some_and(|end| key >= end);
    if children.last().is_some_and(|last| past(&last.first_key)) {
        return Err(PageError::KeyOrder);
    }
    let Some(said) = said else {
        return Ok(());
    };
    if children.first().map(|child| &child.first_key) != Some(&said.first_key) {
        return Err(PageError::KeyOrder);
    }
    let sum = |of: fn(&Child) -> u64| children.iter().map(of).fold(0, u64::saturating_add);
    check_total(said.entries, sum(|child| child.entries))?;
    check_total(said.bytes, sum(|child| child.bytes))
}

fn check_leaf(groups: &[Group], said: Option<&Child>, end: Option<&[u8]>) -> Result<(), PageError> {
    let ends = |group: &Group, key: &[u8]| {
        let last = group.entries.last();
        last.map(|last| compare(&group.parent, &last.name, key))
    };
    if let (Some(end), Some(group)) = (end, groups.last())
        && ends(group, end) != Some(Ordering::Less)
    {
        return Err(PageError::KeyOrder);
    }
    let Some(said) = said else {
        return Ok(());
    };
    let first = groups.first().and_then(|group| {
        let first = group.entries.first()?;
        Some(compare(&group.parent, &first.name, &said.first_key))
    });
    if first != Some(Ordering::Equal) {
        return Err(PageError::KeyOrder);
    }
    let entries = || groups.iter().flat_map(|group| &group.entries);
    check_total(said.entries, entries().count() as u64)?;
    let bytes = entries().fold(0u64, |sum, entry| sum.saturating_add(entry.file_bytes()));
    check_total(said.bytes, bytes)
}

pub(super) fn check_total(claimed: u64, found: u64) -> Result<(), PageError> {
    if claimed == found {
        Ok(())
    } else {
        Err(PageError::Totals { claimed, found })
    }
}
