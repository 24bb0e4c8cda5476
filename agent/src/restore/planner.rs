//! From the tree to folders, small objects and windows of files.

use std::sync::Arc;

use crossbeam_channel::Sender;
use orlop_chunker::ChunkId;
use orlop_repo::model::{Extent, ObjectName};
use orlop_repo::repository::ReadError;
use orlop_repo::tree::{Content, Entry, EntryKind, Extents};
use rayon::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::RestoreError;
use super::attributes::{attributes, has, kind};
use super::decide::{Decision, decide};
use super::file_job::{FileJob, Origin};
use super::folders::Folders;
use super::links::Links;
use super::lost::Holes;
use super::options::{Existing, Select};
use super::place::Part;
use super::shared::Shared;
use super::summary::Report;
use super::window::{Local, LocalPart, Request, Want, Window};
use super::worker::{Work, lose};
use crate::fs::{
    Attributes, FileSink, FsError, Identity, Kind, LOCKING_FLAGS, RelPath, SinkCursor, Stat,
};
use crate::memory::MemoryPlan;

/// Parts of the first window: small, so that fetching begins soon. Each further one has twice as
/// many, up to what memory allows.
const FIRST_WINDOW: usize = 1024;
/// Memory that a part takes while it is planned and fetched, in bytes, with its share of a file.
const PART_COST: u64 = 512;
/// Windows that wait to be fetched or written.
const WINDOWS: usize = 2;
/// Requests to the store at once.
const REQUESTS: usize = 32;
/// Requests may be this long whatever memory there is, in bytes: a block mostly is no longer.
const MIN_REQUEST: u64 = 1 << 20;
/// Longest request in bytes.
const MAX_REQUEST: u64 = 8 << 20;
/// Parts without content that are handed over at once.
const LOCALS: usize = 256;
/// Memory that such a batch counts as, in KiB.
const LOCALS_KIB: u32 = 128;
/// Chunks of an existing file that are compared at once.
const COMPARE: usize = 512;

/// Walks the tree and hands out work.
pub(super) struct Planner<'p> {
    pub(super) shared: &'p Shared,
    part: &'p Part<'p>,
    /// Nothing in a dry run without a target.
    cursor: Option<SinkCursor>,
    folders: Folders<'p>,
    existing: Existing,
    /// The target was empty: nothing can be in the way.
    fresh: bool,
    dry_run: bool,
    queue: Sender<Work>,
    bytes: Arc<Semaphore>,
    bytes_kib: u32,
    slots: Arc<Semaphore>,
    windows: Arc<Semaphore>,
    max_request: u32,
    window: Window,
    window_len: usize,
    max_window: usize,
    /// Where the tree cannot be read.
    holes: Holes,
}

/// How the target is treated.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) existing: Existing,
    pub(super) fresh: bool,
    pub(super) dry_run: bool,
}

impl<'p> Planner<'p> {
    pub(super) fn new(
        shared: &'p Shared,
        part: &'p Part<'p>,
        cursor: Option<SinkCursor>,
        select: Option<&'p mut Select>,
        manner: Manner,
        memory: &MemoryPlan,
        queue: Sender<Work>,
    ) -> Self {
        let kib = u32::try_from(memory.in_flight >> 10).unwrap_or(u32::MAX >> 3);
        let max_request = (memory.in_flight / 12).clamp(MIN_REQUEST, MAX_REQUEST);
        let max_window = memory.session_index / PART_COST;
        Self {
            shared,
            part,
            cursor,
            folders: Folders::new(select),
            existing: manner.existing,
            fresh: manner.fresh,
            dry_run: manner.dry_run,
            queue,
            bytes: Arc::new(Semaphore::new(kib as usize)),
            bytes_kib: kib,
            slots: Arc::new(Semaphore::new(REQUESTS)),
            windows: Arc::new(Semaphore::new(WINDOWS)),
            max_request: u32::try_from(max_request).unwrap_or(u32::MAX),
            holes: Holes::default(),
            window: Window::default(),
            window_len: FIRST_WINDOW,
            max_window: usize::try_from(max_window)
                .unwrap_or(FIRST_WINDOW)
                .max(FIRST_WINDOW),
        }
    }

