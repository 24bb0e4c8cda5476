//! Going through the tree that is copied: what is taken over, and what has to be read, in order.

use std::collections::HashMap;
use std::sync::Arc;

use crossbeam_channel::Sender;
use orlop_repo::explain::explain;
use orlop_repo::model::{ChunkRef, Extent};
use orlop_repo::repository::{TreeError, TreePages};
use orlop_repo::tree::{
    Content, Entry, EntryKind, Extents, KeyRange, Located, Notes, PageFailure, TreeCursor,
    join_path,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::fetch::{Fetched, Fetcher};
use crate::backup::BackupError;
use crate::backup::batch::{Leader, Placed};
use crate::backup::describe;
use crate::backup::parent::Parent;
use crate::backup::reports::Reports;
use crate::memory::{ByteBudget, Share};

/// Plain bytes of the chunks that are read together: some two blocks.
const GROUP_BYTES: u64 = 2 << 20;
/// Most that happens in a group.
const GROUP_EVENTS: usize = 1024;
/// Bytes of memory that something without content is counted as.
const EVENT_BYTES: u64 = 512;
/// Files with several names that are remembered while they may come again; some 4 MiB.
const MAX_LINKS: usize = 8192;

/// What happens next in the tree.
pub(super) enum Event {
    /// An entry that is finished.
    Entry(Placed),
    /// A file begins; its entry has no content yet.
    File(Placed, Option<Leader>),
    /// A part of it without bytes: a hole, or space that was never written.
    Gap(Extent),
    /// Zeros that were written.
    Zeros(u64),
    /// The next chunk of the group, of that length.
    Chunk(u32),
    /// A part of it that cannot be read, and why.
    Lost(u64, String),
    /// It ends.
    End,
    /// Another name of a file that has come before.
    Link(Placed, Leader),
}

/// Events with the bytes that they need.
pub(super) struct Group {
    pub(super) events: Vec<Event>,
    pub(super) fetched: oneshot::Receiver<Result<Vec<Fetched>, BackupError>>,
    /// Frees its memory when its bytes have been handed on.
    pub(super) share: Share,
}

/// An earlier snapshot of the source, of which the target has a copy.
pub(super) struct Earlier<'p> {
    pub(super) cursor: TreeCursor<'p, TreePages>,
}

/// Goes through a tree.
pub(super) struct Planner<'p> {
    /// Pages of the tree that is copied.
    pub(super) pages: &'p TreePages,
    pub(super) earlier: Option<Earlier<'p>>,
    /// The copy of the earlier snapshot, and what copies that were cut off have left.
    pub(super) copied: Parent<'p>,
    pub(super) link_key: [u8; 32],
    pub(super) reports: Arc<Reports>,
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) runtime: Handle,
    pub(super) budget: ByteBudget,
    pub(super) send: Sender<Result<Group, BackupError>>,
    /// Counts what is taken over from a copy that was cut off.
    pub(super) resumed: &'p (dyn Fn(u64) + Sync),
    pub(super) events: Vec<Event>,
    pub(super) chunks: Vec<ChunkRef>,
    pub(super) bytes: u64,
    pub(super) links: HashMap<[u8; 16], Leader>,
}

/// Nobody listens any more: there is nothing to say.
struct Stopped;

/// Why the walk ends early.
enum Ended {
    Stopped,
    Failed(BackupError),
}

impl From<Stopped> for Ended {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<BackupError> for Ended {
    fn from(error: BackupError) -> Self {
        Self::Failed(error)
    }
}

impl Planner<'_> {
    /// Goes through the tree under `root` and sends groups. Blocks.
    pub(super) fn run(mut self, root: ChunkRef) {
        if let Err(Ended::Failed(error)) = self.walk(root) {
            drop(self.send.send(Err(error)));
        }
    }

    fn walk(&mut self, root: ChunkRef) -> Result<(), Ended> {
        let cursor = TreeCursor::new(self.pages, root, KeyRange::all());
        for located in cursor {
            match located {
                Ok(located) => self.entry(located)?,
                Err(failure) => self.page_lost(&failure)?,
            }
        }
        self.close().map_err(Ended::from)
    }

    /// A page of the tree cannot be read: what stands below it is missing from the copy.
    fn page_lost(&self, failure: &PageFailure<TreeError>) -> Result<(), Ended> {
        if failure.source.is_damage() {
            let what = format!("damaged in the source: {}", explain(failure));
            self.reports.incomplete(&failure.first_path(), what);
            return Ok(());
        }
        // The failure is borrowed from the walk; what is below it says what is wrong.
        Err(Ended::Failed(BackupError::Tree {
            what: explain(failure),
        }))
    }

