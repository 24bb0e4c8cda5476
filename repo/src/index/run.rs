//! Entries of several segments in memory, on their way into one local file.

use std::path::Path;

use tempfile::NamedTempFile;

use crate::log::SegmentRef;

use super::entry::{Entry, PackInfo};
use super::error::IndexError;
use super::merge::write_run;
use super::page::ROW_LEN;
use super::segment::{PACK_LEN, Segment};

/// Entries that are sorted in memory: 36 MiB.
const RUN_ENTRIES: usize = 1 << 20;

/// Entries of several segments.
#[derive(Default)]
pub(super) struct Run {
    segments: Vec<SegmentRef>,
    packs: Vec<PackInfo>,
    entries: Vec<Entry>,
}

impl Run {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether `more` entries are too many.
    pub(super) fn is_full(&self, more: usize) -> bool {
        self.entries.len() + more > RUN_ENTRIES
    }

    /// About the length of the file with `more` entries.
    pub(super) fn disk_len(&self, more: usize) -> u64 {
        // Rows, their filter, and what finds their page.
        let entries = (self.entries.len() + more) * (ROW_LEN + 2);
        (entries + self.packs.len() * PACK_LEN) as u64 + (64 << 10)
    }

    pub(super) fn add(&mut self, reference: SegmentRef, segment: &Segment) {
        // A segment has at most 2^20 chunks, so fewer packs than 2^32 come together.
        let first = u32::try_from(self.packs.len()).unwrap_or(u32::MAX);
        self.segments.push(reference);
        self.packs.extend_from_slice(segment.packs());
        self.entries.extend(segment.entries().map(|entry| Entry {
            pack: entry.pack.saturating_add(first),
            ..entry
        }));
    }

    /// Writes the file, still under a temporary name; gives its segments, ascending.
    pub(super) fn write(
        mut self,
        dir: &Path,
    ) -> Result<(NamedTempFile, Vec<SegmentRef>), IndexError> {
        self.segments.sort_unstable();
        self.segments.dedup();
        let file = write_run(dir, &self.packs, self.entries, self.segments.clone())?;
        Ok((file, self.segments))
    }
}
