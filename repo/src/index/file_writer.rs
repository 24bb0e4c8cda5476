//! Writes a local file in one pass.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::log::SegmentRef;

use super::entry::{Entry, PackInfo};
use super::file_meta::{FileMeta, MAGIC};
use super::filter::FilterBuilder;
use super::page::{self, PAGE_LEN};
use super::segment::encode_pack;

/// Writes packs, then entries, then what finds them.
///
/// In memory: 16 bytes a page, one partition of the filter, and a buffer. The filter stands in a
/// second file until the end.
pub(super) struct FileWriter {
    file: BufWriter<NamedTempFile>,
    page: Vec<u8>,
    meta: FileMeta,
    filter: FilterBuilder,
    spool: Spool,
}

/// Partitions of the filter on their way to the end of the file.
struct Spool {
    file: BufWriter<File>,
    lens: Vec<u32>,
    len: u64,
}

impl Spool {
    fn add(&mut self, partition: &[u8]) -> io::Result<()> {
        // A partition has some 300 KB.
        self.lens
            .push(u32::try_from(partition.len()).map_err(io::Error::other)?);
        self.len += partition.len() as u64;
        self.file.write_all(partition)
    }
}

impl FileWriter {
    /// Starts a file in `dir` for about `entries` entries; nobody sees it before it is finished.
    pub(super) fn create(dir: &Path, entries: u64) -> io::Result<Self> {
        let file = tempfile::Builder::new()
            .prefix(super::cache::TEMP_PREFIX)
            .tempfile_in(dir)?;
        let filter = FilterBuilder::new(entries);
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, file),
            page: Vec::with_capacity(PAGE_LEN),
            meta: FileMeta {
                segments: Vec::new(),
                packs: 0,
                entries: 0,
                checks: Vec::new(),
                fences: Vec::new(),
                filter_bits: filter.bits(),
                filter_lens: Vec::new(),
            },
            filter,
            spool: Spool {
                file: BufWriter::with_capacity(1 << 16, tempfile::tempfile_in(dir)?),
                lens: Vec::new(),
                len: 0,
            },
        })
    }

    /// Adds a pack; its number is how many came before. All packs come before all entries.
    pub(super) fn push_pack(&mut self, pack: &PackInfo) -> io::Result<()> {
        self.meta.packs = self
            .meta
            .packs
            .checked_add(1)
            .ok_or_else(|| io::Error::other("more than 2^32 packs"))?;
        self.push_row(&encode_pack(pack))
    }

    /// Adds an entry, not below those before.
    pub(super) fn push(&mut self, entry: &Entry) -> io::Result<()> {
        if self.meta.entries == 0 {
            self.end_page()?;
        }
        self.meta.entries += 1;
        if self.page.is_empty() {
            self.meta.fences.push(page::fence(&entry.prefix));
        }
        let spool = &mut self.spool;
        self.filter
            .push(&entry.prefix, &mut |partition| spool.add(partition))?;
        self.push_row(&page::encode(entry))
    }

    fn push_row(&mut self, row: &[u8]) -> io::Result<()> {
        self.page.extend_from_slice(row);
        if self.page.len() >= PAGE_LEN {
            self.end_page()
        } else {
            Ok(())
        }
    }

    /// Writes the page if there is something in it.
    fn end_page(&mut self) -> io::Result<()> {
        if self.page.is_empty() {
            return Ok(());
        }
        self.page.resize(PAGE_LEN, 0);
        self.meta.checks.push(page::check(&self.page));
        self.file.write_all(&self.page)?;
        self.page.clear();
        Ok(())
    }

    /// Ends the file, which then holds the entries of `segments`. It still has a temporary name.
    pub(super) fn finish(mut self, segments: Vec<SegmentRef>) -> io::Result<NamedTempFile> {
        self.end_page()?;
        let mut spool = self.spool;
        self.filter.finish(&mut |partition| spool.add(partition))?;
        self.meta.segments = segments;
        self.meta.filter_lens = spool.lens;
        let pages_len = self.meta.checks.len() as u64 * PAGE_LEN as u64;
        let meta = self.meta.encode();
        drop(self.meta);
        self.file.write_all(&meta)?;
        let meta_hash = blake3::hash(&meta);
        let mut hasher = blake3::Hasher::new();
        let mut filter = spool
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        filter.seek(SeekFrom::Start(0))?;
        let mut tee = Tee {
            hasher: &mut hasher,
            file: &mut self.file,
        };
        io::copy(&mut filter, &mut tee)?;
        for len in [pages_len, meta.len() as u64, spool.len] {
            self.file.write_all(&len.to_le_bytes())?;
        }
        self.file.write_all(meta_hash.as_bytes())?;
        self.file.write_all(hasher.finalize().as_bytes())?;
        self.file.write_all(MAGIC)?;
        self.file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
    }
}

/// Hashes what it writes.
struct Tee<'a> {
    hasher: &'a mut blake3::Hasher,
    file: &'a mut BufWriter<NamedTempFile>,
}

impl io::Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
