//! What is copied together, and how.

use bytes::Bytes;

use super::block::Block;
use crate::maintain::choose::exceeds;
use crate::maintain::living::{InPack, Living};
use crate::maintain::mark::Mark;
use crate::model::PackName;
use crate::pack::{PackDirectory, PackedBlock, PackedChunk};
use crate::seal::BlockKind;

/// Blocks that stand next to each other are read in one request up to this many bytes.
pub(super) const RUN: u64 = 8 << 20;
/// And up to this many plain bytes: a block that compresses well has few stored ones.
pub(super) const PLAIN: u64 = 16 << 20;
/// And with less than this between them.
const GAP: u64 = 128 << 10;
/// Chunks of packs that are copied together: some 30 MiB of memory.
const MAX_CHUNKS: u64 = 500_000;
/// Packs that one `Relocate` names as old.
const MAX_OLD: usize = 1_000;

/// Divides packs so that what lives in those of one part fits into memory.
pub(in crate::maintain) fn parts(mark: &Mark, chosen: &[PackName]) -> Vec<Vec<PackName>> {
    let mut parts = Vec::new();
    let mut part: Vec<PackName> = Vec::new();
    let mut chunks = 0;
    for &pack in chosen {
        let more = mark.usage(pack).map_or(0, |usage| usage.chunks);
        if !part.is_empty() && (chunks + more > MAX_CHUNKS || part.len() >= MAX_OLD) {
            parts.push(std::mem::take(&mut part));
            chunks = 0;
        }
        chunks += more;
        part.push(pack);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Which share of a block may be dead if it is copied as it is.
///
/// Half of it; unless then more than `max_unused` of all would stay dead for ever.
pub(in crate::maintain) fn block_share(
    living: &Living,
    directories: &[PackDirectory],
    max_unused: f64,
) -> f64 {
    const HALF: f64 = 0.5;
    let (mut kept, mut dead) = (0u64, 0u64);
    for directory in directories {
        let Some(living) = living.get(&directory.name()) else {
            continue;
        };
        for (_, chunks) in blocks(directory) {
            let (lives, all) = count(living, &chunks);
            if lives > 0 && !exceeds(all - lives, all, HALF) {
                kept += all;
                dead += all - lives;
            } else {
                kept += lives;
            }
        }
    }
    if exceeds(dead, kept, max_unused) {
        max_unused.min(HALF)
    } else {
        HALF
    }
}

/// Plain bytes of a block's chunks that live, and of all.
pub(super) fn count(living: &InPack, chunks: &[PackedChunk]) -> (u64, u64) {
    let lives =
        |chunk: &&PackedChunk| living.contains_key(&(chunk.place.block_offset, chunk.place.offset));
    let sum = |chunks: &mut dyn Iterator<Item = &PackedChunk>| {
        chunks.map(|chunk| u64::from(chunk.len)).sum()
    };
    (
        sum(&mut chunks.iter().filter(lives)),
        sum(&mut chunks.iter()),
    )
}

/// The blocks of a pack with their chunks.
pub(super) fn blocks(directory: &PackDirectory) -> Vec<(PackedBlock, Vec<PackedChunk>)> {
    let mut chunks = directory.chunks();
    directory
        .blocks()
        .map(|block| {
            let count = usize::try_from(block.chunks).unwrap_or(usize::MAX);
            (block, chunks.by_ref().take(count).collect())
        })
        .collect()
}

/// A block in which something lives.
pub(super) struct Wanted {
    pub(super) block: PackedBlock,
    pub(super) chunks: Vec<PackedChunk>,
    /// Plain bytes of the chunks that live.
    pub(super) lives: u64,
    /// And of all.
    pub(super) all: u64,
}

impl Wanted {
    /// Where it begins in its pack.
    pub(super) fn start(&self) -> u64 {
        u64::from(self.block.offset)
    }

    /// Where it ends.
    pub(super) fn end(&self) -> u64 {
        self.start() + u64::from(self.block.len)
    }

    /// It within bytes of its pack that begin at `start`; nothing if they end before.
    pub(super) fn in_run(
        &self,
        kind: BlockKind,
        bytes: &Bytes,
        start: u64,
        share: f64,
    ) -> Option<Block<'_>> {
        let from = usize::try_from(self.start().checked_sub(start)?).ok()?;
        let to = usize::try_from(self.end().checked_sub(start)?).ok()?;
        bytes.get(from..to)?;
        Some(Block {
            kind,
            sealed: bytes.slice(from..to),
            chunks: &self.chunks,
            whole: !exceeds(self.all - self.lives, self.all, share),
        })
    }
}

/// The longest run of blocks at the front that is read in one request, and what follows it.
pub(super) fn next_run(blocks: &[Wanted]) -> Option<(&[Wanted], &[Wanted])> {
    let first = blocks.first()?;
    let (mut end, mut plain) = (first.end(), first.all);
    let mut count = 1;
    for block in blocks.iter().skip(1) {
        plain = plain.saturating_add(block.all);
        let is_far = block.start().saturating_sub(end) > GAP;
        if is_far || block.end() - first.start() > RUN || plain > PLAIN {
            break;
        }
        end = block.end();
        count += 1;
    }
    blocks.split_at_checked(count)
}
