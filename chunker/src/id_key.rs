//! The keys that turn plaintext into ids.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ChunkId;

/// The two id keys of a repository: one for chunks of file data, one for tree pages.
///
/// They stay for the repository's life, else nothing deduplicates against older snapshots. Whoever
/// holds them can test whether a known file is in the repository, so they are as secret as the
/// data. Wiped on drop; boxed, so that moving the value leaves no copy behind.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct IdKey {
    chunk: Box<[u8; 32]>,
    page: Box<[u8; 32]>,
}

impl IdKey {
    /// Takes the key for chunks and the key for tree pages, which must differ.
    ///
    /// Both are derived from the root key under contexts of their own; the caller wipes its copies.
    pub fn new(mut chunk: [u8; 32], mut page: [u8; 32]) -> Self {
        let key = Self {
            chunk: Box::new(chunk),
            page: Box::new(page),
        };
        chunk.zeroize();
        page.zeroize();
        key
    }

    /// Names a chunk of file data by its plaintext: BLAKE3 keyed with the chunk key.
    pub fn chunk_id(&self, plaintext: &[u8]) -> ChunkId {
        ChunkId::from_bytes(*blake3::keyed_hash(&self.chunk, plaintext).as_bytes())
    }

    /// Names a tree page by its plaintext: BLAKE3 keyed with the page key.
    pub fn page_id(&self, plaintext: &[u8]) -> ChunkId {
        ChunkId::from_bytes(*blake3::keyed_hash(&self.page, plaintext).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_published_keyed_vectors() {
        // From https://github.com/BLAKE3-team/BLAKE3/blob/master/test_vectors/test_vectors.json:
        // `keyed_hash` of the empty input and of the single byte 0.
        let published = b"whats the Elvish word for friend";
        let key = IdKey::new(*published, [7; 32]);
        assert_eq!(
            key.chunk_id(b"").to_string(),
            "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"
        );
        assert_eq!(
            key.chunk_id(&[0]).to_string(),
            "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b"
        );
    }

    #[test]
    fn pages_and_chunks_never_share_an_id() {
        let key = IdKey::new([1; 32], [2; 32]);
        assert_ne!(key.chunk_id(b"same bytes"), key.page_id(b"same bytes"));
        assert_eq!(
            key.page_id(b"same bytes"),
            IdKey::new([2; 32], [1; 32]).chunk_id(b"same bytes")
        );
    }
}
