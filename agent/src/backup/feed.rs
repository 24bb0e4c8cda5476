//! Feeding the pipeline: walks the volume beside the parent snapshot, reads large files ahead,
//! and groups the work into batches.

use std::io::Read;
use std::sync::Arc;

use orlop_repo::explain::explain;
use orlop_repo::model::Extent;
use orlop_repo::tree::Entry;

use super::batch::{Batch, LargeFile, Leader, Link, Pending, Placed, Work};
use super::describe;
use super::error::BackupError;
use super::links::Links;
use super::parent::Parent;
use super::work::{SMALL_FILE, Workshop};
use crate::classify::{Class, Effort, HEAD_LEN, classify, effort};
use crate::fs::{
    Change, Found, FsError, Item, Kind, Problem, Segment, SegmentKind, Severity, SourceFile, Trust,
    Walk, is_unchanged,
};
use crate::memory::ByteBudget;
use crate::progress::{Compared, Progress};

/// Plain bytes that a batch aims at: one block (FORMAT.md section 1).
const BATCH_BYTES: u64 = 1 << 20;
/// Most work in a batch: each piece may hold a folder open.
const BATCH_WORK: usize = 256;
/// Bytes of memory that a piece of work without content is counted as.
const WORK_BYTES: u64 = 512;
/// A large file that changed while it was read is read again if it is not larger than this: one
/// that is written all the time would only double the time.
const REREAD_MAX: u64 = 256 << 20;

/// Bytes that the extents in an entry take at most: 16 of them (FORMAT.md section 8.4).
const EXTENTS: usize = 16 * size_of::<Extent>();

/// How the walk decides what to read.
pub(super) struct Policy {
    /// Whether times can be trusted on the volume at all.
    pub(super) trust: Trust,
    /// Read everything.
    pub(super) force: bool,
    /// Of the files that look unchanged, read this share all the same (0 to 1).
    pub(super) sample: f64,
}

/// Walks a volume and sends batches.
pub(super) struct Feeder<'a, S: FnMut(Batch) -> Result<(), BackupError>> {
    shop: &'a Workshop,
    parent: Parent<'a>,
    policy: Policy,
    budget: ByteBudget,
    send: S,
    number: u64,
    work: Vec<Work>,
    bytes: u64,
    /// Large files with several names that were read in this run.
    links: Links<Leader>,
}

impl<'a, S: FnMut(Batch) -> Result<(), BackupError>> Feeder<'a, S> {
    pub(super) fn new(
        shop: &'a Workshop,
        parent: Parent<'a>,
        policy: Policy,
        budget: ByteBudget,
        links: u64,
        send: S,
    ) -> Self {
        Self {
            shop,
            parent,
            policy,
            budget,
            send,
            number: 0,
            work: Vec::new(),
            bytes: 0,
            links: Links::new(links),
        }
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.shop.progress
    }

    /// Walks to the end.
    pub(super) fn run(mut self, walk: Walk<'_>) -> Result<(), BackupError> {
        for found in walk {
            if self.progress().cancelled() {
                return Err(self.interrupted());
            }
            match found.map_err(BackupError::Walk)? {
                Found::Item(item) => self.item(item)?,
                Found::Problem(problem) => self.problem(&problem),
            }
        }
        self.end()
    }

    fn end(mut self) -> Result<(), BackupError> {
        self.flush()
    }

    /// Hands on what was begun, so that it is there for the next run.
    fn interrupted(&mut self) -> BackupError {
        match self.flush() {
            Ok(()) => BackupError::Interrupted,
            Err(error) => error,
        }
    }

    fn problem(&self, problem: &Problem) {
        let (path, what) = (problem.path.to_slashed(), explain(&problem.what));
        match problem.what.severity() {
            Severity::Notice | Severity::Warning => self.shop.reports.remark(&path, what),
            Severity::Error => self.shop.reports.incomplete(&path, what),
        }
    }

    fn unreadable(&self, path: &[u8], error: &FsError) {
        if error.is_vanished() {
            self.shop
                .reports
                .remark(path, "vanished before it was read".to_owned());
        } else {
            self.shop.reports.incomplete(path, explain(error));
        }
    }

