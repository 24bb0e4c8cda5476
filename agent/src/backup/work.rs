//! Working off a batch: read, cut, identify, deduplicate, compress, seal. Runs on rayon.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use orlop_chunker::{ChunkId, Cutting, GearTable, Suite, is_zero};
use orlop_repo::cuts::Cuts;
use orlop_repo::explain::explain;
use orlop_repo::keys::{BlockOptions, Keyring};
use orlop_repo::model::Extent;
use orlop_repo::seal::{BlockKind, Compression};
use orlop_repo::tree::{Content, Entry, EntryKind, Notes};
use parking_lot::Mutex;

use super::batch::{Batch, Done, LargeFile, NewBlock, Pending, Piece, Placed, Step, Work};
use super::buffers::Buffers;
use super::dedup::{Claim, Dedup};
use super::describe;
use super::error::BackupError;
use super::links::Links;
use super::reports::Reports;
use crate::classify::{Class, Effort, classify, effort};
use crate::fs::{
    Change, FsError, Item, Layout, Meta, SegmentKind, SourceFile, Stat, Time, is_settled,
    read_settled,
};
use crate::progress::Progress;

/// Files up to this many bytes are read by the worker that works off their batch; larger ones
/// are read ahead, in order, and spread over several batches.
pub(super) const SMALL_FILE: u64 = 512 << 10;

/// How hard files are compressed. Blocks of a megabyte compress by zstd's fastest strategy better
/// than chunks by themselves at level 3, in half the time: the source tree of `benches/compare`
/// takes 227 MB and the libraries 297 MB, restic's repositories 276 and 303 MB.
const FAST: Compression = Compression::Fast;
/// And blocks of files that began with what does not compress.
const SAMPLED: Compression = Compression::Sampled;
/// And blocks of disk images and devices: one with a Debian root takes 103.4 MiB by the fastest
/// strategy, restic's repository 103.0.
const MODERATE: Compression = Compression::Zstd(3);
/// And blocks with pages of databases and their logs, which are stored again and again: what 1,700
/// updates changed in a `PostgreSQL` folder, 63 MiB, takes 7.1 MiB at level 1, 6.1 at level 3, 5.0
/// so, and no less at level 9.
const THOROUGH: Compression = Compression::Thorough;

/// What every worker shares.
pub(super) struct Workshop {
    pub(super) keys: Arc<Keyring>,
    pub(super) dedup: Arc<Dedup>,
    pub(super) progress: Arc<Progress>,
    pub(super) reports: Arc<Reports>,
    pub(super) table: GearTable,
    pub(super) suite: Suite,
    pub(super) cuts: Cuts,
    pub(super) buffers: Buffers,
    /// Random per session.
    pub(super) seed: [u8; 16],
    /// Moment from which "settled" is judged: the wall clock, asked for each file.
    pub(super) now: Arc<dyn Fn() -> Time + Send + Sync>,
    /// Small files with several names that were read in this run.
    pub(super) links: Mutex<Links<Arc<Known>>>,
}

/// A small file that was read.
pub(super) struct Known {
    /// Its entry under the name by which it was read.
    entry: Entry,
    content: Vec<Piece>,
}

impl Known {
    fn memory(&self) -> u64 {
        let inline = match &self.entry.content {
            Content::Inline(bytes) => bytes.len(),
            _ => 0,
        };
        let xattrs: usize = self
            .entry
            .xattrs
            .iter()
            .map(|(n, v)| n.len() + v.len())
            .sum();
        let bytes = size_of::<Self>() + size_of_val(&*self.content) + inline + xattrs;
        bytes as u64
    }
}

thread_local! {
    /// The bytes of a batch's small files; kept, because they are a megabyte each time.
    static ARENA: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A batch while it is worked off.
struct Bench<'a> {
    shop: &'a Workshop,
    /// Pieces of large files, as they were read.
    pieces: Vec<Vec<u8>>,
    /// The new chunks.
    fresh: Vec<Fresh>,
    /// The most that any of them is worth.
    effort: Effort,
    steps: Vec<Step>,
}

/// A new chunk, and where its bytes stand.
struct Fresh {
    id: ChunkId,
    stand: Stand,
    range: Range<usize>,
}

/// A buffer of a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Arena,
    Piece(usize),
}

