//! Opening a block and verifying every chunk of it.

use std::ops::Range;

use bytes::Bytes;
use orlop_chunker::ChunkId;

use crate::explain::explain;
use crate::index::Found;
use crate::keys::Keyring;
use crate::maintain::living::InPack;
use crate::maintain::verify::id_of;
use crate::pack::PackedChunk;
use crate::seal::{BlockKind, block_generation};

/// A block that is to be taken over.
pub(super) struct Block<'a> {
    pub(super) kind: BlockKind,
    pub(super) sealed: Bytes,
    pub(super) chunks: &'a [PackedChunk],
    /// As it is, with what is dead in it.
    pub(super) whole: bool,
}

/// A block that opened, and of which every chunk is what it should be.
pub(super) enum Verified {
    /// It goes over as it is.
    Whole {
        sealed: Bytes,
        chunks: Vec<(ChunkId, u32)>,
    },
    /// What lives in it does.
    Living {
        lives: Vec<(ChunkId, Bytes)>,
        /// Plain bytes of the whole.
        plain: usize,
        /// Stored bytes of the whole.
        stored: u64,
    },
}

/// Verifies a block; or says what is damaged. Fills the thread for some milliseconds.
pub(super) fn verify(
    keys: &Keyring,
    block: &Block<'_>,
    living: &InPack,
) -> Result<Verified, String> {
    let plain = keys
        .open_block(block.kind, &block.sealed)
        .map_err(|error| explain(&error))?;
    let plain = Bytes::from(plain);
    let mut all = Vec::with_capacity(block.chunks.len());
    let mut lives = Vec::new();
    for chunk in block.chunks {
        let found = Found {
            place: chunk.place,
            len: chunk.len,
        };
        let id = id_of(keys, block.kind, &plain, &found);
        let piece = range(chunk).filter(|range| plain.get(range.clone()).is_some());
        let (Some(id), Some(piece)) = (id.filter(|id| id.prefix() == chunk.prefix), piece) else {
            let chunk = hex::encode(chunk.prefix);
            return Err(format!("chunk {chunk} is not where it should be"));
        };
        let known = living.get(&(chunk.place.block_offset, chunk.place.offset));
        if known.is_some_and(|known| *known != (chunk.prefix, chunk.len)) {
            return Err("its directory does not list what the index lists".to_owned());
        }
        all.push((id, chunk.len));
        if known.is_some() {
            lives.push((id, plain.slice(piece)));
        }
    }
    let in_force = Some(keys.current_generation());
    if block.whole && block_generation(&block.sealed) == in_force {
        return Ok(Verified::Whole {
            sealed: block.sealed.clone(),
            chunks: all,
        });
    }
    Ok(Verified::Living {
        lives,
        plain: plain.len(),
        stored: block.sealed.len() as u64,
    })
}

/// Where a chunk stands in the plaintext of its block.
fn range(chunk: &PackedChunk) -> Option<Range<usize>> {
    let start = usize::try_from(chunk.place.offset).ok()?;
    Some(start..start.checked_add(usize::try_from(chunk.len).ok()?)?)
}