    fn entry(&mut self, located: Located) -> Result<(), Ended> {
        let Located { parent, entry } = located;
        let path = || join_path(&parent, &entry.name);
        if let EntryKind::Unknown(kind) = entry.kind {
            let what = format!("it is of kind {kind}, which this version does not know");
            self.reports.incomplete(&path(), what);
            return Ok(());
        }
        let group = entry.link_group;
        let has_data = matches!(
            entry.content,
            Content::Extents(_) | Content::Indirect { .. }
        );
        let cut_off = self.copied.find_cut_off(&parent, &entry.name, |_, found| {
            found.size == entry.size && found.kind == entry.kind
        });
        let copied = self.copied.find(&parent, &entry.name)?;
        let earlier = self.find_earlier(&parent, &entry)?;
        let mut new = entry.clone();
        describe::relink(&mut new, &self.link_key);
        if !has_data {
            return Ok(self.push(Event::Entry(Placed { parent, entry: new }), EVENT_BYTES)?);
        }
        let is_whole = |found: &Entry| found.notes.bits() & !entry.notes.bits() == 0;
        let found = match cut_off.filter(is_whole) {
            Some(found) => {
                (self.resumed)(entry.size);
                Some(found)
            }
            None => copied.filter(|copied| {
                earlier
                    && copied.size == entry.size
                    && is_whole(copied)
                    && !self.copied.is_lost(copied)
            }),
        };
        if let Some(found) = found {
            new.content = found.content;
            new.class = found.class;
            return Ok(self.push(Event::Entry(Placed { parent, entry: new }), EVENT_BYTES)?);
        }
        new.content = Content::None;
        let mut leader = None;
        if let Some(group) = group {
            if let Some(known) = self.links.get(&group) {
                let known = Arc::clone(known);
                let placed = Placed { parent, entry: new };
                return Ok(self.push(Event::Link(placed, known), EVENT_BYTES)?);
            }
            if self.links.len() >= MAX_LINKS {
                self.links.clear();
            }
            let known = Leader::default();
            self.links.insert(group, Arc::clone(&known));
            leader = Some(known);
        }
        let placed = Placed { parent, entry: new };
        self.push(Event::File(placed, leader), EVENT_BYTES)?;
        self.content(&entry)?;
        Ok(self.push(Event::End, EVENT_BYTES)?)
    }

    /// Whether the earlier snapshot has the same content under that name.
    fn find_earlier(&mut self, parent: &[u8], entry: &Entry) -> Result<bool, Ended> {
        let Some(earlier) = &mut self.earlier else {
            return Ok(false);
        };
        match earlier.cursor.find(parent, &entry.name) {
            Ok(found) => Ok(found.is_some_and(|found| same(&found.content, &entry.content))),
            Err(failure) if failure.source.is_damage() || failure.source.is_forgotten() => {
                Ok(false)
            }
            Err(failure) => Err(Ended::Failed(BackupError::CopiedTree(failure.source))),
        }
    }

    fn content(&mut self, entry: &Entry) -> Result<(), Ended> {
        let mut extents = Extents::new(self.pages, &entry.content);
        loop {
            let position = extents.position();
            let extent = match extents.next() {
                None => break,
                Some(Ok(extent)) => extent,
                Some(Err(error)) if error.is_damage() => {
                    // What follows on the list is not known: it counts as lost up to the end.
                    let rest = entry.size.saturating_sub(position);
                    return Ok(self.push(Event::Lost(rest, explain(&error)), EVENT_BYTES)?);
                }
                Some(Err(error)) => return Err(Ended::Failed(BackupError::CopiedTree(error))),
            };
            match extent {
                Extent::Data(chunk) => {
                    self.chunks.push(chunk);
                    self.push(Event::Chunk(chunk.len), u64::from(chunk.len))?;
                }
                Extent::Zeros(len) => self.push(Event::Zeros(len), EVENT_BYTES)?,
                gap => self.push(Event::Gap(gap), EVENT_BYTES)?,
            }
        }
        let covered = extents.position();
        if covered < entry.size {
            let what = "its list of content is shorter than it should be".to_owned();
            self.push(Event::Lost(entry.size - covered, what), EVENT_BYTES)?;
        }
        Ok(())
    }

    fn push(&mut self, event: Event, bytes: u64) -> Result<(), Stopped> {
        self.events.push(event);
        self.bytes += bytes;
        if self.bytes >= GROUP_BYTES || self.events.len() >= GROUP_EVENTS {
            self.close()?;
        }
        Ok(())
    }

    /// Has the chunks of the group read, and hands it on.
    fn close(&mut self) -> Result<(), Stopped> {
        if self.events.is_empty() {
            return Ok(());
        }
        let share = self.budget.take(self.bytes);
        self.bytes = 0;
        let chunks = std::mem::take(&mut self.chunks);
        let (answer, answered) = oneshot::channel();
        let fetcher = Arc::clone(&self.fetcher);
        let runtime = self.runtime.clone();
        // On a thread that may compute: opening and verifying takes longer than waiting for a disk.
        self.runtime.spawn_blocking(move || {
            drop(answer.send(runtime.block_on(fetcher.fetch(&chunks))));
        });
        let group = Group {
            events: std::mem::take(&mut self.events),
            fetched: answered,
            share,
        };
        self.send.send(Ok(group)).map_err(|_| Stopped)
    }
}

/// Notes that say that a file is not whole.
pub(super) const DAMAGED: Notes = Notes::READ_ERROR;

/// Whether two files of one repository have the same content, wherever it stands.
fn same(a: &Content, b: &Content) -> bool {
    match (a, b) {
        (Content::Extents(a), Content::Extents(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_extent(a, b))
        }
        (Content::Indirect { root: a, level: al }, Content::Indirect { root: b, level: bl }) => {
            a.id == b.id && al == bl
        }
        _ => false,
    }
}

fn same_extent(a: &Extent, b: &Extent) -> bool {
    match (a, b) {
        (Extent::Data(a), Extent::Data(b)) => a.id == b.id && a.len == b.len,
        (a, b) => a == b,
    }
}
