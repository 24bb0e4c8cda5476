//! Blocks that are made anew.

use orlop_chunker::ChunkId;

use crate::keys::{BlockOptions, Keyring, SealedBlock};
use crate::seal::{BlockKind, Compression, SealError};

/// Plaintext of a block that is made anew, in bytes; the next chunk may go beyond it.
const BLOCK_TARGET: usize = 1 << 20;
/// Tried first. Chunks that stand beside others than before compress less well: what lives in half of
/// a source tree's packs takes 6% more by zstd's fastest strategy, which wrote them, than at this level.
const FIRST: Compression = Compression::Zstd(3);
/// What was compressed harder than that is so again: backups compress the pages of databases at this
/// level (`THOROUGH` in the agent), and what is copied should not grow.
const HARDER: Compression = Compression::Zstd(6);
/// What takes more than this part again of what it took before was compressed harder: pages of
/// databases take a fifth more at the first level.
const LOOSER: u64 = 10;

/// What lives of several blocks, gathered for a new one.
#[derive(Default)]
pub(super) struct Gathered {
    plain: Vec<u8>,
    chunks: Vec<(ChunkId, u32)>,
    /// Stored bytes that it took so far.
    stored: u64,
}

impl Gathered {
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.plain.len() >= BLOCK_TARGET
    }

    /// The chunks, in their order.
    pub(super) fn chunks(&self) -> &[(ChunkId, u32)] {
        &self.chunks
    }

    /// Adds a chunk out of a block of `of` plain and `stored` stored bytes.
    pub(super) fn push(&mut self, id: ChunkId, piece: &[u8], of: usize, stored: u64) {
        let part = u128::from(stored) * piece.len() as u128;
        let part = part.checked_div(of as u128).unwrap_or_default();
        self.stored = self
            .stored
            .saturating_add(u64::try_from(part).unwrap_or(u64::MAX));
        self.plain.extend_from_slice(piece);
        self.chunks
            .push((id, u32::try_from(piece.len()).unwrap_or(u32::MAX)));
    }

    /// Seals it, no looser than it was; it is opened again and compared. Fills the thread for
    /// some milliseconds.
    pub(super) fn seal(&self, keys: &Keyring, kind: BlockKind) -> Result<SealedBlock, SealError> {
        let seal = |compression| {
            let options = BlockOptions {
                compression,
                ..BlockOptions::default()
            };
            keys.seal_block(kind, &[&self.plain], options)
        };
        let sealed = seal(FIRST)?;
        if sealed.bytes.len() as u64 <= self.stored + self.stored / LOOSER {
            return Ok(sealed);
        }
        let harder = seal(HARDER)?;
        Ok(if harder.bytes.len() < sealed.bytes.len() {
            harder
        } else {
            sealed
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::format_object::tests::keyring;

    #[test]
    fn what_was_compressed_hard_is_so_again_and_nothing_else() {
        let keys = keyring(1);
        // Lines that are nearly alike, on which the levels differ by an eighth.
        let mut state = 1u64;
        let mut text = String::new();
        while text.len() < 500_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let drawn = state >> 33;
            let (row, table, kind) = (drawn % 5000, (drawn >> 13) % 17, (drawn >> 18) % 5);
            writeln!(text, "row {row} of table {table}, kind {kind}").unwrap();
        }
        let by = |compression| {
            let options = BlockOptions {
                compression,
                ..BlockOptions::default()
            };
            let parts: [&[u8]; 1] = [text.as_bytes()];
            let sealed = keys.seal_block(BlockKind::Data, &parts, options).unwrap();
            sealed.bytes.len() as u64
        };
        let (first, harder) = (by(FIRST), by(HARDER));
        assert!(first > harder + harder / LOOSER, "{harder}, {first}");
        for before in [first, harder] {
            let mut gathered = Gathered::default();
            for piece in text.as_bytes().chunks(10_000) {
                let id = keys.ids().chunk_id(piece);
                gathered.push(id, piece, text.len(), before);
            }
            let sealed = gathered.seal(&keys, BlockKind::Data).unwrap();
            assert_eq!(sealed.bytes.len() as u64, before);
        }
    }
}
