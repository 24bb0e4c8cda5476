//! Merges local files into one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::log::SegmentRef;
use crate::model::PackName;

use super::entry::{Entry, PackInfo};
use super::error::IndexError;
use super::file::{LocalFile, Rows, cache_error};
use super::file_writer::FileWriter;

/// Number of a pack whose entries are left out.
const GONE: u32 = u32::MAX;
/// Pages of all read buffers together: 16 MiB.
const BUFFER_PAGES: usize = 4096;

/// Merges files, newest first, into a new one in `dir` that still has a temporary name.
///
/// Entries of packs that are `gone` for ever, and entries that say the same, are left out. In
/// memory: read buffers, 4 bytes for each pack of each file, and what a writer takes.
pub(super) fn merge(
    dir: &Path,
    files: &[impl AsRef<LocalFile>],
    gone: impl Fn(PackName) -> bool,
) -> Result<NamedTempFile, IndexError> {
    let entries = files.iter().map(|file| file.as_ref().entries()).sum();
    let failed = || cache_error(dir, "write a file of it");
    let mut writer = FileWriter::create(dir, entries).map_err(failed())?;
    let buffer = (BUFFER_PAGES / files.len().max(1)).clamp(1, 64);
    let numbers = merge_packs(&mut writer, files, buffer, gone, dir)?;
    merge_entries(&mut writer, files, buffer, &numbers, dir)?;
    let mut segments: Vec<SegmentRef> = files
        .iter()
        .flat_map(|file| file.as_ref().segments())
        .copied()
        .collect();
    segments.sort_unstable();
    segments.dedup();
    writer.finish(segments).map_err(failed())
}