    /// One file alone, below a root folder that is made for it: a device or an image.
    pub(super) fn run_file(
        mut self,
        root: Placed,
        item: Item,
        class: Option<Class>,
        open: &dyn Fn() -> Result<SourceFile, FsError>,
    ) -> Result<(), BackupError> {
        self.progress().folders.new.add(1);
        self.push(Work::Inherit(root), WORK_BYTES)?;
        let old = self
            .parent
            .find(&item.parent_key, &item.name)?
            .map(Box::new);
        self.count(&item, old.as_deref(), false);
        self.large(
            Pending {
                item,
                old,
                sample: false,
            },
            class,
            open,
        )?;
        self.end()
    }

    /// A stream, as one file below a root folder that is made for it.
    pub(super) fn run_stream(
        mut self,
        root: Placed,
        mut file: Placed,
        mut reader: impl Read,
    ) -> Result<(), BackupError> {
        self.progress().folders.new.add(1);
        self.progress().files.new.add(1);
        self.push(Work::Inherit(root), WORK_BYTES)?;
        self.push(Work::Begin(Class::General), WORK_BYTES)?;
        let read = |buffer: &mut [u8], _: u64| read_full(&mut reader, buffer);
        let (size, error) = self.pour_data(read, Manner::of(Class::General), 0, u64::MAX)?;
        if let Some(error) = error {
            return Err(BackupError::Stream(error));
        }
        file.entry.size = size;
        self.push(Work::EndStream(file), WORK_BYTES)?;
        self.end()
    }

    fn item(&mut self, item: Item) -> Result<(), BackupError> {
        let old = self.parent.find(&item.parent_key, &item.name)?;
        let kind = describe::kind(item.stat.kind);
        let old = old.filter(|old| old.kind == kind).map(Box::new);
        let unchanged = old
            .as_deref()
            .is_some_and(|old| self.is_unchanged(&item, old, &self.parent));
        self.count(&item, old.as_deref(), unchanged);
        let cut_off = if unchanged {
            None
        } else {
            self.find_cut_off(&item)
        };
        let resumed = cut_off.is_some();
        let (old, unchanged) = match cut_off {
            Some(entry) => (Some(entry), true),
            None => (old, unchanged),
        };
        let sample =
            unchanged && self.policy.sample > 0.0 && self.shop.draw(&item, self.policy.sample);
        let inherit = unchanged && !self.policy.force && !sample;
        if let (Some(entry), true) = (&old, inherit) {
            let mut entry = (**entry).clone();
            describe::link(&mut entry, &item.stat, self.shop.keys.link_key());
            let placed = Placed {
                parent: Arc::clone(&item.parent_key),
                entry,
            };
            if item.stat.kind == Kind::File {
                self.progress().bytes_done.add(item.stat.size);
                if resumed {
                    self.progress().files_resumed.add(1);
                    self.progress().bytes_resumed.add(item.stat.size);
                }
            }
            return self.push(Work::Inherit(placed), WORK_BYTES);
        }
        let pending = Pending { item, old, sample };
        match pending.item.stat.kind {
            Kind::File if pending.item.stat.size > SMALL_FILE => {
                let item = pending.item.clone();
                if let Some(leader) = self.links.find(&item.stat) {
                    self.progress().bytes_done.add(item.stat.size);
                    let link = Link {
                        parent: item.parent_key,
                        name: item.name,
                        leader,
                        expected: pending.old.filter(|_| pending.sample),
                    };
                    return self.push(Work::Link(link), WORK_BYTES);
                }
                self.large(pending, None, &|| item.open())
            }
            Kind::File => {
                let bytes = pending.item.stat.size + WORK_BYTES;
                self.push(Work::File(pending), bytes)
            }
            _ => self.push(Work::Other(pending), WORK_BYTES),
        }
    }

    /// The entry of an item as a backup that was cut off has stored it, if that still holds.
    fn find_cut_off(&mut self, item: &Item) -> Option<Box<Entry>> {
        if self.policy.force {
            return None;
        }
        let mut parent = std::mem::take(&mut self.parent);
        let found = parent.find_cut_off(&item.parent_key, &item.name, |parent, entry| {
            entry.kind == describe::kind(item.stat.kind) && self.is_unchanged(item, entry, parent)
        });
        self.parent = parent;
        found.map(Box::new)
    }

