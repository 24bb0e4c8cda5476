//! An immutable local file of sorted entries.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::log::SegmentRef;
use crate::model::PackName;
use crate::pack::ChunkPrefix;

use super::entry::{Entry, Found, PackInfo};
use super::error::IndexError;
use super::file_meta::{FileMeta, MAGIC, TRAILER_LEN};
use super::filter::Filter;
use super::page::{self, PACKS, PAGE_LEN, ROWS};
use super::segment::decode_pack;

/// Packs whose names are remembered, since data repeats in order: some 200 KB.
const KNOWN_PACKS: usize = 4096;

/// An open local file. Look-ups read single pages and check each; they may run concurrently.
///
/// Pages are read, not mapped: the pages of a mapping count as memory of the process, so that
/// random hits on a large index would look like a leak, and a disk that fails would kill it.
pub(super) struct LocalFile {
    path: PathBuf,
    file: File,
    len: u64,
    meta: FileMeta,
    filter: Option<Filter>,
    known_packs: Mutex<HashMap<u32, PackName>>,
    damaged: AtomicBool,
}

impl LocalFile {
    /// Opens a file: reads and checks all but its pages.
    ///
    /// Without `filter` look-ups read a page each: it is meant for merging.
    pub(super) fn open(path: &Path, filter: bool) -> Result<Self, IndexError> {
        let file = File::open(path).map_err(cache_error(path, "open it"))?;
        Self::new(path, file, filter)
    }

    /// Opens the same file again, now with its filter, even if nobody can find it any more.
    pub(super) fn with_filter(&self) -> Result<Self, IndexError> {
        let file = self
            .file
            .try_clone()
            .map_err(cache_error(&self.path, "open it"))?;
        Self::new(&self.path, file, true)
    }

