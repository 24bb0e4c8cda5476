//! Makes the bodies of index segments.

use crate::model::{ObjectHash, PackName};
use crate::pack::{ChunkPrefix, PackDirectory};

use super::entry::{Entry, Found, PackInfo};
use super::segment::{CHUNK_LEN, COUNTS_LEN, MAX_SEGMENT_CHUNKS, PACK_LEN, Segment, encode_pack};

/// Collects packs and their chunks into the bodies of as many segments as they need.
///
/// A pack's chunks stand in one segment. Holds 36 bytes for each chunk of the segment that is
/// being collected, and the bodies that are ready.
#[derive(Default)]
pub struct SegmentBuilder {
    packs: Vec<PackInfo>,
    entries: Vec<Entry>,
    ready: Vec<Vec<u8>>,
}

impl SegmentBuilder {
    /// An empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.packs.is_empty() && self.ready.is_empty()
    }

    /// Adds a whole pack; `hash` is that of its object.
    pub fn add_directory(&mut self, directory: &PackDirectory, hash: ObjectHash) {
        let chunks = directory.chunks().map(|chunk| {
            (
                chunk.prefix,
                Found {
                    place: chunk.place,
                    len: chunk.len,
                },
            )
        });
        self.add_pack(
            PackInfo::new(directory, hash),
            directory.chunk_count(),
            chunks,
        );
    }

    /// Adds those packs of another segment that `keep` names: what merging segments is.
    pub fn add_segment(&mut self, segment: &Segment, keep: impl Fn(PackName) -> bool) {
        let kept: Vec<bool> = segment.packs().iter().map(|pack| keep(pack.name)).collect();
        let is_kept = |entry: &Entry| kept.get(entry.pack as usize).copied().unwrap_or(false);
        self.make_room(segment.entries().filter(is_kept).count());
        let mut numbers = vec![None; segment.packs().len()];
        for ((number, pack), &kept) in numbers.iter_mut().zip(segment.packs()).zip(&kept) {
            if kept {
                *number = Some(self.number(*pack));
            }
        }
        self.entries.extend(segment.entries().filter_map(|entry| {
            let pack = numbers.get(entry.pack as usize).copied().flatten()?;
            Some(Entry { pack, ..entry })
        }));
    }

    /// Adds a pack with `count` chunks.
    pub(super) fn add_pack(
        &mut self,
        pack: PackInfo,
        count: usize,
        chunks: impl Iterator<Item = (ChunkPrefix, Found)>,
    ) {
        self.make_room(count);
        let pack = self.number(pack);
        self.entries
            .extend(chunks.map(|(prefix, Found { place, len })| Entry {
                prefix,
                pack,
                block_offset: place.block_offset,
                offset: place.offset,
                block_len: place.block_len,
                len,
            }));
    }

    /// Number of a pack that is now in the table. Not looked for in it: a pack that stands there
    /// twice costs 64 bytes.
    fn number(&mut self, pack: PackInfo) -> u32 {
        self.packs.push(pack);
        u32::try_from(self.packs.len() - 1).unwrap_or(u32::MAX)
    }

    /// Ends the current segment if `count` more chunks are too many for it.
    fn make_room(&mut self, count: usize) {
        if !self.entries.is_empty() && self.entries.len() + count > MAX_SEGMENT_CHUNKS {
            self.end_segment();
        }
    }

    fn end_segment(&mut self) {
        let packs = std::mem::take(&mut self.packs);
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable();
        entries.dedup();
        let mut body =
            Vec::with_capacity(COUNTS_LEN + PACK_LEN * packs.len() + CHUNK_LEN * entries.len());
        for count in [packs.len(), entries.len()] {
            // Both are bounded by what fits into one segment.
            body.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        }
        for pack in &packs {
            body.extend_from_slice(&encode_pack(pack));
        }
        for entry in &entries {
            body.extend_from_slice(&entry.prefix);
        }
        let columns: [fn(&Entry) -> u32; 5] = [
            |entry| entry.pack,
            |entry| entry.block_offset,
            |entry| entry.block_len,
            |entry| entry.offset,
            |entry| entry.len,
        ];
        for column in columns {
            for entry in &entries {
                body.extend_from_slice(&column(entry).to_le_bytes());
            }
        }
        self.ready.push(body);
    }

    /// The bodies, none if nothing was added; each is to be sealed under its own name.
    pub fn finish(mut self) -> Vec<Vec<u8>> {
        if !self.packs.is_empty() {
            self.end_segment();
        }
        self.ready
    }
}
