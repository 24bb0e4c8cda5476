//! Building the content of a file from its extents: inline while they are few, pages beyond.

use std::sync::Arc;

use super::build::PageSink;
use super::entry::{Content, FileClass, MAX_INLINE_EXTENTS};
use super::page::{ContentChild, Page};
use crate::keys::Keyring;
use crate::model::{ChunkRef, Extent};

/// A page of a file that is cut at fixed places ends where this much of the file ends, so that
/// its pages never shift (FORMAT.md section 8.4).
const PAGED_SPAN: u64 = 16 << 20;
/// Other pages have at least this many extents, unless they are the last.
const MIN_EXTENTS: usize = 64;
/// And at most this many.
const MAX_EXTENTS: usize = 1024;
/// Children of a higher page.
const MAX_CHILDREN: usize = 256;

/// Collects the extents of one file. Holds one open page a level.
pub struct ContentBuilder {
    keys: Arc<Keyring>,
    class: FileClass,
    /// The extents of the open page; while nothing was paged, all of them.
    extents: Vec<Extent>,
    /// Offset in the file of the end of the last extent.
    end: u64,
    /// Offset of the first extent of the open page.
    start: u64,
    /// Whether there are too many to stand in the entry.
    paged: bool,
    levels: Vec<Vec<ContentChild>>,
}

impl ContentBuilder {
    /// Nothing in it yet.
    pub fn new(keys: Arc<Keyring>, class: FileClass) -> Self {
        Self {
            keys,
            class,
            extents: Vec::new(),
            end: 0,
            start: 0,
            paged: false,
            levels: Vec::new(),
        }
    }

    /// Sum of the lengths so far: the size of the file.
    pub fn len(&self) -> u64 {
        self.end
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// Adds the next extent. Neighbouring runs of zeros and neighbouring holes become one.
    pub fn push<S: PageSink>(&mut self, extent: Extent, sink: &mut S) -> Result<(), S::Error> {
        if extent.is_empty() {
            return Ok(());
        }
        self.end = self.end.saturating_add(extent.len());
        if let Some(last) = self.extents.last_mut()
            && let Some(both) = joined(last, &extent)
        {
            *last = both;
        } else {
            self.extents.push(extent);
        }
        if !self.paged && self.extents.len() > MAX_INLINE_EXTENTS {
            self.paged = true;
            return self.page_all(sink);
        }
        if self.paged && self.ends() {
            self.end_page(sink)?;
        }
        Ok(())
    }

    /// Puts what was held back through the rule of the pages.
    fn page_all<S: PageSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        self.end = 0;
        for extent in std::mem::take(&mut self.extents) {
            self.end = self.end.saturating_add(extent.len());
            self.extents.push(extent);
            if self.ends() {
                self.end_page(sink)?;
            }
        }
        Ok(())
    }

    fn ends(&self) -> bool {
        if self.class == FileClass::Paged {
            return self.end / PAGED_SPAN > self.start / PAGED_SPAN
                || self.extents.len() >= MAX_EXTENTS;
        }
        let splits = match self.extents.last() {
            Some(Extent::Data(chunk)) => chunk.id.as_bytes().first() == Some(&0),
            _ => false,
        };
        self.extents.len() >= MAX_EXTENTS || (self.extents.len() >= MIN_EXTENTS && splits)
    }

    fn end_page<S: PageSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let extents = std::mem::take(&mut self.extents);
        let bytes = self.end - self.start;
        self.start = self.end;
        let page = self.put(&Page::Extents(extents), sink)?;
        self.add_child(0, ContentChild { page, bytes }, sink)
    }

    fn put<S: PageSink>(&self, page: &Page, sink: &mut S) -> Result<ChunkRef, S::Error> {
        let bytes = page.encode();
        let id = self.keys.ids().page_id(&bytes);
        sink.put_page(false, bytes, id)
    }

    fn add_child<S: PageSink>(
        &mut self,
        level: usize,
        child: ContentChild,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        let Some(children) = self.levels.get_mut(level) else {
            return Ok(());
        };
        children.push(child);
        if children.len() >= MAX_CHILDREN {
            self.end_inner(level, sink)?;
        }
        Ok(())
    }

    fn end_inner<S: PageSink>(&mut self, level: usize, sink: &mut S) -> Result<(), S::Error> {
        let children = self
            .levels
            .get_mut(level)
            .map(std::mem::take)
            .unwrap_or_default();
        if children.is_empty() {
            return Ok(());
        }
        let bytes = children
            .iter()
            .fold(0, |sum: u64, child| sum.saturating_add(child.bytes));
        let number = u8::try_from(level + 1).unwrap_or(u8::MAX);
        let page = self.put(
            &Page::Content {
                level: number,
                children,
            },
            sink,
        )?;
        self.add_child(level + 1, ContentChild { page, bytes }, sink)
    }

    /// Ends every open page.
    pub fn finish<S: PageSink>(mut self, sink: &mut S) -> Result<Content, S::Error> {
        if !self.paged {
            return Ok(if self.extents.is_empty() {
                Content::None
            } else {
                Content::Extents(self.extents)
            });
        }
        if !self.extents.is_empty() {
            self.end_page(sink)?;
        }
        let mut level = 0;
        loop {
            let highest = level + 1 == self.levels.len();
            match self.levels.get(level).map(Vec::as_slice) {
                None => return Ok(Content::None),
                Some([only]) if highest => {
                    let level = u8::try_from(level).unwrap_or(u8::MAX);
                    return Ok(Content::Indirect {
                        root: only.page,
                        level,
                    });
                }
                Some(_) => self.end_inner(level, sink)?,
            }
            level += 1;
        }
    }
}

/// Two extents as one, if they are of a kind that has no bytes.
fn joined(a: &Extent, b: &Extent) -> Option<Extent> {
    match (*a, *b) {
        (Extent::Zeros(a), Extent::Zeros(b)) => a.checked_add(b).map(Extent::Zeros),
        (Extent::Hole(a), Extent::Hole(b)) => a.checked_add(b).map(Extent::Hole),
        (Extent::Unwritten(a), Extent::Unwritten(b)) => a.checked_add(b).map(Extent::Unwritten),
        _ => None,
    }
}
