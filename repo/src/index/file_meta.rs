//! What a local file keeps beside its pages, and what is in memory while it is open.

use crate::log::SegmentRef;
use crate::model::{ObjectHash, SessionId};

use super::page::{PACKS, PAGE_LEN, ROWS};

/// First and last bytes; the digit changes with the layout, and then old files are not found.
pub(super) const MAGIC: &[u8; 8] = b"orlpidx1";
/// Trailer: lengths of pages, meta and filter (u64 each), hashes of meta and filter, magic.
pub(super) const TRAILER_LEN: usize = 3 * 8 + 2 * 32 + 8;
/// Length of a segment in the meta part.
const SEGMENT_LEN: usize = 16 + 4 + 8 + 32;

/// Everything about a local file but its pages and filter.
///
/// 16 bytes for a page of 128 entries: 12.5 MB for 100 million.
pub(super) struct FileMeta {
    /// The segments whose entries are in the file, ascending.
    pub(super) segments: Vec<SegmentRef>,
    pub(super) packs: u32,
    pub(super) entries: u64,
    /// What each page is known by: first those of packs, then those of entries.
    pub(super) checks: Vec<u64>,
    /// Where each page of entries begins.
    pub(super) fences: Vec<u64>,
    /// Leading bits that number the partitions of the filter, and their lengths.
    pub(super) filter_bits: u32,
    pub(super) filter_lens: Vec<u32>,
}

impl FileMeta {
    /// Pages of packs.
    pub(super) fn pack_pages(&self) -> u64 {
        u64::from(self.packs).div_ceil(PACKS as u64)
    }

    /// Pages of entries.
    pub(super) fn entry_pages(&self) -> u64 {
        self.entries.div_ceil(ROWS as u64)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 16 * self.checks.len());
        out.extend(self.packs.to_le_bytes());
        out.extend(self.filter_bits.to_le_bytes());
        out.extend(self.entries.to_le_bytes());
        out.extend((self.segments.len() as u64).to_le_bytes());
        for segment in &self.segments {
            out.extend(segment.session.as_bytes());
            out.extend(segment.number.to_le_bytes());
            out.extend(segment.len.to_le_bytes());
            out.extend(segment.hash.as_bytes());
        }
        for value in self.checks.iter().chain(&self.fences) {
            out.extend(value.to_le_bytes());
        }
        for len in &self.filter_lens {
            out.extend(len.to_le_bytes());
        }
        out
    }

    /// Reads what [`encode`](Self::encode) made, for a file with pages of `pages_len` bytes.
    pub(super) fn decode(bytes: &[u8], pages_len: u64) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        let packs = u32::from_le_bytes(cursor.take()?);
        let filter_bits = u32::from_le_bytes(cursor.take()?);
        let entries = u64::from_le_bytes(cursor.take()?);
        let count = u64::from_le_bytes(cursor.take()?);
        if count > (cursor.0.len() / SEGMENT_LEN) as u64 || filter_bits > 20 {
            return None;
        }
        let mut segments = Vec::new();
        for _ in 0..count {
            segments.push(SegmentRef {
                session: SessionId::from_bytes(cursor.take()?),
                number: u32::from_le_bytes(cursor.take()?),
                len: u64::from_le_bytes(cursor.take()?),
                hash: ObjectHash::from_bytes(cursor.take()?),
            });
        }
        let mut meta = Self {
            segments,
            packs,
            entries,
            checks: Vec::new(),
            fences: Vec::new(),
            filter_bits,
            filter_lens: Vec::new(),
        };
        let pages = meta.pack_pages() + meta.entry_pages();
        if pages.checked_mul(PAGE_LEN as u64) != Some(pages_len) {
            return None;
        }
        meta.checks = cursor.column(pages, u64::from_le_bytes)?;
        meta.fences = cursor.column(meta.entry_pages(), u64::from_le_bytes)?;
        meta.filter_lens = cursor.column(1 << filter_bits, u32::from_le_bytes)?;
        cursor.0.is_empty().then_some(meta)
    }
}

/// Reads fields one after the other.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn column<const N: usize, T>(&mut self, count: u64, read: fn([u8; N]) -> T) -> Option<Vec<T>> {
        let len = usize::try_from(count).ok()?.checked_mul(N)?;
        let (column, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(
            column
                .as_chunks()
                .0
                .iter()
                .map(|&bytes| read(bytes))
                .collect(),
        )
    }
}