impl Workshop {
    /// How files of a class are cut.
    pub(super) fn cutting(&self, class: Class) -> Cutting<'_> {
        class.cutting(self.suite, &self.table, &self.cuts)
    }

    /// Whether an item that looks unchanged is among the share that is read all the same. Drawn
    /// by the session and the path, so that every run reads others.
    pub(super) fn draw(&self, item: &Item, share: f64) -> bool {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&self.seed)
            .update(&item.parent_key)
            .update(&[0])
            .update(&item.name);
        let mut drawn = [0; 4];
        hasher.finalize_xof().fill(&mut drawn);
        f64::from(u32::from_le_bytes(drawn)) < share * f64::from(u32::MAX)
    }

    /// Works off a batch.
    pub(super) fn work_off(&self, batch: Batch) -> Result<Done, BackupError> {
        ARENA.with_borrow_mut(|arena| {
            arena.clear();
            let mut bench = Bench {
                shop: self,
                pieces: Vec::new(),
                fresh: Vec::new(),
                effort: Effort::Least,
                steps: Vec::new(),
            };
            for work in batch.work {
                bench.take(work, arena)?;
            }
            let block = bench.seal(arena)?;
            self.buffers.give_back(bench.pieces);
            Ok(Done {
                number: batch.number,
                share: batch.share,
                block,
                steps: bench.steps,
            })
        })
    }
}

