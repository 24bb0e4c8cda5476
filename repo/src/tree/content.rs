//! Building the content of a file from its extents: inline while they are few, pages beyond.

use std::sync::Arc;

use super::build::PageSink;
use super::entry::{Content, FileClass, MAX_INLINE_EXTENTS};
use super::page::ContentChild;
use super::page_buffer::PageBuffer;
use super::split::{content_ends, extents_end};
use crate::keys::Keyring;
use crate::model::{ChunkRef, Extent};

/// Collects the extents of one file. Holds one open page a level.
pub struct ContentBuilder {
    keys: Arc<Keyring>,
    class: FileClass,
    /// The last extent, which may still grow: where a page ends must not depend on the pieces in
    /// which a run of zeros arrives.
    growing: Option<Extent>,
    /// Those before it, while they are few enough to stand in the entry.
    inline: Vec<Extent>,
    /// Open pages, the lowest first; empty while nothing was paged.
    levels: Vec<Open>,
    /// Offset in the file of the end of the last extent.
    end: u64,
    /// Offset of the end of what is on pages.
    placed: u64,
}

/// An open page.
#[derive(Default)]
struct Open {
    page: PageBuffer,
    bytes: u64,
    /// What the first page of the level became, while it is the only one.
    only: Option<ChunkRef>,
    finished: u64,
}

impl ContentBuilder {
    /// Nothing in it yet.
    pub fn new(keys: Arc<Keyring>, class: FileClass) -> Self {
        Self {
            keys,
            class,
            growing: None,
            inline: Vec::new(),
            levels: Vec::new(),
            end: 0,
            placed: 0,
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
        let Some(last) = self.growing.as_mut() else {
            self.growing = Some(extent);
            return Ok(());
        };
        if let Some(both) = joined(last, &extent) {
            *last = both;
            return Ok(());
        }
        let done = std::mem::replace(last, extent);
        self.add(done, sink)
    }

    /// Takes an extent that will not grow any more.
    fn add<S: PageSink>(&mut self, extent: Extent, sink: &mut S) -> Result<(), S::Error> {
        if self.levels.is_empty() {
            if self.inline.len() < MAX_INLINE_EXTENTS {
                self.inline.push(extent);
                return Ok(());
            }
            self.levels.push(Open::default());
            for earlier in std::mem::take(&mut self.inline) {
                self.add_to_page(&earlier, sink)?;
            }
        }
        self.add_to_page(&extent, sink)
    }

    fn add_to_page<S: PageSink>(&mut self, extent: &Extent, sink: &mut S) -> Result<(), S::Error> {
        let start = self.placed;
        self.placed = self.placed.saturating_add(extent.len());
        let Some(open) = self.levels.first_mut() else {
            return Ok(());
        };
        open.page.push_extent(extent);
        open.bytes = open.bytes.saturating_add(extent.len());
        let data = match extent {
            Extent::Data(chunk) => Some(chunk.id),
            _ => None,
        };
        if extents_end(self.class, &open.page, start, self.placed, data) {
            self.end_page(0, sink)?;
        }
        Ok(())
    }

    /// Ends the page of that level, and those above that it fills.
    fn end_page<S: PageSink>(&mut self, level: usize, sink: &mut S) -> Result<(), S::Error> {
        let Some(open) = self.levels.get_mut(level) else {
            return Ok(());
        };
        // Each level has a 256th of the pages of the one below: there are never 32.
        let number = u8::try_from(level).unwrap_or(u8::MAX);
        let bytes = open.page.finish_content(number);
        let id = self.keys.ids().page_id(&bytes);
        let page = sink.put_page(false, bytes, id)?;
        open.finished += 1;
        open.only = (open.finished == 1).then_some(page);
        let bytes = std::mem::take(&mut open.bytes);
        let above = level + 1;
        if self.levels.len() == above {
            self.levels.push(Open::default());
        }
        let Some(open) = self.levels.get_mut(above) else {
            return Ok(());
        };
        open.bytes = open.bytes.saturating_add(bytes);
        open.page.push_content_child(&ContentChild { page, bytes });
        if content_ends(&open.page) {
            self.end_page(above, sink)?;
        }
        Ok(())
    }

    /// Ends every open page.
    pub fn finish<S: PageSink>(mut self, sink: &mut S) -> Result<Content, S::Error> {
        if let Some(last) = self.growing.take() {
            self.add(last, sink)?;
        }
        if self.levels.is_empty() {
            return Ok(if self.inline.is_empty() {
                Content::None
            } else {
                Content::Extents(self.inline)
            });
        }
        let mut level = 0;
        while let Some(open) = self.levels.get(level) {
            if open.page.count() > 0 {
                self.end_page(level, sink)?;
            }
            if let Some(root) = self.levels.get(level).and_then(|open| open.only) {
                let level = u8::try_from(level).unwrap_or(u8::MAX);
                return Ok(Content::Indirect { root, level });
            }
            level += 1;
        }
        Ok(Content::None)
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
