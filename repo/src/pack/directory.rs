//! What a pack holds and where, from its footer.

use crate::model::{PackName, Place};
use crate::seal::BlockKind;

use super::ChunkPrefix;
use super::footer::Footer;
use super::limits::{
    BLOCK_OVERHEAD, HEADER_LEN, MAX_BLOCK_PLAIN, MAX_BLOCK_STORED, MAX_CHUNK_LEN, TRAILER_LEN,
};

/// Blocks and chunks of one pack, with their places; all of them within the pack's bounds.
///
/// Some 20 bytes for each chunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackDirectory {
    name: PackName,
    kind: BlockKind,
    len: u64,
    pub(super) footer: Footer,
}

/// A block as its pack lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackedBlock {
    /// Offset in the pack, in bytes.
    pub offset: u32,
    /// Stored length in bytes.
    pub len: u32,
    /// Number of its chunks.
    pub chunks: u32,
}

/// A chunk or page as its pack lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackedChunk {
    /// First half of its id.
    pub prefix: ChunkPrefix,
    /// Length of its plaintext in bytes, 1 to 1 MiB.
    pub len: u32,
    /// Where it stands.
    pub place: Place,
}

impl PackDirectory {
    /// Checks a footer against the format and against the length of its object.
    ///
    /// `envelope_len` is the stored length of the footer. The error is what is wrong, as the end
    /// of a sentence.
    pub(super) fn check(
        name: PackName,
        kind: BlockKind,
        len: u64,
        envelope_len: u64,
        footer: Footer,
    ) -> Result<Self, &'static str> {
        if footer.kind != kind.number() {
            return Err("the kind differs from that of the header");
        }
        if footer.block_lens.len() != footer.block_chunks.len() {
            return Err("there are not as many block lengths as counts of chunks");
        }
        if footer.prefixes.len() != footer.chunk_lens.len() {
            return Err("there are not as many chunk lengths as ids");
        }
        let mut end = HEADER_LEN;
        let mut chunk_lens = footer.chunk_lens.iter();
        for (&stored, &chunks) in footer.block_lens.iter().zip(&footer.block_chunks) {
            if !(BLOCK_OVERHEAD..=MAX_BLOCK_STORED).contains(&stored) {
                return Err("a block is too short or too long");
            }
            end += u64::from(stored);
            let mut plain = 0;
            for _ in 0..chunks {
                let Some(&chunk) = chunk_lens.next() else {
                    return Err("the blocks have more chunks than there are");
                };
                if !(1..=MAX_CHUNK_LEN).contains(&chunk) {
                    return Err("a chunk is empty or too long");
                }
                plain += chunk;
                if plain > MAX_BLOCK_PLAIN {
                    return Err("the chunks of a block are longer than a block may be");
                }
            }
        }
        if chunk_lens.next().is_some() {
            return Err("the blocks have fewer chunks than there are");
        }
        if end > u64::from(u32::MAX) {
            return Err("the blocks take more than 4 GiB");
        }
        let sum = end
            .checked_add(footer.padding)
            .and_then(|sum| sum.checked_add(envelope_len)?.checked_add(TRAILER_LEN));
        if sum != Some(len) {
            return Err("the lengths of blocks, padding and footer are not that of the object");
        }
        Ok(Self {
            name,
            kind,
            len,
            footer,
        })
    }

    /// The pack.
    pub fn name(&self) -> PackName {
        self.name
    }

    /// The kind of its blocks.
    pub fn kind(&self) -> BlockKind {
        self.kind
    }

    /// Length of the object in bytes.
    #[expect(
        clippy::len_without_is_empty,
        reason = "the length of an object, never 0"
    )]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Hash of everything before the footer.
    pub fn body_hash(&self) -> &[u8; 32] {
        &self.footer.body_hash
    }

    /// Bytes of padding between the last block and the footer.
    pub fn padding(&self) -> u64 {
        self.footer.padding
    }

    /// Number of blocks.
    pub fn block_count(&self) -> usize {
        self.footer.block_lens.len()
    }

    /// Number of chunks of all blocks.
    pub fn chunk_count(&self) -> usize {
        self.footer.prefixes.len()
    }

    /// The blocks in their order in the pack.
    pub fn blocks(&self) -> impl Iterator<Item = PackedBlock> + '_ {
        let mut next = HEADER_OFFSET;
        self.footer
            .block_lens
            .iter()
            .zip(&self.footer.block_chunks)
            .map(move |(&len, &chunks)| {
                let offset = next;
                next += len;
                PackedBlock {
                    offset,
                    len,
                    chunks,
                }
            })
    }

    /// The chunks in their order in the pack.
    pub fn chunks(&self) -> impl Iterator<Item = PackedChunk> + '_ {
        let mut listed = self.footer.prefixes.iter().zip(&self.footer.chunk_lens);
        let pack = self.name;
        self.blocks().flat_map(move |block| {
            let mut offset = 0;
            // Not lazily: the next block must find the chunks of this one taken.
            let chunks: Vec<_> = listed
                .by_ref()
                .take(block.chunks as usize)
                .map(|(&prefix, &len)| {
                    let place = Place {
                        pack,
                        block_offset: block.offset,
                        block_len: block.len,
                        offset,
                    };
                    offset += len;
                    PackedChunk { prefix, len, place }
                })
                .collect();
            chunks
        })
    }
}

/// Offset of the first block.
const HEADER_OFFSET: u32 = 16;