impl Bench<'_> {
    fn take(&mut self, work: Work, arena: &mut Vec<u8>) -> Result<(), BackupError> {
        match work {
            Work::Inherit(placed) => self.steps.push(Step::Entry(placed)),
            Work::File(pending) => self.file(pending, arena)?,
            Work::Other(pending) => self.other(&pending),
            Work::Begin(class) => {
                self.steps.push(Step::Begin {
                    class: class.recorded(),
                });
            }
            Work::Gap(extent) => {
                self.steps.push(Step::Content(vec![Piece::Extent(extent)]));
            }
            Work::Piece { data, cuts, effort } => {
                self.effort = self.effort.max(effort);
                let stand = Stand::Piece(self.pieces.len());
                let mut start = 0;
                let mut content = Vec::with_capacity(cuts.len());
                for len in cuts {
                    let end = start + len as usize;
                    content.push(self.chunk(stand, &data, start..end)?);
                    start = end;
                }
                self.shop.progress.bytes_done.add(data.len() as u64);
                self.steps.push(Step::Content(content));
                self.pieces.push(data);
            }
            Work::End(large) => self.end(*large),
            Work::EndStream(placed) => self.steps.push(Step::End {
                placed,
                expected: None,
                leader: None,
            }),
            Work::Link(link) => self.steps.push(Step::Link(link)),
        }
        Ok(())
    }

    /// Reads and cuts a file that fits the batch.
    fn file(&mut self, pending: Pending, arena: &mut Vec<u8>) -> Result<(), BackupError> {
        let Pending { item, old, sample } = pending;
        let known = self.shop.links.lock().find(&item.stat);
        if let Some(known) = known {
            let mut entry = known.entry.clone();
            entry.name = item.name.to_vec();
            self.shop.progress.bytes_done.add(entry.size);
            self.steps.push(Step::File {
                placed: place(&item, entry),
                content: known.content.clone(),
                expected: old.filter(|_| sample),
            });
            return Ok(());
        }
        let start = arena.len();
        self.shop.progress.set_current(&item.path().to_slashed());
        let read = read_settled(&item, |file| {
            arena.truncate(start);
            let meta = file.meta();
            read_small(file, arena).map(|(parts, end)| ((parts, meta), end))
        });
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                arena.truncate(start);
                self.failed(&item, &error);
                return Ok(());
            }
        };
        let (parts, meta) = read.value;
        let good = read.change.is_none() && meta.problems.is_empty();
        let mut entry = self.describe(&item, &read.stat, meta);
        entry.notes = entry
            .notes
            .with(self.notes(&item, &read.stat, read.change.as_ref()));
        let size: u64 = parts.iter().map(Part::len).sum();
        entry.size = size;
        let inline = match parts.as_slice() {
            [Part::Data(range)] if range.len() <= orlop_repo::tree::MAX_INLINE_DATA => {
                arena.get(range.clone())
            }
            _ => None,
        };
        let mut content = Vec::new();
        if let Some(bytes) = inline {
            entry.class = Class::Whole.recorded();
            entry.content = Content::Inline(bytes.to_vec());
        } else {
            let head = arena.get(start..).unwrap_or_default();
            let head = &head[..head.len().min(crate::classify::HEAD_LEN)];
            let class = classify(&item.name, size, head);
            let class = describe::class(class, &read.stat, old.as_deref());
            self.effort = self.effort.max(effort(class, head));
            entry.class = class.recorded();
            content = self.cut(arena, &parts, class)?;
        }
        self.shop.progress.bytes_done.add(size);
        let data = arena.len() - start;
        self.shop.progress.bytes_read.add(data as u64);
        if good && read.stat.links > 1 {
            let known = Known {
                entry: entry.clone(),
                content: content.clone(),
            };
            let bytes = known.memory();
            self.shop
                .links
                .lock()
                .keep(&read.stat, Arc::new(known), bytes);
        }
        let expected = old.filter(|_| sample);
        self.steps.push(Step::File {
            placed: place(&item, entry),
            content,
            expected,
        });
        Ok(())
    }

    /// Cuts the parts of a small file into chunks.
    fn cut(
        &mut self,
        arena: &[u8],
        parts: &[Part],
        class: Class,
    ) -> Result<Vec<Piece>, BackupError> {
        let cutting = self.shop.cutting(class);
        let mut content = Vec::new();
        let mut offset = 0;
        for part in parts {
            let Part::Data(range) = part else {
                content.push(Piece::Extent(part.gap()));
                offset += part.len();
                continue;
            };
            let mut start = range.start;
            while start < range.end {
                let rest = &arena[start..range.end];
                let len = cutting
                    .next_cut_at(offset, rest, true)
                    .unwrap_or(rest.len());
                content.push(self.chunk(Stand::Arena, arena, start..start + len)?);
                start += len;
                offset += len as u64;
            }
        }
        Ok(content)
    }

    /// Identifies a chunk and claims it, if nobody has stored it.
    fn chunk(
        &mut self,
        stand: Stand,
        buffer: &[u8],
        range: Range<usize>,
    ) -> Result<Piece, BackupError> {
        let bytes = &buffer[range.clone()];
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if is_zero(bytes) {
            return Ok(Piece::Extent(Extent::Zeros(u64::from(len))));
        }
        let id = self.shop.keys.ids().chunk_id(bytes);
        Ok(match self.shop.dedup.claim(id, len)? {
            Claim::Known(chunk) => Piece::Extent(Extent::Data(chunk)),
            Claim::Mine => {
                self.shop.progress.bytes_added.add(u64::from(len));
                self.fresh.push(Fresh { id, stand, range });
                Piece::Awaited { id, len }
            }
            Claim::Awaited => Piece::Awaited { id, len },
        })
    }

    /// A folder, link, device, fifo or socket.
    fn other(&mut self, pending: &Pending) {
        let item = &pending.item;
        let meta = match item.meta() {
            Ok(meta) => meta,
            Err(error) => return self.failed(item, &error),
        };
        let mut entry = self.describe(item, &item.stat, meta);
        if entry.kind == EntryKind::Symlink {
            match item.read_link() {
                Ok(target) => {
                    entry.size = target.len() as u64;
                    entry.target = Some(target);
                }
                Err(error) => return self.failed(item, &error),
            }
        }
        entry.notes = entry.notes.with(self.notes(item, &item.stat, None));
        self.steps.push(Step::Entry(place(item, entry)));
    }

    /// The end of a large file.
    fn end(&mut self, large: LargeFile) {
        let LargeFile {
            pending,
            stat,
            meta,
            class,
            change,
            error,
            leader,
        } = large;
        let mut entry = self.describe(&pending.item, &stat, meta);
        entry.class = class.recorded();
        let notes = self.notes(&pending.item, &stat, change.as_ref());
        entry.notes = entry.notes.with(notes);
        if let Some(error) = error {
            entry.notes = entry.notes.with(Notes::READ_ERROR);
            self.shop
                .reports
                .incomplete(&pending.item.path().to_slashed(), error);
        }
        let expected = pending.old.filter(|_| pending.sample);
        self.steps.push(Step::End {
            placed: place(&pending.item, entry),
            expected,
            leader,
        });
    }

    fn describe(&self, item: &Item, stat: &Stat, meta: Meta) -> Entry {
        for (what, errno) in &meta.problems {
            let what = format!("cannot {what}: {errno}");
            self.shop
                .reports
                .incomplete(&item.path().to_slashed(), what);
        }
        let whole = meta.problems.is_empty();
        let mut entry = describe::entry(item, stat, meta, self.shop.keys.link_key());
        if !whole {
            // The next backup has to look again: what is taken over is not reported again.
            entry.notes = Notes::UNTRUSTED;
        }
        entry
    }

    /// What has to be remembered, and said, about how an entry was read.
    fn notes(&self, item: &Item, stat: &Stat, change: Option<&Change>) -> Notes {
        let mut notes = Notes::none();
        if let Some(change) = change {
            notes = notes.with(Notes::CHANGED);
            let what = format!("changed while it was read: {change}");
            self.shop.reports.remark(&item.path().to_slashed(), what);
        }
        if !is_settled(stat, (self.shop.now)()) {
            notes = notes.with(Notes::UNTRUSTED);
        }
        notes
    }

    fn failed(&self, item: &Item, error: &FsError) {
        let path = item.path().to_slashed();
        if error.is_vanished() {
            self.shop
                .reports
                .remark(&path, "vanished before it was read".to_owned());
        } else {
            self.shop.reports.incomplete(&path, explain(error));
        }
    }

    /// Makes a block of the new chunks.
    fn seal(&self, arena: &[u8]) -> Result<Option<NewBlock>, BackupError> {
        if self.fresh.is_empty() {
            return Ok(None);
        }
        let options = BlockOptions {
            compression: match self.effort {
                Effort::Least => SAMPLED,
                Effort::Fast => FAST,
                Effort::Moderate => MODERATE,
                Effort::Thorough => THOROUGH,
            },
            ..BlockOptions::default()
        };
        // Neighbours are given as one part: a block of one part is sealed without a copy of it.
        let mut parts: Vec<&[u8]> = Vec::new();
        for run in self.fresh.chunk_by(Fresh::touches) {
            if let (Some(first), Some(last)) = (run.first(), run.last()) {
                let buffer = match first.stand {
                    Stand::Arena => arena,
                    Stand::Piece(number) => &self.pieces[number],
                };
                parts.push(&buffer[first.range.start..last.range.end]);
            }
        }
        let sealed = self
            .shop
            .keys
            .seal_block(BlockKind::Data, &parts, options)
            .map_err(BackupError::Seal)?;
        let len = |fresh: &Fresh| u32::try_from(fresh.range.len()).unwrap_or(u32::MAX);
        let chunks = self.fresh.iter().map(|fresh| (fresh.id, len(fresh)));
        Ok(Some(NewBlock {
            sealed,
            chunks: chunks.collect(),
        }))
    }
}

