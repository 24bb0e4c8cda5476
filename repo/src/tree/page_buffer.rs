//! The page that is being filled.

use super::cbor::{Writer, bytes_len};
use super::entry::Entry;
use super::entry_codec::{write_entry, write_extent};
use super::page::{
    CHILDREN, CONTENT_CHILDREN, Child, ContentChild, EXTENTS, GROUPS, write_child,
    write_content_child, write_head,
};
use super::places::PlaceWriter;
use crate::model::Extent;

/// Collects the items of one page after the other, encoding each when it comes.
#[derive(Clone, Default)]
pub(super) struct PageBuffer {
    places: PlaceWriter,
    items: Vec<u8>,
    /// Items so far: entries, children or extents.
    count: usize,
    /// Of a leaf: where each group's entries start in `items`, and how many there are.
    groups: Vec<(Vec<u8>, usize, usize)>,
    /// Of a leaf: bytes of the parents of its groups, encoded.
    parents: usize,
}

impl PageBuffer {
    /// Items so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// What the rules of splitting call the size: the encoded items and, of a leaf, the encoded
    /// parents of its groups.
    pub(super) fn size(&self) -> usize {
        self.items.len() + self.parents
    }

    /// Adds an entry whose rules and order were checked.
    pub(super) fn push_entry(&mut self, parent: &[u8], entry: &Entry) {
        let start = self.items.len();
        match self.groups.last_mut() {
            Some((last, _, count)) if last == parent => *count += 1,
            _ => {
                self.parents += bytes_len(parent.len());
                self.groups.push((parent.to_vec(), start, 1));
            }
        }
        write_entry(&mut Writer(&mut self.items), &mut self.places, entry);
        self.count += 1;
    }

    pub(super) fn push_child(&mut self, child: &Child) {
        write_child(&mut Writer(&mut self.items), &mut self.places, child);
        self.count += 1;
    }

    pub(super) fn push_extent(&mut self, extent: &Extent) {
        write_extent(&mut Writer(&mut self.items), &mut self.places, extent);
        self.count += 1;
    }

    pub(super) fn push_content_child(&mut self, child: &ContentChild) {
        write_content_child(&mut Writer(&mut self.items), &mut self.places, child);
        self.count += 1;
    }

    /// Ends a leaf and starts the next.
    pub(super) fn finish_leaf(&mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size() + 1024);
        write_head(&mut bytes, 0, &mut self.places, GROUPS);
        Writer(&mut bytes).array(self.groups.len());
        for (index, (parent, start, count)) in self.groups.iter().enumerate() {
            let end = self
                .groups
                .get(index + 1)
                .map_or(self.items.len(), |(_, start, _)| *start);
            Writer(&mut bytes).array(2).bytes(parent).array(*count);
            bytes.extend_from_slice(self.items.get(*start..end).unwrap_or_default());
        }
        self.clear();
        bytes
    }

    /// Ends an inner page and starts the next.
    pub(super) fn finish_inner(&mut self, level: u8) -> Vec<u8> {
        self.finish_list(level, CHILDREN)
    }

    /// Ends a content page and starts the next.
    pub(super) fn finish_content(&mut self, level: u8) -> Vec<u8> {
        let key = if level == 0 {
            EXTENTS
        } else {
            CONTENT_CHILDREN
        };
        self.finish_list(level, key)
    }

    fn finish_list(&mut self, level: u8, key: u8) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size() + 1024);
        write_head(&mut bytes, level, &mut self.places, key);
        Writer(&mut bytes).array(self.count);
        bytes.extend_from_slice(&self.items);
        self.clear();
        bytes
    }

    fn clear(&mut self) {
        self.items.clear();
        self.groups.clear();
        self.count = 0;
        self.parents = 0;
    }
}
