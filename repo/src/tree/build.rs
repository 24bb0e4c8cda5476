//! Building a tree from entries in the order of their keys, in bounded memory.

use std::sync::Arc;

use orlop_chunker::ChunkId;

use super::entry::{Entry, EntryError};
use super::key::{KeyError, check_member, check_prefix, join};
use super::page::Child;
use super::page_buffer::PageBuffer;
use super::split::{MAX_ENTRY_LEN, inner_ends, leaf_ends};
use crate::keys::Keyring;
use crate::model::ChunkRef;

/// Where the pages of a tree go.
pub trait PageSink {
    /// Why a page could not be stored.
    type Error;

    /// Stores a page and tells its place; a page that is there already, from the parent snapshot
    /// or from this one, keeps its place: then the pages above come out as they were, and an
    /// unchanged subtree costs nothing. The bytes need not be durable when this returns. `inner`
    /// pages are those of a tree above its leaves.
    fn put_page(
        &mut self,
        inner: bool,
        bytes: Vec<u8>,
        id: ChunkId,
    ) -> Result<ChunkRef, Self::Error>;
}

/// An entry could not be added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError<E> {
    /// Its key does not come after that of the entry before it.
    #[error("an entry does not come after the one before it")]
    OutOfOrder,
    /// Its name or its folder's prefix cannot stand in a tree.
    #[error("an entry has an illegal key")]
    Key(#[source] KeyError),
    /// It breaks a rule of the format: a page with it could not be read back.
    #[error("an entry breaks a rule of the format")]
    Entry(#[source] EntryError),
    /// It takes more bytes than a page can hold; its attributes do.
    #[error("an entry takes {len} bytes, more than a page can hold")]
    TooLarge {
        /// Its length when encoded.
        len: usize,
    },
    /// A tree needs at least the root's entry.
    #[error("a tree without entries")]
    Empty,
    /// A page could not be stored.
    #[error("a page of the tree could not be stored")]
    Sink(E),
}

/// A finished tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BuiltTree {
    /// Its topmost page.
    pub root: ChunkRef,
    /// Entries in it.
    pub entries: u64,
    /// Sum of the sizes of its files, `u64::MAX` if it is larger.
    pub bytes: u64,
}

/// Cuts entries into pages as they come. Holds one open page a level, encoded as far as it goes.
///
/// The same entries give the same pages, whatever was built before. A clone, finished, is the tree
/// of the entries so far: it costs the open pages.
#[derive(Clone)]
pub struct TreeBuilder {
    keys: Arc<Keyring>,
    leaf: Open,
    /// Open inner pages, the lowest first.
    levels: Vec<Open>,
    /// Folder and name of the last entry.
    last: Option<(Vec<u8>, Vec<u8>)>,
}

/// An open page.
#[derive(Clone, Default)]
struct Open {
    page: PageBuffer,
    first_key: Vec<u8>,
    entries: u64,
    bytes: u64,
    /// What the first page of the level became, while it is the only one.
    only: Option<Child>,
    finished: u64,
}

impl TreeBuilder {
    /// Nothing in it yet.
    pub fn new(keys: Arc<Keyring>) -> Self {
        Self {
            keys,
            leaf: Open::default(),
            levels: Vec::new(),
            last: None,
        }
    }

    /// Adds the entry of the folder with the key prefix `parent`. After an error of its own, not
    /// the sink's, the builder is as before and takes other entries.
    pub fn push<S: PageSink>(
        &mut self,
        parent: &[u8],
        entry: &Entry,
        sink: &mut S,
    ) -> Result<(), BuildError<S::Error>> {
        self.check(parent, entry)?;
        if self.leaf.page.count() == 0 {
            self.leaf.first_key = join(parent, &entry.name);
        }
        self.leaf.page.push_entry(parent, entry);
        self.leaf.entries += 1;
        self.leaf.bytes = self.leaf.bytes.saturating_add(entry.file_bytes());
        let (last_parent, last_name) = self.last.get_or_insert_default();
        last_parent.clear();
        last_parent.extend_from_slice(parent);
        last_name.clear();
        last_name.extend_from_slice(&entry.name);
        if leaf_ends(self.keys.split_key(), &self.leaf.page, parent, &entry.name) {
            self.end_leaf(sink)?;
        }
        Ok(())
    }

