//! An entry of the index, and the pack that it points into.

use crate::model::{ObjectHash, PackName, Place};
use crate::pack::{ChunkPrefix, PackDirectory};
use crate::seal::BlockKind;

/// A pack as index segments name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackInfo {
    /// The pack.
    pub name: PackName,
    /// The kind of its blocks.
    pub kind: BlockKind,
    /// Length of the object in bytes.
    pub len: u64,
    /// Hash of the object.
    pub hash: ObjectHash,
}

impl PackInfo {
    /// The pack of a directory; `hash` is that of the whole object.
    pub fn new(directory: &PackDirectory, hash: ObjectHash) -> Self {
        Self {
            name: directory.name(),
            kind: directory.kind(),
            len: directory.len(),
            hash,
        }
    }
}

/// Where a chunk or page stands, and how long it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Found {
    /// Where it stands.
    pub place: Place,
    /// Length of its plaintext in bytes.
    pub len: u32,
}

/// An entry whose pack is a number in some table: 36 bytes.
///
/// Ordered by prefix, then by pack and position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Entry {
    pub(super) prefix: ChunkPrefix,
    pub(super) pack: u32,
    pub(super) block_offset: u32,
    pub(super) offset: u32,
    pub(super) block_len: u32,
    pub(super) len: u32,
}

impl Entry {
    /// The entry with its pack's name in place of the number.
    pub(super) fn found(&self, pack: PackName) -> Found {
        let place = Place {
            pack,
            block_offset: self.block_offset,
            block_len: self.block_len,
            offset: self.offset,
        };
        Found {
            place,
            len: self.len,
        }
    }
}
