//! Where a chunk stands, and what a file's content is made of.

use orlop_chunker::ChunkId;

use super::PackName;

/// Where a chunk or page stands: a block in a pack, and a range of that block's plaintext.
///
/// A hint: repacking moves blocks, and the index then knows the new place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// The pack.
    pub pack: PackName,
    /// Offset of the block in the pack, in bytes.
    pub block_offset: u32,
    /// Stored length of the block, in bytes.
    pub block_len: u32,
    /// Offset of the chunk in the plaintext of the block, in bytes.
    pub offset: u32,
}

/// A chunk or page with its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkRef {
    /// Keyed hash of the plaintext.
    pub id: ChunkId,
    /// Length of the plaintext in bytes, at most 1 MiB.
    pub len: u32,
    /// Where it stands.
    pub place: Place,
}

/// A piece of a file's content, in file order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// Bytes that are stored.
    Data(ChunkRef),
    /// This many zero bytes that were written as such.
    Zeros(u64),
    /// A hole of this many bytes.
    Hole(u64),
    /// This many bytes that are allocated and were never written; they read as zeros.
    Unwritten(u64),
}

impl Extent {
    /// Bytes of the file that it covers.
    pub fn len(&self) -> u64 {
        match *self {
            Self::Data(ref chunk) => u64::from(chunk.len),
            Self::Zeros(len) | Self::Hole(len) | Self::Unwritten(len) => len,
        }
    }

    /// Whether it covers nothing. Such an extent is never written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