    /// Restores everything but hard links, which are put aside.
    ///
    /// Of what stands below a page that cannot be read, only the page is named.
    pub(super) fn run(&mut self, links: &mut Links) -> Result<(), RestoreError> {
        for located in self.part.entries() {
            if self.shared.stopped() {
                return Ok(());
            }
            let located = match located {
                Ok(located) => located,
                Err(failure) if failure.source.is_damage() => {
                    let (report, progress) = (&self.shared.report, &self.shared.progress);
                    report.lost_page(progress, self.part.snapshot, &failure);
                    self.holes.add(&failure.range);
                    continue;
                }
                Err(failure) => return Err(failure.into()),
            };
            let parent = self.part.parent(&located);
            if !self.folders.enter(parent) {
                continue;
            }
            let mut entry = located.entry;
            let Some(path) = self.folders.path_of(&entry.name) else {
                let path = self.folders.current().child(&entry.name);
                let what = "is not a name that a file can have".to_owned();
                self.shared
                    .report
                    .failed(&self.shared.progress, &path, what);
                continue;
            };
            let folder = entry.kind == EntryKind::Folder;
            if !self.folders.wanted(&path, folder) {
                continue;
            }
            self.make_parents()?;
            match kind(entry.kind) {
                None => {
                    let what = format!(
                        "is of the kind {}, which this version does not know",
                        entry.kind.number()
                    );
                    self.shared
                        .report
                        .failed(&self.shared.progress, &path, what);
                }
                Some(Kind::Folder) => self.folder(&path, &mut entry),
                Some(Kind::Socket) => {
                    Report::add(&self.shared.report.sockets, 1);
                    self.shared.progress.others.add(1);
                }
                Some(kind) => match entry.link_group {
                    Some(group) => links.defer(&group, &path)?,
                    None => self.object(path, entry, kind, false)?,
                },
            }
        }
        Ok(())
    }

    /// Makes the folders above the current one that were not asked for themselves, and those
    /// whose entries are lost.
    fn make_parents(&mut self) -> Result<(), RestoreError> {
        let chosen = !self.folders.all();
        if !chosen && self.holes.is_empty() {
            return Ok(());
        }
        for path in self.folders.take_unmade() {
            let Some((parent, name)) = path.split_last() else {
                continue;
            };
            let lost = self.holes.hide(&self.part.full_prefix(parent), name);
            if !lost && !chosen {
                continue;
            }
            let known = if lost { None } else { self.part.folder(&path)? };
            let Some(mut entry) = known else {
                self.unknown_folder(&path);
                continue;
            };
            let there = self
                .look(&path)
                .is_some_and(|stat| stat.kind == Kind::Folder);
            if !there {
                self.folder(&path, &mut entry);
            }
        }
        Ok(())
    }

    /// Makes a folder whose entry is lost, for what was found beneath it. Only whoever restores
    /// may enter it; one that is there already stays as it is.
    fn unknown_folder(&mut self, path: &RelPath) {
        if !self.folders.is_first(path) {
            return;
        }
        let (report, progress) = (&self.shared.report, &self.shared.progress);
        let what = "its own entry is lost with a page of the tree: owner, mode, times and \
                    attributes are not restored";
        report.damaged(progress, path, what.to_owned());
        Report::add(&report.folders, 1);
        progress.folders.new.add(1);
        let Some(cursor) = self.cursor.as_mut().filter(|_| !self.dry_run) else {
            return;
        };
        if let Err(error) = cursor.make_dir(path) {
            self.folders.block(path);
            self.shared.failed(path, error);
        }
    }

    /// What stands at a path. What is not beneath a folder is not there; what forbids to make it
    /// is found then.
    fn look(&mut self, path: &RelPath) -> Option<Stat> {
        let nothing = self.fresh && self.folders.all();
        let cursor = self.cursor.as_mut().filter(|_| !nothing)?;
        cursor.look(path).ok().flatten()
    }

