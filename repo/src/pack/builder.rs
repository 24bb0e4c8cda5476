//! Puts sealed blocks together into a pack.

use bytes::Bytes;
use orlop_chunker::ChunkId;

use crate::keys::Keyring;
use crate::model::{ObjectHash, PackName, Place};
use crate::seal::{BlockKind, ObjectKind, SealError, Suite};

use super::PackError;
use super::directory::PackDirectory;
use super::footer::Footer;
use super::limits::{
    BLOCK_OVERHEAD, END_MAGIC, ENVELOPE_OVERHEAD, HEADER_BYTES, HEADER_LEN, MAGIC, MAX_BLOCK_PLAIN,
    MAX_BLOCK_STORED, MAX_CHUNK_LEN, MAX_FOOTER_BODY, MAX_PACK_CHUNKS, TRAILER_LEN,
};
use super::padding::{PackEnd, padding};

/// Largest offset behind a block: places hold offsets in 32 bits.
const MAX_BLOCKS_END: u64 = u32::MAX as u64;

/// A pack that takes blocks.
///
/// Holds the blocks as they were given, without copies, and hashes each as it comes. The place
/// of a chunk is known as soon as its block is added.
pub struct PackBuilder {
    name: PackName,
    target: u64,
    hasher: blake3::Hasher,
    parts: Vec<Bytes>,
    /// Where the next block will stand.
    end: u64,
    footer: Footer,
    kind: BlockKind,
}

/// A pack that is ready to be stored.
pub struct FinishedPack {
    /// Name under which these bytes, and no others, may be stored.
    pub name: PackName,
    /// The kind of its blocks.
    pub kind: BlockKind,
    /// The bytes of the object, in order.
    pub parts: Vec<Bytes>,
    /// Their sum.
    pub len: u64,
    /// Hash of the object.
    pub hash: ObjectHash,
    /// What is in it.
    pub directory: PackDirectory,
}