    /// Refuses what could not be read back.
    fn check<E>(&self, parent: &[u8], entry: &Entry) -> Result<(), BuildError<E>> {
        match &self.last {
            Some((last, name)) if last == parent => {
                check_member(parent, &entry.name).map_err(BuildError::Key)?;
                if *name >= entry.name {
                    return Err(BuildError::OutOfOrder);
                }
            }
            last => {
                check_prefix(parent).map_err(BuildError::Key)?;
                check_member(parent, &entry.name).map_err(BuildError::Key)?;
                // Well-formed prefixes sort as the keys of what is in them.
                if last
                    .as_ref()
                    .is_some_and(|(last, _)| last.as_slice() > parent)
                {
                    return Err(BuildError::OutOfOrder);
                }
            }
        }
        entry.check().map_err(BuildError::Entry)?;
        let len = entry.len_bound();
        if len > MAX_ENTRY_LEN {
            return Err(BuildError::TooLarge { len });
        }
        Ok(())
    }

    /// Encoded bytes in open pages.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let open = [&self.leaf].into_iter().chain(&self.levels);
        open.map(|open| open.page.size()).sum()
    }

    fn end_leaf<S: PageSink>(&mut self, sink: &mut S) -> Result<(), BuildError<S::Error>> {
        let bytes = self.leaf.page.finish_leaf();
        let child = self.put(bytes, None, sink)?;
        self.add_child(0, child, sink)
    }

    /// Stores the page that was the leaf, or that of a level, and forgets it.
    fn put<S: PageSink>(
        &mut self,
        bytes: Vec<u8>,
        level: Option<usize>,
        sink: &mut S,
    ) -> Result<Child, BuildError<S::Error>> {
        let id = self.keys.ids().page_id(&bytes);
        let page = sink
            .put_page(level.is_some(), bytes, id)
            .map_err(BuildError::Sink)?;
        let open = match level {
            None => &mut self.leaf,
            Some(level) => self.levels.get_mut(level).ok_or(BuildError::Empty)?,
        };
        let child = Child {
            first_key: std::mem::take(&mut open.first_key),
            page,
            entries: std::mem::take(&mut open.entries),
            bytes: std::mem::take(&mut open.bytes),
        };
        open.finished += 1;
        open.only = (open.finished == 1).then(|| child.clone());
        Ok(child)
    }

    /// Adds a page to the level above it, and ends what it fills.
    fn add_child<S: PageSink>(
        &mut self,
        level: usize,
        child: Child,
        sink: &mut S,
    ) -> Result<(), BuildError<S::Error>> {
        if self.levels.len() <= level {
            self.levels.push(Open::default());
        }
        let Some(open) = self.levels.get_mut(level) else {
            return Ok(());
        };
        open.entries = open.entries.saturating_add(child.entries);
        open.bytes = open.bytes.saturating_add(child.bytes);
        open.page.push_child(&child);
        let ends = inner_ends(self.keys.split_key(), &open.page, &child.first_key);
        if open.page.count() == 1 {
            open.first_key = child.first_key;
        }
        if ends {
            self.end_inner(level, sink)?;
        }
        Ok(())
    }

    fn end_inner<S: PageSink>(
        &mut self,
        level: usize,
        sink: &mut S,
    ) -> Result<(), BuildError<S::Error>> {
        let Some(open) = self.levels.get_mut(level) else {
            return Ok(());
        };
        // Levels get smaller by a factor of 4 at least, so they stay below 32.
        let number = u8::try_from(level + 1).unwrap_or(u8::MAX);
        let bytes = open.page.finish_inner(number);
        let child = self.put(bytes, Some(level), sink)?;
        self.add_child(level + 1, child, sink)
    }

    /// Ends every open page and gives the root: the only page of the lowest level that has one.
    pub fn finish<S: PageSink>(mut self, sink: &mut S) -> Result<BuiltTree, BuildError<S::Error>> {
        if self.leaf.page.count() > 0 {
            self.end_leaf(sink)?;
        }
        let mut only = self.leaf.only.take();
        let mut level = 0;
        loop {
            if let Some(root) = only {
                return Ok(BuiltTree {
                    root: root.page,
                    entries: root.entries,
                    bytes: root.bytes,
                });
            }
            let open = self.levels.get(level).ok_or(BuildError::Empty)?;
            if open.page.count() > 0 {
                self.end_inner(level, sink)?;
            }
            only = self.levels.get_mut(level).and_then(|open| open.only.take());
            level += 1;
        }
    }
}
