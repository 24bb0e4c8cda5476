//! Building a tree from entries in the order of their keys, in bounded memory.

use std::sync::Arc;

use orlop_chunker::ChunkId;

use super::cbor::Writer;
use super::entry::Entry;
use super::entry_codec::write_entry;
use super::key::{KeyError, check_member, check_prefix, join};
use super::page::{Child, GROUPS, MAX_PAGE_LEN, Page, write_head};
use super::places::PlaceWriter;
use crate::keys::Keyring;
use crate::model::ChunkRef;

/// A leaf does not end before its entries take this many bytes (FORMAT.md section 8.1).
const MIN_LEAF: usize = 16 << 10;
/// It ends when they take this many.
const MAX_LEAF: usize = 96 << 10;
/// An inner page has at least this many children, unless it is the last of its level.
const MIN_CHILDREN: usize = 8;
/// And at most this many.
const MAX_CHILDREN: usize = 512;
/// Bits of a key's hash that are zero where a leaf may end, and where an inner page may.
const LEAF_BITS: u32 = 8;
const INNER_BITS: u32 = 7;

/// Where the pages of a tree go.
pub trait PageSink {
    /// Why a page could not be stored.
    type Error;

    /// Stores a page and tells its place; a page that is there already keeps its place. `inner`
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
    /// Sum of the sizes of its files.
    pub bytes: u64,
}

/// Cuts entries into pages as they come. Holds one open page a level.
///
/// The same entries give the same pages, whatever was built before.
pub struct TreeBuilder {
    keys: Arc<Keyring>,
    leaf: Leaf,
    /// Open inner pages, the lowest first.
    levels: Vec<Vec<Child>>,
    last_key: Option<Vec<u8>>,
}

/// The open leaf, encoded as far as it goes.
#[derive(Default)]
struct Leaf {
    places: PlaceWriter,
    /// Encoded entries.
    body: Vec<u8>,
    /// Folder, number of entries, and where they begin in the body.
    groups: Vec<(Vec<u8>, usize, usize)>,
    first_key: Vec<u8>,
    entries: u64,
    bytes: u64,
}

impl TreeBuilder {
    /// Nothing in it yet.
    pub fn new(keys: Arc<Keyring>) -> Self {
        Self {
            keys,
            leaf: Leaf::default(),
            levels: Vec::new(),
            last_key: None,
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
        check_prefix(parent).map_err(BuildError::Key)?;
        check_member(parent, &entry.name).map_err(BuildError::Key)?;
        let key = join(parent, &entry.name);
        if self.last_key.as_ref().is_some_and(|last| *last >= key) {
            return Err(BuildError::OutOfOrder);
        }
        let before = self.leaf.body.len();
        write_entry(
            &mut Writer(&mut self.leaf.body),
            &mut self.leaf.places,
            entry,
        );
        let len = self.leaf.body.len() - before;
        // Half a page: the open leaf, the tables and the keys have to fit beside it.
        if len > MAX_PAGE_LEN / 2 {
            self.leaf.body.truncate(before);
            return Err(BuildError::TooLarge { len });
        }
        match self.leaf.groups.last_mut() {
            Some((folder, count, _)) if folder == parent => *count += 1,
            _ => self.leaf.groups.push((parent.to_vec(), 1, before)),
        }
        if self.leaf.entries == 0 {
            self.leaf.first_key.clone_from(&key);
        }
        self.leaf.entries += 1;
        self.leaf.bytes = self.leaf.bytes.saturating_add(entry.file_bytes());
        let held = self.leaf.body.len();
        if held >= MAX_LEAF || (held >= MIN_LEAF && self.splits(&key, LEAF_BITS)) {
            self.end_leaf(sink)?;
        }
        self.last_key = Some(key);
        Ok(())
    }

    fn splits(&self, key: &[u8], bits: u32) -> bool {
        let hash = blake3::keyed_hash(self.keys.split_key(), key);
        let [a, b, c, d, ..] = *hash.as_bytes();
        u32::from_le_bytes([a, b, c, d]).trailing_zeros() >= bits
    }

    fn end_leaf<S: PageSink>(&mut self, sink: &mut S) -> Result<(), BuildError<S::Error>> {
        let leaf = std::mem::take(&mut self.leaf);
        let (first_key, entries, bytes) = (leaf.first_key.clone(), leaf.entries, leaf.bytes);
        let page = self.put(leaf.encode(), false, sink)?;
        self.add_child(
            0,
            Child {
                first_key,
                page,
                entries,
                bytes,
            },
            sink,
        )
    }

    fn put<S: PageSink>(
        &self,
        bytes: Vec<u8>,
        inner: bool,
        sink: &mut S,
    ) -> Result<ChunkRef, BuildError<S::Error>> {
        let id = self.keys.ids().page_id(&bytes);
        sink.put_page(inner, bytes, id).map_err(BuildError::Sink)
    }

    fn add_child<S: PageSink>(
        &mut self,
        level: usize,
        child: Child,
        sink: &mut S,
    ) -> Result<(), BuildError<S::Error>> {
        let ends = self.splits(&child.first_key, INNER_BITS);
        if self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        let Some(children) = self.levels.get_mut(level) else {
            return Ok(());
        };
        children.push(child);
        if children.len() >= MAX_CHILDREN || (children.len() >= MIN_CHILDREN && ends) {
            self.end_inner(level, sink)?;
        }
        Ok(())
    }

    fn end_inner<S: PageSink>(
        &mut self,
        level: usize,
        sink: &mut S,
    ) -> Result<(), BuildError<S::Error>> {
        let children = self
            .levels
            .get_mut(level)
            .map(std::mem::take)
            .unwrap_or_default();
        let Some(first) = children.first() else {
            return Ok(());
        };
        let first_key = first.first_key.clone();
        let entries = children.iter().map(|child| child.entries).sum();
        let bytes = children
            .iter()
            .fold(0, |sum: u64, child| sum.saturating_add(child.bytes));
        let number = u8::try_from(level + 1).unwrap_or(u8::MAX);
        let page = Page::Inner {
            level: number,
            children,
        }
        .encode();
        let page = self.put(page, true, sink)?;
        self.add_child(
            level + 1,
            Child {
                first_key,
                page,
                entries,
                bytes,
            },
            sink,
        )
    }

    /// Ends every open page and gives the root.
    pub fn finish<S: PageSink>(mut self, sink: &mut S) -> Result<BuiltTree, BuildError<S::Error>> {
        if self.leaf.entries > 0 {
            self.end_leaf(sink)?;
        }
        let mut level = 0;
        loop {
            let highest = level + 1 == self.levels.len();
            match self.levels.get(level).map(Vec::as_slice) {
                None => return Err(BuildError::Empty),
                Some([only]) if highest => {
                    let Child {
                        page,
                        entries,
                        bytes,
                        ..
                    } = *only;
                    return Ok(BuiltTree {
                        root: page,
                        entries,
                        bytes,
                    });
                }
                Some(_) => self.end_inner(level, sink)?,
            }
            level += 1;
        }
    }
}

impl Leaf {
    fn encode(mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.body.len() + 1024);
        write_head(&mut bytes, 0, &mut self.places, GROUPS);
        Writer(&mut bytes).array(self.groups.len());
        let ends = self
            .groups
            .iter()
            .skip(1)
            .map(|group| group.2)
            .chain([self.body.len()]);
        for ((parent, count, start), end) in self.groups.iter().zip(ends) {
            Writer(&mut bytes).array(2).bytes(parent);
            Writer(&mut bytes).array(*count);
            bytes.extend_from_slice(self.body.get(*start..end).unwrap_or_default());
        }
        bytes
    }
}