impl PackBuilder {
    /// Starts a pack of blocks of one kind that is full at about `target` bytes.
    pub fn new(name: PackName, kind: BlockKind, suite: Suite, target: u32) -> Self {
        let header = header(kind, suite);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&header);
        Self {
            name,
            target: u64::from(target),
            hasher,
            parts: vec![Bytes::copy_from_slice(&header)],
            end: HEADER_LEN,
            footer: Footer {
                kind: kind.number(),
                body_hash: [0; 32],
                padding: 0,
                block_lens: Vec::new(),
                block_chunks: Vec::new(),
                prefixes: Vec::new(),
                chunk_lens: Vec::new(),
            },
            kind,
        }
    }

    /// The pack's name.
    pub fn name(&self) -> PackName {
        self.name
    }

    /// Whether no block was added yet. Such a pack is not worth storing.
    pub fn is_empty(&self) -> bool {
        self.footer.block_lens.is_empty()
    }

    /// Bytes of header and blocks so far; padding and footer come on top.
    pub fn stored_len(&self) -> u64 {
        self.end
    }

    /// Whether a block of `next_len` stored bytes should go into another pack. Never for the
    /// first block.
    pub fn is_full(&self, next_len: u32) -> bool {
        let chunks = self.footer.prefixes.len();
        !self.is_empty()
            && (self.end + u64::from(next_len) > self.target || chunks >= MAX_PACK_CHUNKS / 2)
    }

    /// Adds a sealed block whose plaintext is `chunks`, in order, with their lengths; tells the
    /// places of the chunks in that order.
    ///
    /// # Errors
    ///
    /// [`PackError::Unfit`], with the pack unchanged, if the block is outside the bounds of the
    /// format or the pack is far beyond full.
    pub fn add_block(
        &mut self,
        sealed: Bytes,
        chunks: &[(ChunkId, u32)],
    ) -> Result<Vec<Place>, PackError> {
        let stored = self.check(sealed.len(), chunks)?;
        let block_offset = u32::try_from(self.end).map_err(|_| self.unfit("is beyond 4 GiB"))?;
        let mut places = Vec::with_capacity(chunks.len());
        let mut offset = 0;
        for &(id, len) in chunks {
            places.push(Place {
                pack: self.name,
                block_offset,
                block_len: stored,
                offset,
            });
            offset += len;
            self.footer.prefixes.push(id.prefix());
            self.footer.chunk_lens.push(len);
        }
        self.footer.block_lens.push(stored);
        // Not more than MAX_PACK_CHUNKS.
        self.footer
            .block_chunks
            .push(u32::try_from(chunks.len()).unwrap_or(u32::MAX));
        self.hasher.update(&sealed);
        self.parts.push(sealed);
        self.end += u64::from(stored);
        Ok(places)
    }

    /// Checks a block against the bounds; gives its stored length.
    fn check(&self, stored: usize, chunks: &[(ChunkId, u32)]) -> Result<u32, PackError> {
        let stored = u32::try_from(stored)
            .ok()
            .filter(|stored| (BLOCK_OVERHEAD..=MAX_BLOCK_STORED).contains(stored))
            .ok_or_else(|| self.unfit("is too short or too long"))?;
        if chunks
            .iter()
            .any(|&(_, len)| !(1..=MAX_CHUNK_LEN).contains(&len))
        {
            return Err(self.unfit("has a chunk that is empty or too long"));
        }
        let plain: u64 = chunks.iter().map(|&(_, len)| u64::from(len)).sum();
        if plain > u64::from(MAX_BLOCK_PLAIN) {
            return Err(self.unfit("has more plaintext than a block may"));
        }
        if self.footer.prefixes.len() + chunks.len() > MAX_PACK_CHUNKS {
            return Err(self.unfit("makes the pack hold too many chunks"));
        }
        if self.end + u64::from(stored) > MAX_BLOCKS_END {
            return Err(self.unfit("ends beyond 4 GiB"));
        }
        Ok(stored)
    }

    fn unfit(&self, what: &'static str) -> PackError {
        PackError::Unfit {
            pack: self.name,
            block: self.footer.block_lens.len(),
            what,
        }
    }

    /// Closes the pack: pads it, seals its footer and hashes it.
    pub fn finish(mut self, keyring: &Keyring, end: PackEnd) -> Result<FinishedPack, PackError> {
        let too_long = self.unfit("is the last of more than a footer can list");
        // With no padding its length takes one byte, which `padding` counts itself.
        let unpadded_body = self.footer.encode().len() as u64 - 1;
        if unpadded_body > MAX_FOOTER_BODY - 9 {
            return Err(too_long);
        }
        let unpadded = self.end + ENVELOPE_OVERHEAD + unpadded_body + TRAILER_LEN;
        let Some(padding) = padding(unpadded, end) else {
            return Err(too_long);
        };
        let Ok(padding_len) = usize::try_from(padding) else {
            return Err(too_long);
        };
        let seal = |source| PackError::Seal {
            pack: self.name,
            source,
        };
        let nonce = keyring.new_nonce().map_err(|source| seal(source.into()))?;
        let mut tail = vec![0; padding_len];
        // One generation for both, also if a newer one is started in between.
        let generation = keyring.current_generation();
        let Some(mut stream) = keyring.pad_stream(generation, &nonce) else {
            return Err(seal(SealError::Cipher {
                kind: ObjectKind::PackFooter(self.kind),
            }));
        };
        stream.fill(&mut tail);
        self.hasher.update(&tail);
        self.footer.padding = padding;
        self.footer.body_hash = *self.hasher.finalize().as_bytes();
        // Not compressed: the padding was counted for this length, and hashes do not compress.
        let footer = keyring
            .seal_object_with_nonce(
                (generation, nonce),
                ObjectKind::PackFooter(self.kind),
                &self.name.to_string(),
                &self.footer.encode(),
            )
            .map_err(seal)?;
        let footer_len = u32::try_from(footer.len()).map_err(|_| too_long)?;
        let hashed = tail.len();
        tail.extend_from_slice(&footer);
        tail.extend_from_slice(&footer_len.to_le_bytes());
        tail.extend_from_slice(END_MAGIC);
        self.hasher.update(tail.get(hashed..).unwrap_or_default());
        let hash = ObjectHash::from_bytes(*self.hasher.finalize().as_bytes());
        let len = self.end + tail.len() as u64;
        self.parts.push(tail.into());
        let directory = PackDirectory::check(
            self.name,
            self.kind,
            len,
            u64::from(footer_len),
            self.footer,
        )
        .map_err(|what| PackError::Footer {
            pack: self.name,
            what: what.to_owned(),
        })?;
        Ok(FinishedPack {
            name: self.name,
            kind: self.kind,
            parts: self.parts,
            len,
            hash,
            directory,
        })
    }
}

/// The first bytes of a pack.
pub(super) fn header(kind: BlockKind, suite: Suite) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let fields = MAGIC.iter().copied().chain([kind.number(), suite.number()]);
    for (byte, value) in header.iter_mut().zip(fields) {
        *byte = value;
    }
    header
}
