//! Keyed ids of chunks and of tree pages.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Hash of a chunk's or page's plaintext, keyed per repository.
///
/// Equal ids mean equal plaintext within one repository and nothing across two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId([u8; Self::LEN]);

impl ChunkId {
    /// Length in bytes.
    pub const LEN: usize = 32;
    /// Length of the prefix that the index and the footers of packs hold, in bytes.
    pub const PREFIX_LEN: usize = 16;

    /// Wraps bytes read from a tree page.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The first half, which the index holds.
    pub fn prefix(&self) -> [u8; Self::PREFIX_LEN] {
        let mut prefix = [0; Self::PREFIX_LEN];
        prefix.copy_from_slice(&self.0[..Self::PREFIX_LEN]);
        prefix
    }
}

impl fmt::Display for ChunkId {
    /// All 64 hex digits; `{id:.8}` gives the short form for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let mut text = String::with_capacity(2 * Self::LEN);
        for byte in self.0 {
            write!(text, "{byte:02x}")?;
        }
        f.pad(&text)
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkId({self})")
    }
}

/// The two keys under which ids are made: one for chunks of files, one for pages of trees, so
/// that a tenant's file can never pass for a page.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct IdKey {
    chunk: [u8; 32],
    page: [u8; 32],
}

impl IdKey {
    /// Takes the chunk id key and the page id key of a repository.
    pub const fn new(chunk: [u8; 32], page: [u8; 32]) -> Self {
        Self { chunk, page }
    }

    /// Id of a chunk of a file.
    pub fn chunk_id(&self, plaintext: &[u8]) -> ChunkId {
        ChunkId(*blake3::keyed_hash(&self.chunk, plaintext).as_bytes())
    }

    /// Id of a page of a tree.
    pub fn page_id(&self, plaintext: &[u8]) -> ChunkId {
        ChunkId(*blake3::keyed_hash(&self.page, plaintext).as_bytes())
    }
}
