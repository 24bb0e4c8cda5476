//! The body of an index segment (`FORMAT.md` section 9), read where it lies.

use bytes::Bytes;

use crate::model::{ObjectHash, PackName, SessionId};
use crate::pack::{BLOCK_OVERHEAD, ChunkPrefix, MAX_BLOCK_PLAIN, MAX_BLOCK_STORED, MAX_CHUNK_LEN};
use crate::seal::BlockKind;

use super::entry::{Entry, Found, PackInfo};

/// Most chunks of a segment.
pub const MAX_SEGMENT_CHUNKS: usize = 1 << 20;
/// Length of the two counts.
pub(super) const COUNTS_LEN: usize = 8;
/// Length of a pack in the table of packs.
pub(super) const PACK_LEN: usize = 64;
/// Length of a chunk over all columns.
pub(super) const CHUNK_LEN: usize = 36;

/// An index segment whose every field was checked; entries are decoded when they are asked for.
#[derive(Clone, Debug)]
pub struct Segment {
    body: Bytes,
    packs: Vec<PackInfo>,
    chunks: usize,
    key_generation: Option<u32>,
}

/// The body of a segment is not what the format says: its writer erred, since it was authentic.
#[derive(Debug, thiserror::Error)]
#[error("no index segment: {what} at byte {offset}")]
pub struct SegmentError {
    /// Offset in the body.
    pub offset: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl Segment {
    /// Checks a body.
    ///
    /// Allocates only for the table of packs, which is as long as `body` says and has.
    pub fn parse(body: Bytes) -> Result<Self, SegmentError> {
        let wrong = |offset, what| SegmentError { offset, what };
        let packs = u32_at(&body, 0).ok_or(wrong(0, "it has no counts"))?;
        let chunks = u32_at(&body, 4).ok_or(wrong(4, "it has no counts"))?;
        if chunks as usize > MAX_SEGMENT_CHUNKS {
            return Err(wrong(4, "more chunks than a segment may have"));
        }
        // Both counts have 32 bits, so 64 bits hold the sum.
        let len = COUNTS_LEN as u64
            + u64::from(packs) * PACK_LEN as u64
            + u64::from(chunks) * CHUNK_LEN as u64;
        if len != body.len() as u64 {
            return Err(wrong(0, "counts that differ from its length"));
        }
        let table = body
            .get(COUNTS_LEN..)
            .unwrap_or_default()
            .as_chunks::<PACK_LEN>()
            .0;
        let packs = table
            .iter()
            .take(packs as usize)
            .enumerate()
            .map(|(index, pack)| {
                decode_pack(pack)
                    .ok_or(wrong(COUNTS_LEN + index * PACK_LEN, "an unknown pack kind"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let segment = Self {
            body,
            packs,
            chunks: chunks as usize,
            key_generation: None,
        };
        segment.check_entries()?;
        Ok(segment)
    }

    /// Notes the generation of keys that it was sealed under.
    pub(super) fn sealed_under(mut self, key_generation: Option<u32>) -> Self {
        self.key_generation = key_generation;
        self
    }

    /// The generation of keys that it was sealed under; `None` if it was not read from a store.
    pub fn key_generation(&self) -> Option<u32> {
        self.key_generation
    }

    fn check_entries(&self) -> Result<(), SegmentError> {
        let mut last = [0; 16];
        for (index, entry) in self.entries().enumerate() {
            let wrong = |what| SegmentError {
                offset: self.columns() + 16 * index,
                what,
            };
            if entry.prefix < last {
                return Err(wrong("ids that are not ascending"));
            }
            last = entry.prefix;
            let Some(pack) = self.packs.get(entry.pack as usize) else {
                return Err(wrong("a chunk in a pack that is not listed"));
            };
            let end = u64::from(entry.block_offset) + u64::from(entry.block_len);
            if !(BLOCK_OVERHEAD..=MAX_BLOCK_STORED).contains(&entry.block_len) || end > pack.len {
                return Err(wrong("a chunk in a block that is not inside its pack"));
            }
            let end = u64::from(entry.offset) + u64::from(entry.len);
            if !(1..=MAX_CHUNK_LEN).contains(&entry.len) || end > u64::from(MAX_BLOCK_PLAIN) {
                return Err(wrong("a chunk that is not inside its block"));
            }
        }
        Ok(())
    }

    /// The packs that its chunks stand in.
    pub fn packs(&self) -> &[PackInfo] {
        &self.packs
    }

    /// Number of its chunks.
    pub fn chunk_count(&self) -> usize {
        self.chunks
    }

    /// All chunks, by ascending prefix.
    pub fn chunks(&self) -> impl Iterator<Item = (ChunkPrefix, Found)> + '_ {
        self.entries().filter_map(|entry| {
            let pack = self.packs.get(entry.pack as usize)?;
            Some((entry.prefix, entry.found(pack.name)))
        })
    }

    /// All places of one chunk.
    pub fn lookup(&self, prefix: &ChunkPrefix) -> impl Iterator<Item = Found> + '_ {
        let (prefix, prefixes) = (*prefix, self.prefixes());
        let first = prefixes.partition_point(|other| *other < prefix);
        (first..self.chunks)
            .map_while(move |index| self.entry(index).filter(|entry| entry.prefix == prefix))
            .filter_map(|entry| Some(entry.found(self.packs.get(entry.pack as usize)?.name)))
    }

    /// All entries, by ascending prefix.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.chunks).filter_map(|index| self.entry(index))
    }

    /// Offset of the column of prefixes.
    fn columns(&self) -> usize {
        COUNTS_LEN + PACK_LEN * self.packs.len()
    }

    fn prefixes(&self) -> &[ChunkPrefix] {
        let start = self.columns();
        let column = self
            .body
            .get(start..start + 16 * self.chunks)
            .unwrap_or_default();
        column.as_chunks().0
    }

    fn entry(&self, index: usize) -> Option<Entry> {
        let prefix = *self.prefixes().get(index)?;
        let start = self.columns() + 16 * self.chunks;
        let column = |number| u32_at(&self.body, start + 4 * (number * self.chunks + index));
        Some(Entry {
            prefix,
            pack: column(0)?,
            block_offset: column(1)?,
            block_len: column(2)?,
            offset: column(3)?,
            len: column(4)?,
        })
    }
}

/// A little-endian integer at an offset.
fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|&bytes| u32::from_le_bytes(bytes))
}