    fn folder(&mut self, path: &RelPath, entry: &mut Entry) {
        let want = attributes(entry, Kind::Folder);
        Report::add(&self.shared.report.folders, 1);
        let made = match self.cursor.as_mut().filter(|_| !self.dry_run) {
            None => return self.shared.progress.folders.new.add(1),
            Some(cursor) => cursor
                .make_dir(path)
                .and_then(|new| Ok((new, cursor.folder_identity(path)?))),
        };
        match made {
            Ok((new, identity)) => {
                if new || self.existing != Existing::Never {
                    self.shared.finish_later(path, identity, &want);
                }
                let folders = &self.shared.progress.folders;
                if new {
                    &folders.new
                } else {
                    &folders.unmodified
                }
                .add(1);
            }
            Err(error) => {
                self.folders.block(path);
                self.shared.failed(path, error);
            }
        }
    }

    /// Restores anything but folders and sockets. Of a `leader` other names are to come.
    pub(super) fn object(
        &mut self,
        path: RelPath,
        mut entry: Entry,
        kind: Kind,
        leader: bool,
    ) -> Result<(), RestoreError> {
        let there = self.look(&path);
        let want = attributes(&mut entry, kind);
        let file = kind == Kind::File;
        match decide(there.as_ref(), &entry, self.existing) {
            Decision::Keep(identity) => {
                Report::add(&self.shared.report.kept, 1);
                self.left_alone(&path, &entry, leader, identity);
            }
            Decision::Same(stat) => {
                Report::add(&self.shared.report.unchanged, 1);
                self.left_alone(&path, &entry, leader, stat.identity);
                if let Err(error) = self.mend(&path, &stat, &want, leader) {
                    self.shared.failed(&path, error);
                }
            }
            decision if self.dry_run => self.pretend(&entry, decision, file),
            Decision::Make if !file => self.other(&path, &entry, &want, leader),
            Decision::Make => self.file(path, &entry, want, Origin::New, leader)?,
            Decision::Patch(identity) => {
                self.file(path, &entry, want, Origin::Patch(identity), leader)?;
            }
        }
        Ok(())
    }

    fn left_alone(&self, path: &RelPath, entry: &Entry, leader: bool, identity: Identity) {
        if entry.kind == EntryKind::File {
            self.shared.progress.files.unmodified.add(1);
            self.shared.progress.bytes_done.add(entry.size);
        } else {
            self.shared.progress.others.add(1);
        }
        if leader {
            self.shared.note_leader(path, identity, false);
        }
    }

    /// Gives a file whose content is the same its metadata, if that differs.
    fn mend(
        &mut self,
        path: &RelPath,
        stat: &Stat,
        want: &Attributes,
        leader: bool,
    ) -> Result<(), FsError> {
        let Some(cursor) = self.cursor.as_mut().filter(|_| !self.dry_run) else {
            return Ok(());
        };
        if has(stat, &cursor.meta(path, stat.identity)?, want) {
            return Ok(());
        }
        if leader && want.flags & LOCKING_FLAGS != 0 {
            self.shared.finish_later(path, stat.identity, want);
        } else {
            let warnings = cursor.finish(path, want, Some(stat.identity))?;
            self.shared.report.warnings(warnings);
        }
        Ok(())
    }

    fn pretend(&self, entry: &Entry, decision: Decision, file: bool) {
        let (report, progress) = (&self.shared.report, &self.shared.progress);
        if !file {
            Report::add(&report.others, 1);
            return progress.others.add(1);
        }
        Report::add(&report.files, 1);
        Report::add(&report.bytes, entry.size);
        progress.bytes_done.add(entry.size);
        match decision {
            Decision::Patch(_) => progress.files.changed.add(1),
            _ => progress.files.new.add(1),
        }
    }

    /// Makes a link, a fifo or a device.
    fn other(&mut self, path: &RelPath, entry: &Entry, want: &Attributes, leader: bool) {
        let Some(cursor) = &mut self.cursor else {
            return;
        };
        let made = match (want.kind, &entry.target) {
            (Kind::Symlink, Some(target)) => cursor.create_symlink(path, target, want),
            (Kind::Symlink, None) => {
                let what = "the snapshot does not say where the link points".to_owned();
                return self.shared.report.failed(&self.shared.progress, path, what);
            }
            _ => cursor.create_special(path, entry.rdev.unwrap_or_default(), want),
        };
        match made {
            Ok((identity, warnings)) => {
                self.shared.report.warnings(warnings);
                Report::add(&self.shared.report.others, 1);
                self.shared.progress.others.add(1);
                if leader {
                    self.shared.note_leader(path, identity, false);
                }
            }
            Err(error) => self.shared.failed(path, error),
        }
    }