    /// Takes an open file that is, or will be, at `path`.
    pub(super) fn new(path: &Path, file: File, filter: bool) -> Result<Self, IndexError> {
        let damaged = |what| IndexError::CacheDamaged {
            path: path.to_owned(),
            what,
        };
        let read = |offset, len: u64| {
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
            let read = file.read_exact_at(&mut bytes, offset);
            read.map(|()| bytes).map_err(cache_error(path, "read it"))
        };
        let len = file
            .metadata()
            .map_err(cache_error(path, "ask for its length"))?
            .len();
        let start = len
            .checked_sub(TRAILER_LEN as u64)
            .ok_or_else(|| damaged("it is cut off"))?;
        let trailer = read(start, TRAILER_LEN as u64)?;
        let Some((lens, [meta_hash, filter_hash])) = split_trailer(&trailer) else {
            return Err(damaged("its last bytes are not those of an index"));
        };
        let [pages_len, meta_len, filter_len] = lens;
        let sum = pages_len
            .checked_add(meta_len)
            .and_then(|sum| sum.checked_add(filter_len));
        if sum != Some(start) {
            return Err(damaged("its parts are not as long as it is"));
        }
        // Not longer than the file.
        let bytes = read(pages_len, meta_len)?;
        if blake3::hash(&bytes) != meta_hash {
            return Err(damaged("its tables are not those that were written"));
        }
        let meta =
            FileMeta::decode(&bytes, pages_len).ok_or_else(|| damaged("its tables are wrong"))?;
        drop(bytes);
        let filter = if filter {
            let bytes = read(pages_len + meta_len, filter_len)?;
            if blake3::hash(&bytes) != filter_hash {
                return Err(damaged("its filter is not the one that was written"));
            }
            let filter = Filter::new(meta.filter_bits, &meta.filter_lens, bytes);
            Some(filter.ok_or_else(|| damaged("its filter is wrong"))?)
        } else {
            None
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            len,
            meta,
            filter,
            known_packs: Mutex::default(),
            damaged: AtomicBool::new(false),
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The segments whose entries it holds, ascending.
    pub(super) fn segments(&self) -> &[SegmentRef] {
        &self.meta.segments
    }

    /// Number of entries.
    pub(super) fn entries(&self) -> u64 {
        self.meta.entries
    }

    /// Number of packs.
    pub(super) fn packs(&self) -> u32 {
        self.meta.packs
    }

    /// Bytes of memory that it takes while it is open.
    pub(super) fn memory(&self) -> usize {
        8 * (self.meta.checks.len() + self.meta.fences.len())
            + self.meta.segments.len() * size_of::<SegmentRef>()
            + self.filter.as_ref().map_or(0, Filter::memory)
    }

    /// Whether a page was found to be wrong.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Has the next synchronisation make the file anew.
    pub(super) fn set_damaged(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    /// Gives every place of a chunk to `found`, which stops by `false`.
    pub(super) fn lookup(
        &self,
        prefix: &ChunkPrefix,
        mut found: impl FnMut(Found) -> bool,
    ) -> Result<(), IndexError> {
        if self
            .filter
            .as_ref()
            .is_some_and(|filter| !filter.may_contain(prefix))
        {
            return Ok(());
        }
        let fence = page::fence(prefix);
        // Equal ids may begin in the page before the first one that begins with them.
        let first = self
            .meta
            .fences
            .partition_point(|&first| first < fence)
            .saturating_sub(1);
        let mut bytes = [0; PAGE_LEN];
        for (number, &begin) in self.meta.fences.iter().enumerate().skip(first) {
            if begin > fence {
                break;
            }
            self.read_pages(self.meta.pack_pages() + number as u64, &mut bytes)?;
            let rows = self.meta.entries.saturating_sub((number * ROWS) as u64);
            let rows = usize::try_from(rows).unwrap_or(ROWS).min(ROWS);
            let (rows, _) = bytes.as_chunks().0.split_at(rows);
            let start = rows.partition_point(|row| page::decode(row).prefix < *prefix);
            for row in rows.iter().skip(start) {
                let entry = page::decode(row);
                if entry.prefix != *prefix || !found(entry.found(self.pack_name(entry.pack)?)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn pack_name(&self, number: u32) -> Result<PackName, IndexError> {
        if let Some(&name) = self.known_packs.lock().get(&number) {
            return Ok(name);
        }
        let mut bytes = [0; PAGE_LEN];
        self.read_pages(u64::from(number) / PACKS as u64, &mut bytes)?;
        let name = bytes
            .as_chunks()
            .0
            .get(number as usize % PACKS)
            .filter(|_| number < self.meta.packs)
            .and_then(decode_pack)
            .ok_or_else(|| self.damage("an entry names a pack that is not listed"))?
            .name;
        let mut known = self.known_packs.lock();
        if known.len() >= KNOWN_PACKS {
            known.clear();
        }
        known.insert(number, name);
        Ok(name)
    }

    /// Reads and checks whole pages from page `first` on.
    fn read_pages(&self, first: u64, bytes: &mut [u8]) -> Result<(), IndexError> {
        self.file
            .read_exact_at(bytes, first * PAGE_LEN as u64)
            .map_err(|source| {
                self.damaged.store(true, Ordering::Relaxed);
                IndexError::Cache {
                    path: self.path.clone(),
                    what: "read a page",
                    source,
                }
            })?;
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let checks = self.meta.checks.get(first..).unwrap_or_default();
        let (pages, _) = bytes.as_chunks::<PAGE_LEN>();
        if checks.len() < pages.len() || pages.iter().zip(checks).any(|(p, &c)| page::check(p) != c)
        {
            return Err(self.damage("a page is not what was written"));
        }
        Ok(())
    }

    pub(super) fn damage(&self, what: &'static str) -> IndexError {
        self.set_damaged();
        IndexError::CacheDamaged {
            path: self.path.clone(),
            what,
        }
    }

    /// Reads all packs, in the order of their names, with a buffer of so many pages.
    pub(super) fn pack_rows(&self, buffer: usize) -> Rows<'_, PackInfo> {
        let decode = |row: &[u8]| row.first_chunk().and_then(decode_pack);
        Rows::new(self, 0, u64::from(self.meta.packs), PACKS, buffer, decode)
    }

    /// Reads all entries, in their order, with a buffer of so many pages.
    pub(super) fn entry_rows(&self, buffer: usize) -> Rows<'_, Entry> {
        let decode = |row: &[u8]| row.first_chunk().map(page::decode);
        Rows::new(
            self,
            self.meta.pack_pages(),
            self.meta.entries,
            ROWS,
            buffer,
            decode,
        )
    }
}

/// Cuts a trailer into three lengths and two hashes.
fn split_trailer(trailer: &[u8]) -> Option<([u64; 3], [blake3::Hash; 2])> {
    let (lens, hashes) = trailer.strip_suffix(MAGIC)?.split_at_checked(3 * 8)?;
    let lens: [[u8; 8]; 3] = lens.as_chunks().0.try_into().ok()?;
    let hashes: [[u8; 32]; 2] = hashes.as_chunks().0.try_into().ok()?;
    Some((
        lens.map(u64::from_le_bytes),
        hashes.map(blake3::Hash::from_bytes),
    ))
}

/// Rows of a file, one after the other.
pub(super) struct Rows<'a, T> {
    file: &'a LocalFile,
    next_page: u64,
    left: u64,
    per_page: usize,
    buffer: Vec<u8>,
    /// Row in the buffer that comes next.
    at: usize,
    pages: usize,
    decode: fn(&[u8]) -> Option<T>,
}

impl<'a, T> Rows<'a, T> {
    fn new(
        file: &'a LocalFile,
        next_page: u64,
        left: u64,
        per_page: usize,
        pages: usize,
        decode: fn(&[u8]) -> Option<T>,
    ) -> Self {
        Self {
            file,
            next_page,
            left,
            per_page,
            buffer: Vec::new(),
            at: 0,
            pages,
            decode,
        }
    }

    /// The next row; `None` behind the last.
    pub(super) fn next_row(&mut self) -> Result<Option<T>, IndexError> {
        if self.left == 0 {
            return Ok(None);
        }
        let row_len = PAGE_LEN / self.per_page;
        if self.at * row_len >= self.buffer.len() {
            let pages = self
                .left
                .div_ceil(self.per_page as u64)
                .min(self.pages as u64);
            self.buffer
                .resize(usize::try_from(pages).unwrap_or(1) * PAGE_LEN, 0);
            self.file.read_pages(self.next_page, &mut self.buffer)?;
            self.next_page += pages;
            self.at = 0;
        }
        let row = self.buffer.get(self.at * row_len..).and_then(self.decode);
        self.at += 1;
        self.left -= 1;
        row.map(Some)
            .ok_or_else(|| self.file.damage("a row is wrong"))
    }
}

/// Makes an I/O error one of the index.
pub(super) fn cache_error(path: &Path, what: &'static str) -> impl Fn(io::Error) -> IndexError {
    let path = path.to_owned();
    move |source| IndexError::Cache {
        path: path.clone(),
        what,
        source,
    }
}