/// One row of the table of packs.
pub(super) fn encode_pack(pack: &PackInfo) -> [u8; PACK_LEN] {
    let mut row = [0; PACK_LEN];
    let mut fields = row.as_mut_slice();
    let mut put = |bytes: &[u8]| {
        if let Some((field, rest)) = std::mem::take(&mut fields).split_at_mut_checked(bytes.len()) {
            field.copy_from_slice(bytes);
            fields = rest;
        }
    };
    put(pack.name.session.as_bytes());
    put(&pack.name.number.to_le_bytes());
    put(&[pack.kind.number(), 0, 0, 0]);
    put(&pack.len.to_le_bytes());
    put(pack.hash.as_bytes());
    row
}

/// Reads one row of the table of packs; `None` if the kind is unknown or a zero is none.
pub(super) fn decode_pack(row: &[u8; PACK_LEN]) -> Option<PackInfo> {
    let (session, rest) = row.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (&[kind, 0, 0, 0], rest) = rest.split_first_chunk()? else {
        return None;
    };
    let (len, hash) = rest.split_first_chunk()?;
    Some(PackInfo {
        name: PackName {
            session: SessionId::from_bytes(*session),
            number: u32::from_le_bytes(*number),
        },
        kind: BlockKind::from_number(kind)?,
        len: u64::from_le_bytes(*len),
        hash: ObjectHash::from_slice(hash)?,
    })
}