    /// Adds the parts of a file to the window.
    fn file(
        &mut self,
        path: RelPath,
        entry: &Entry,
        want: Attributes,
        origin: Origin,
        leader: bool,
    ) -> Result<(), RestoreError> {
        let older = matches!(origin, Origin::Patch(_));
        let sized = older || has_holes(&entry.content, self.shared.sparse);
        let job = Arc::new(FileJob::new(path, want, entry.size, origin, leader, sized));
        let mut parts = Parts {
            job,
            index: None,
            compared: Vec::new(),
            sink: None,
        };
        match &entry.content {
            Content::None => self.local(&mut parts, 0, LocalPart::Nothing)?,
            Content::Inline(bytes) => {
                self.local(&mut parts, 0, LocalPart::Bytes(bytes.clone()))?;
            }
            Content::Extents(_) | Content::Indirect { .. } => {
                if older {
                    parts.sink = self.open(&parts.job);
                }
                self.extents(&mut parts, entry)?;
                self.compare(&mut parts)?;
                drop(parts.sink.take());
            }
        }
        if let Some(cursor) = &mut self.cursor {
            parts.job.part_done(self.shared, cursor, 0);
        }
        Ok(())
    }

    fn open(&mut self, job: &FileJob) -> Option<Arc<FileSink>> {
        match job.sink(self.shared, self.cursor.as_mut()?) {
            Ok(sink) => sink,
            Err(error) => {
                job.fail(self.shared, error);
                None
            }
        }
    }

    fn extents(&mut self, parts: &mut Parts, entry: &Entry) -> Result<(), RestoreError> {
        let mut at = 0_u64;
        for extent in Extents::new(self.part.pages, &entry.content) {
            if self.shared.stopped() {
                return Ok(());
            }
            let extent = match extent {
                Ok(extent) => extent,
                Err(error) if error.is_damage() => {
                    parts.job.damage(self.shared, &error);
                    let rest = entry.size.saturating_sub(at);
                    return self.local(parts, at, LocalPart::Hole(rest));
                }
                Err(error) => return Err(error.into()),
            };
            let len = extent.len();
            match extent {
                Extent::Data(chunk) if parts.sink.is_some() => {
                    let (id, len, place) = (chunk.id, chunk.len, chunk.place);
                    parts.compared.push(Want {
                        place,
                        id,
                        len,
                        file: 0,
                        at,
                    });
                    if parts.compared.len() >= COMPARE {
                        self.compare(parts)?;
                    }
                }
                Extent::Data(chunk) => {
                    let file = self.index(parts);
                    self.window.want(file, at, &chunk);
                    self.flush_full(parts)?;
                }
                Extent::Zeros(len) => self.local(parts, at, LocalPart::Zeros(len))?,
                Extent::Hole(len) => self.local(parts, at, LocalPart::Hole(len))?,
                Extent::Unwritten(len) => self.local(parts, at, LocalPart::Unwritten(len))?,
            }
            at = at.saturating_add(len);
        }
        Ok(())
    }

    /// Drops the chunks that an older file has where they belong; the others are wanted.
    fn compare(&mut self, parts: &mut Parts) -> Result<(), RestoreError> {
        let wants = std::mem::take(&mut parts.compared);
        let Some(sink) = &parts.sink else {
            return Ok(());
        };
        let ids = self.shared.repository.keys().ids();
        let differ: Vec<_> = wants
            .into_par_iter()
            .filter(|want| {
                let mut bytes = vec![0; want.len as usize];
                let read = sink.read_at(&mut bytes, want.at);
                !matches!(read, Ok(read) if read == bytes.len()) || ids.chunk_id(&bytes) != want.id
            })
            .collect();
        for want in differ {
            let file = self.index(parts);
            self.window.wants.push(Want { file, ..want });
            self.flush_full(parts)?;
        }
        Ok(())
    }

    fn local(&mut self, parts: &mut Parts, at: u64, what: LocalPart) -> Result<(), RestoreError> {
        let file = self.index(parts);
        self.window.locals.push(Local { file, at, what });
        self.flush_full(parts)
    }