    /// Whether an entry can be taken over from the parent as it is.
    fn is_unchanged(&self, item: &Item, old: &Entry, parent: &Parent<'_>) -> bool {
        // Entries without content have no size to compare.
        let mut remembered = describe::remembered(old);
        if item.stat.kind != Kind::File {
            remembered.size = item.stat.size;
        }
        is_unchanged(&item.stat, &remembered, self.policy.trust) && !parent.is_lost(old)
    }

    fn count(&self, item: &Item, old: Option<&Entry>, unchanged: bool) {
        let add = |compared: &Compared| match (old, unchanged) {
            (None, _) => compared.new.add(1),
            (Some(_), true) => compared.unmodified.add(1),
            (Some(_), false) => compared.changed.add(1),
        };
        match item.stat.kind {
            Kind::File => add(&self.progress().files),
            Kind::Folder => add(&self.progress().folders),
            _ => self.progress().others.add(1),
        }
    }

    fn push(&mut self, work: Work, bytes: u64) -> Result<(), BackupError> {
        self.work.push(work);
        self.bytes += bytes;
        if self.bytes >= BATCH_BYTES || self.work.len() >= BATCH_WORK {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BackupError> {
        if self.work.is_empty() {
            return Ok(());
        }
        // Read bytes, their copy in the arena, and the sealed block.
        let share = self.budget.take(3 * self.bytes);
        let batch = Batch {
            number: self.number,
            work: std::mem::take(&mut self.work),
            share,
        };
        self.number += 1;
        self.bytes = 0;
        (self.send)(batch)
    }

    /// Reads a large file ahead and spreads it over batches.
    fn large(
        &mut self,
        pending: Pending,
        class: Option<Class>,
        open: &dyn Fn() -> Result<SourceFile, FsError>,
    ) -> Result<(), BackupError> {
        let path = pending.item.path().to_slashed();
        self.progress().set_current(&path);
        let mut again = true;
        loop {
            let file = match open() {
                Ok(file) => file,
                Err(error) => {
                    self.unreadable(&path, &error);
                    return Ok(());
                }
            };
            let meta = file.meta();
            let manner = class.map_or_else(
                || Manner::find(&file, &pending.item.name, pending.old.as_deref()),
                Manner::of,
            );
            self.push(Work::Begin(manner.class), WORK_BYTES)?;
            let (end, error) = self.pour(&file, manner)?;
            let (mut stat, change) = match file.check(end) {
                Ok(checked) => checked,
                Err(error) => {
                    self.unreadable(&path, &error);
                    (*file.stat(), Some(Change::Modified))
                }
            };
            if change.is_some() && error.is_none() && again && stat.size <= REREAD_MAX {
                again = false;
                continue;
            }
            let mut leader = None;
            if change.is_none() && error.is_none() && meta.problems.is_empty() && stat.links > 1 {
                let waiting = leader.insert(Leader::default());
                let xattrs: usize = meta.xattrs.iter().map(|(n, v)| n.len() + v.len()).sum();
                let bytes = (size_of::<Entry>() + EXTENTS + xattrs) as u64;
                self.links.keep(&stat, Arc::clone(waiting), bytes);
            }
            // A device is recorded as the file that its content is.
            stat.kind = Kind::File;
            let large = LargeFile {
                pending,
                stat,
                meta,
                class: manner.class,
                change,
                error,
                leader,
            };
            return self.push(Work::End(Box::new(large)), WORK_BYTES);
        }
    }

    /// Reads, cuts and sends the content. Gives how far it came, and what stopped it.
    fn pour(
        &mut self,
        file: &SourceFile,
        manner: Manner,
    ) -> Result<(u64, Option<String>), BackupError> {
        let mut end = 0;
        for segment in file.layout() {
            let extent = match segment.kind {
                SegmentKind::Hole => Extent::Hole(segment.len),
                SegmentKind::Unwritten => Extent::Unwritten(segment.len),
                SegmentKind::Data => {
                    let stop = segment.offset + segment.len;
                    let read = |buffer: &mut [u8], at| file.read_at(buffer, at);
                    match self.pour_data(read, manner, segment.offset, stop)? {
                        (at, None) if at == stop => {}
                        (at, error) => return Ok((at, error.map(|e| explain(&e)))),
                    }
                    end = stop;
                    continue;
                }
            };
            self.push(Work::Gap(extent), WORK_BYTES)?;
            self.progress().bytes_done.add(segment.len);
            end = segment.offset + segment.len;
        }
        Ok((end, None))
    }

    /// Reads `from..to`, or to the end, cuts it and sends the chunks a megabyte at a time. Gives
    /// how far it came, and the error that stopped it.
    fn pour_data<E>(
        &mut self,
        mut read_at: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
        manner: Manner,
        from: u64,
        to: u64,
    ) -> Result<(u64, Option<E>), BackupError> {
        let shop = self.shop;
        let Manner { class, effort } = manner;
        let cutting = shop.cutting(class);
        let room = usize::try_from(BATCH_BYTES).unwrap_or(1 << 20);
        // What is read beyond the last cut is copied into the next buffer: of long chunks only
        // one fits, and most end by here.
        let usual = match class {
            Class::Dense => room / 4 * 3,
            _ => room,
        };
        let mut goal = usual;
        let mut buffer = shop.buffers.take();
        // Bytes at the start of the buffer that were read and not cut yet.
        let mut carried = 0;
        let (mut read_to, mut cut_to) = (from, from);
        loop {
            if self.progress().cancelled() {
                return Err(self.interrupted());
            }
            let want = usize::try_from(to - read_to)
                .unwrap_or(usize::MAX)
                .min(goal - carried);
            // Only what the buffer never held before is zeroed.
            buffer.resize(room, 0);
            let read = match read_at(&mut buffer[carried..carried + want], read_to) {
                Ok(read) => read,
                Err(error) => return Ok((cut_to, Some(error))),
            };
            let filled = carried + read;
            read_to += read as u64;
            self.progress().bytes_read.add(read as u64);
            let last = read < want || read_to == to;
            let mut cuts = Vec::new();
            let mut done = 0;
            while done < filled {
                let Some(len) = cutting.next_cut_at(cut_to, &buffer[done..filled], last) else {
                    break;
                };
                cuts.push(u32::try_from(len).unwrap_or(u32::MAX));
                done += len;
                cut_to += len as u64;
            }
            if done == 0 && !last && filled < room {
                (carried, goal) = (filled, room);
                continue;
            }
            goal = usual;
            let mut next = Vec::new();
            if !last {
                carried = filled - done;
                next = shop.buffers.take();
                next.resize(room, 0);
                next[..carried].copy_from_slice(&buffer[done..filled]);
            }
            buffer.truncate(done);
            if !buffer.is_empty() {
                let bytes = buffer.len() as u64;
                self.push(
                    Work::Piece {
                        data: buffer,
                        cuts,
                        effort,
                    },
                    bytes,
                )?;
            }
            if last {
                return Ok((cut_to, None));
            }
            buffer = next;
        }
    }
}

/// How a large file is stored.
#[derive(Clone, Copy)]
struct Manner {
    class: Class,
    effort: Effort,
}

impl Manner {
    /// Of a file whose class is known without a look at it.
    fn of(class: Class) -> Self {
        Self {
            class,
            effort: effort(class, &[]),
        }
    }

    /// By the file's first bytes, and by the entry that the parent snapshot has of it. A file that
    /// cannot be read fails soon enough.
    ///
    /// Reserved space that was never written is not read: what stands in the page cache counts as
    /// written from then on.
    fn find(file: &SourceFile, name: &[u8], old: Option<&Entry>) -> Self {
        let written = |segment: &Segment| segment.kind == SegmentKind::Data;
        let mut head = Vec::new();
        let mut found = Class::General;
        if file.layout().next().as_ref().is_some_and(written) {
            head.resize(HEAD_LEN, 0);
            let read = file.read_at(&mut head, 0).unwrap_or(0);
            head.truncate(read);
            found = classify(name, file.stat().size, &head);
        }
        let class = describe::class(found, file.stat(), old);
        Self {
            class,
            effort: effort(class, &head),
        }
    }
}

/// Fills the buffer unless the stream ends.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match reader.read(&mut buffer[done..]) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