/// Writes all packs in the order of their names; gives the new numbers of each file's packs.
fn merge_packs(
    writer: &mut FileWriter,
    files: &[impl AsRef<LocalFile>],
    buffer: usize,
    gone: impl Fn(PackName) -> bool,
    dir: &Path,
) -> Result<Vec<Vec<u32>>, IndexError> {
    let mut sources: Vec<_> = files
        .iter()
        .map(|file| file.as_ref().pack_rows(buffer))
        .collect();
    let mut numbers: Vec<Vec<u32>> = files
        .iter()
        .map(|file| Vec::with_capacity(file.as_ref().packs() as usize))
        .collect();
    let mut heads = Heads::new(&mut sources, |pack: &PackInfo| pack.name)?;
    let mut last: Option<(PackName, u32)> = None;
    let mut next = 0;
    while let Some((source, pack)) = heads.pop(&mut sources)? {
        let number = match last {
            Some((name, number)) if name == pack.name => number,
            _ if gone(pack.name) => GONE,
            _ => {
                writer
                    .push_pack(&pack)
                    .map_err(cache_error(dir, "write a file of it"))?;
                next += 1;
                next - 1
            }
        };
        last = Some((pack.name, number));
        if let Some(numbers) = numbers.get_mut(source) {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

fn merge_entries(
    writer: &mut FileWriter,
    files: &[impl AsRef<LocalFile>],
    buffer: usize,
    numbers: &[Vec<u32>],
    dir: &Path,
) -> Result<(), IndexError> {
    let mut sources: Vec<_> = files
        .iter()
        .map(|file| file.as_ref().entry_rows(buffer))
        .collect();
    let mut heads = Heads::new(&mut sources, |entry: &Entry| entry.prefix)?;
    // Places of the current prefix: rarely more than one or two.
    let mut same: Vec<Entry> = Vec::new();
    while let Some((source, mut entry)) = heads.pop(&mut sources)? {
        let number = numbers
            .get(source)
            .and_then(|numbers| numbers.get(entry.pack as usize));
        entry.pack = number.copied().unwrap_or(GONE);
        if same
            .first()
            .is_some_and(|first: &Entry| first.prefix != entry.prefix)
        {
            same.clear();
        }
        if entry.pack == GONE || same.contains(&entry) {
            continue;
        }
        same.push(entry);
        writer
            .push(&entry)
            .map_err(cache_error(dir, "write a file of it"))?;
    }
    Ok(())
}

/// The next row of each source, by key and then by number of the source.
pub(super) struct Heads<T, K> {
    heap: BinaryHeap<Reverse<(K, usize)>>,
    rows: Vec<Option<T>>,
    key: fn(&T) -> K,
}

impl<T, K: Ord> Heads<T, K> {
    pub(super) fn new(sources: &mut [Rows<'_, T>], key: fn(&T) -> K) -> Result<Self, IndexError> {
        let mut heads = Self {
            heap: BinaryHeap::new(),
            rows: Vec::new(),
            key,
        };
        for number in 0..sources.len() {
            heads.rows.push(None);
            heads.refill(number, sources)?;
        }
        Ok(heads)
    }

    fn refill(&mut self, number: usize, sources: &mut [Rows<'_, T>]) -> Result<(), IndexError> {
        let next = sources
            .get_mut(number)
            .map(Rows::next_row)
            .transpose()?
            .flatten();
        if let Some(row) = &next {
            self.heap.push(Reverse(((self.key)(row), number)));
        }
        if let Some(head) = self.rows.get_mut(number) {
            *head = next;
        }
        Ok(())
    }

    pub(super) fn pop(
        &mut self,
        sources: &mut [Rows<'_, T>],
    ) -> Result<Option<(usize, T)>, IndexError> {
        let Some(Reverse((_, number))) = self.heap.pop() else {
            return Ok(None);
        };
        let row = self.rows.get_mut(number).and_then(Option::take);
        self.refill(number, sources)?;
        Ok(row.map(|row| (number, row)))
    }
}

/// Which files to merge, given their numbers of entries in ascending order: the smallest so many.
///
/// Afterwards every file is more than twice as large as all smaller ones together: there are few,
/// and an entry is written again only when the file that it is in has grown by half.
pub(super) fn tier(entries: &[u64]) -> usize {
    let mut sum = 0u64;
    let mut count = 0;
    for (index, &entries) in entries.iter().enumerate() {
        if index > 0 && entries <= sum.saturating_mul(2) {
            count = index + 1;
        }
        sum = sum.saturating_add(entries);
    }
    count
}

/// Makes one file of packs and entries in memory, with their numbers in `packs`.
pub(super) fn write_run(
    dir: &Path,
    packs: &[PackInfo],
    mut entries: Vec<Entry>,
    segments: Vec<SegmentRef>,
) -> Result<NamedTempFile, IndexError> {
    let failed = || cache_error(dir, "write a file of it");
    let mut order: Vec<u32> = (0..).zip(packs).map(|(number, _)| number).collect();
    let name = |number: u32| packs.get(number as usize).map(|pack| pack.name);
    order.sort_unstable_by_key(|&number| name(number));
    let mut writer = FileWriter::create(dir, entries.len() as u64).map_err(failed())?;
    let mut numbers = vec![GONE; packs.len()];
    let mut next = 0;
    let mut last = None;
    for old in order {
        let Some(pack) = packs.get(old as usize) else {
            continue;
        };
        if last != Some(pack.name) {
            writer.push_pack(pack).map_err(failed())?;
            next += 1;
            last = Some(pack.name);
        }
        if let Some(number) = numbers.get_mut(old as usize) {
            *number = next - 1;
        }
    }
    for entry in &mut entries {
        entry.pack = numbers.get(entry.pack as usize).copied().unwrap_or(GONE);
    }
    entries.sort_unstable();
    entries.dedup();
    for entry in &entries {
        writer.push(entry).map_err(failed())?;
    }
    writer.finish(segments).map_err(failed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_leave_files_of_growing_size() {
        assert_eq!(tier(&[]), 0);
        assert_eq!(tier(&[5]), 0);
        assert_eq!(tier(&[5, 5]), 2);
        assert_eq!(tier(&[1, 3, 100]), 0);
        assert_eq!(tier(&[1, 2, 100]), 2);
        assert_eq!(tier(&[1, 3, 8, 100]), 3);
        assert_eq!(tier(&[1; 100]), 100);
    }
}