    /// Announces a part of the file and tells the file's index in the window.
    fn index(&mut self, parts: &mut Parts) -> u32 {
        parts.job.part_to_come();
        *parts.index.get_or_insert_with(|| {
            let index = u32::try_from(self.window.files.len()).unwrap_or(u32::MAX);
            self.window.files.push(Arc::clone(&parts.job));
            index
        })
    }

    fn flush_full(&mut self, parts: &mut Parts) -> Result<(), RestoreError> {
        if self.window.len() >= self.window_len {
            parts.index = None;
            self.flush()?;
        }
        Ok(())
    }

    /// Hands the window out: as requests, and as parts that need none.
    pub(super) fn flush(&mut self) -> Result<(), RestoreError> {
        let mut window = std::mem::take(&mut self.window);
        self.window_len = (self.window_len * 2).min(self.max_window);
        let (requests, illegal) = window.plan(self.max_request);
        window.permit = Some(self.permit(&self.windows, 1)?);
        let window = Arc::new(window);
        if let Some(cursor) = &mut self.cursor {
            for Want { place, id, .. } in &illegal {
                let error = ReadError::Mismatch {
                    id: ChunkId::from_bytes(*id.as_bytes()),
                    place: *place,
                };
                for want in illegal
                    .iter()
                    .filter(|want| want.id == *id && want.place == *place)
                {
                    lose(self.shared, &window, cursor, want, &error);
                }
            }
        }
        let mut start = 0;
        while start < window.locals.len() {
            let end = (start + LOCALS).min(window.locals.len());
            let permit = self.permit(&self.bytes, LOCALS_KIB)?;
            self.hand(Work::Locals {
                window: Arc::clone(&window),
                locals: start..end,
                permit,
            })?;
            start = end;
        }
        for request in requests {
            if self.shared.stopped() {
                return Ok(());
            }
            self.fetch(&window, request)?;
        }
        Ok(())
    }

    fn permit(
        &self,
        semaphore: &Arc<Semaphore>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, RestoreError> {
        let permit = Arc::clone(semaphore).acquire_many_owned(count);
        self.shared
            .runtime
            .block_on(permit)
            .map_err(|_| RestoreError::PartGone)
    }

    fn hand(&self, work: Work) -> Result<(), RestoreError> {
        self.queue.send(work).map_err(|_| RestoreError::PartGone)
    }

    /// Reads the bytes of a request in the background.
    fn fetch(&self, window: &Arc<Window>, request: Request) -> Result<(), RestoreError> {
        let len = request.bytes.end - request.bytes.start;
        let kib = u32::try_from(len.div_ceil(1024))
            .unwrap_or(u32::MAX)
            .min(self.bytes_kib);
        let permit = self.permit(&self.bytes, kib)?;
        let slot = self.permit(&self.slots, 1)?;
        let (queue, window) = (self.queue.clone(), Arc::clone(window));
        let repository = Arc::clone(&self.shared.repository);
        self.shared.runtime.spawn(async move {
            let name = ObjectName::pack(request.pack);
            let bytes = repository
                .store()
                .get_range(&name, request.bytes.clone())
                .await;
            drop(slot);
            // Whoever would have received it has stopped, and everybody knows why.
            queue
                .send(Work::Blocks {
                    window,
                    request,
                    bytes,
                    permit,
                })
                .unwrap_or_default();
        });
        Ok(())
    }
}

/// A file whose parts are being added.
struct Parts {
    job: Arc<FileJob>,
    /// Its index in the open window.
    index: Option<u32>,
    /// Chunks that the older file may have.
    compared: Vec<Want>,
    /// The older file.
    sink: Option<Arc<FileSink>>,
}

/// Whether a new file needs its size before its content.
fn has_holes(content: &Content, sparse: bool) -> bool {
    match content {
        Content::None | Content::Inline(_) => false,
        Content::Extents(extents) => extents.iter().any(|extent| match extent {
            Extent::Data(_) => false,
            Extent::Zeros(_) => sparse,
            Extent::Hole(_) | Extent::Unwritten(_) => true,
        }),
        Content::Indirect { .. } => true,
    }
}