impl Fresh {
    /// Whether the next chunk stands right behind this one.
    fn touches(&self, next: &Self) -> bool {
        self.stand == next.stand && self.range.end == next.range.start
    }
}

/// A part of a small file.
enum Part {
    /// Bytes, and where they stand in the arena.
    Data(Range<usize>),
    Hole(u64),
    Unwritten(u64),
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Data(range) => range.len() as u64,
            Self::Hole(len) | Self::Unwritten(len) => *len,
        }
    }

    fn gap(&self) -> Extent {
        match self {
            Self::Data(range) => Extent::Zeros(range.len() as u64),
            Self::Hole(len) => Extent::Hole(*len),
            Self::Unwritten(len) => Extent::Unwritten(*len),
        }
    }
}

/// Reads a small file to the end of the arena; gives its parts and how far it was read.
fn read_small(file: &SourceFile, arena: &mut Vec<u8>) -> Result<(Vec<Part>, u64), FsError> {
    let size = file.stat().size;
    let mut parts = Vec::new();
    if size == 0 {
        return Ok((parts, 0));
    }
    if file.stat().blocks.saturating_mul(512) >= size {
        let end = read_part(file, arena, &mut parts, 0, size)?;
        return Ok((parts, end));
    }
    let layout: Layout<'_> = file.layout();
    let mut end = 0;
    for segment in layout {
        match segment.kind {
            SegmentKind::Hole => parts.push(Part::Hole(segment.len)),
            SegmentKind::Unwritten => parts.push(Part::Unwritten(segment.len)),
            SegmentKind::Data => {
                let read = read_part(file, arena, &mut parts, segment.offset, segment.len)?;
                if read < segment.offset + segment.len {
                    return Ok((parts, read));
                }
            }
        }
        end = segment.offset + segment.len;
    }
    Ok((parts, end))
}

/// Reads `len` bytes at `offset`, or fewer if the file ends; gives the offset after them.
fn read_part(
    file: &SourceFile,
    arena: &mut Vec<u8>,
    parts: &mut Vec<Part>,
    offset: u64,
    len: u64,
) -> Result<u64, FsError> {
    let start = arena.len();
    let wanted = usize::try_from(len.min(SMALL_FILE)).unwrap_or(0);
    arena.resize(start + wanted, 0);
    let read = file.read_at(&mut arena[start..], offset)?;
    arena.truncate(start + read);
    if read > 0 {
        parts.push(Part::Data(start..start + read));
    }
    Ok(offset + read as u64)
}

fn place(item: &Item, entry: Entry) -> Placed {
    Placed {
        parent: Arc::clone(&item.parent_key),
        entry,
    }
}
