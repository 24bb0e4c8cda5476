//! A backup from beginning to end.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use orlop_chunker::GearTable;
use orlop_repo::index::{CacheFolder, SegmentBuilder, read_segment};
use orlop_repo::keys::BlockOptions;
use orlop_repo::log::State;
use orlop_repo::model::SnapshotId;
use orlop_repo::repository::{Repository, Session, SessionError};
use orlop_repo::seal::{BlockKind, Compression};
use orlop_repo::snapshot::{Problem, RootRef, Snapshot, Statistics, check_labels};
use parking_lot::Mutex;

use super::assemble::Assembler;
use super::batch::{Batch, Done};
use super::begin::Begun;
use super::buffers::Buffers;
use super::checkpoints::{Checkpoints, Reached};
use super::dedup::Dedup;
use super::error::BackupError;
use super::feed::{Feeder, Policy};
use super::links::Links;
use super::options::{BackupOptions, BackupSummary, Resumed, Source, Tools};
use super::orphans;
use super::packer::{Packer, SharedUploads, Uploads};
use super::pages::{Pages, StoredPages};
use super::parent::Parent;
use super::reports::Reports;
use super::scan;
use super::source::Opened;
use super::work::Workshop;
use crate::fs::Time;
use crate::memory::ByteBudget;
use crate::progress::Progress;

/// How hard pages of the tree are compressed.
const PAGES: BlockOptions = BlockOptions {
    compression: Compression::Fast,
    verify: true,
};
/// A segment of fewer stored bytes counts as small: some 50,000 chunks.
const SMALL_SEGMENT: u64 = 1 << 20;
/// More small segments than this are merged by the next backup (engine design, section 5).
const SMALL_SEGMENTS: usize = 16;
/// Small segments that are merged at once: bounds the memory of a merge.
const MERGE_AT_ONCE: usize = 32;

/// Backs up one volume. Blocks; to be called outside the runtime's own threads.
///
/// # Errors
///
/// [`BackupError`]: no snapshot was made. Files that could not be read do not fail it: they are
/// named in the snapshot's problems and counted in `problem_count`.
pub fn backup(
    tools: &Tools,
    source: Source,
    options: &BackupOptions,
    progress: &Arc<Progress>,
) -> Result<BackupSummary, BackupError> {
    let repository = &tools.repository;
    let started = repository.clock().monotonic();
    let started_ms = repository.clock().unix_ms();
    check_labels(&options.volume, &options.tags)?;
    let mut opened = Opened::open(source, options, time_of(started_ms))?;
    let begun = Begun::new(tools, options)?;
    let session = &begun.session;
    let _scan = expect(&mut opened, begun.base.as_ref(), options, progress);
    orphans::adopt(tools, &begun, options)?;
    let state = tools.runtime.block_on(tools.sync_index())?;
    let run = Run::new(tools, options, progress, session, &state)?;
    let base = begun.base.as_ref();
    let pages = tools.pages(base.map(|base| base.id), options.memory.block_cache);
    let cut_off = begun.adopted.iter().filter_map(|adopted| adopted.partial);
    let parent = Parent::new(base, cut_off, &pages, &state, Arc::clone(&run.dedup));
    let kind = opened.kind();
    let source = opened.named().to_vec();
    let policy = Policy {
        trust: opened.trust(),
        force: options.force,
        sample: options.sample,
    };
    let finished = run.pipeline(|shop, budget, send| {
        let links = options.memory.links / 2;
        opened.feed(Feeder::new(shop, parent, policy, budget, links, send))
    });
    let finished = match finished {
        Ok(Some(finished)) => finished,
        Ok(None) => return Err(BackupError::Interrupted),
        Err(error) => {
            if !options.dry_run {
                run.give_up();
            }
            return Err(error);
        }
    };
    let snapshot = Snapshot {
        id: new_id(repository)?,
        started_ms,
        finished_ms: repository.clock().unix_ms(),
        volume: options.volume.clone(),
        tags: options.tags.clone(),
        parent: begun.base.as_ref().map(|base| base.id),
        root: finished.root,
        stats: finished.stats,
        problems: finished.problems,
        problem_count: finished.incomplete,
        engine: options.client.clone(),
        owner: options.owner.clone(),
        kind,
        source,
    };
    if !options.dry_run {
        tools.runtime.block_on(session.commit(snapshot.clone()))?;
        begun.done();
    }
    Ok(BackupSummary {
        snapshot,
        duration: repository.clock().monotonic().saturating_sub(started),
        resumed: Resumed {
            sessions: begun.adopted.len(),
            files: progress.files_resumed.get(),
            bytes: progress.bytes_resumed.get(),
        },
    })
}

/// Finds out how much there will be to read, as far as that is cheap.
fn expect(
    opened: &mut Opened,
    base: Option<&Snapshot>,
    options: &BackupOptions,
    progress: &Arc<Progress>,
) -> Option<scan::Running> {
    let scan = opened.scan()?;
    if let Some(base) = base {
        scan::estimate(base, progress);
        return None;
    }
    Some(scan.start(options.scan?, progress))
}

pub(super) fn new_id(repository: &Repository) -> Result<SnapshotId, BackupError> {
    let mut id = [0; SnapshotId::LEN];
    repository
        .entropy()
        .fill(&mut id)
        .map_err(SessionError::from)?;
    Ok(SnapshotId::from_bytes(id))
}

/// A running backup.
pub(super) struct Run<'a> {
    options: &'a BackupOptions,
    progress: &'a Arc<Progress>,
    tools: &'a Tools,
    session: Arc<Session>,
    pub(super) dedup: Arc<Dedup>,
    shop: Arc<Workshop>,
}

/// Sends a batch on its way.
pub(super) type Send<'s> = &'s mut dyn FnMut(Batch) -> Result<(), BackupError>;

/// What the pipeline gives.
pub(super) struct Finished {
    pub(super) root: RootRef,
    pub(super) stats: Statistics,
    pub(super) problems: Vec<Problem>,
    pub(super) incomplete: u64,
}

/// What reaches the thread that puts it all together.
enum Message {
    /// A batch was worked off.
    Done(Result<Done, BackupError>),
    /// The walk has ended, after this many batches, or was stopped.
    Fed {
        batches: u64,
        result: Result<(), BackupError>,
    },
}

impl<'a> Run<'a> {
    pub(super) fn new(
        tools: &'a Tools,
        options: &'a BackupOptions,
        progress: &'a Arc<Progress>,
        session: &Arc<Session>,
        state: &State,
    ) -> Result<Self, BackupError> {
        let repository = &tools.repository;
        let (index, session) = (Arc::clone(&tools.index), Arc::clone(session));
        let folder = CacheFolder::TemporaryIn(options.scratch.clone());
        let memory = options.memory.session_index;
        let dedup = Dedup::new(index, Arc::clone(&session), state, memory, &folder)?;
        let dedup = Arc::new(dedup);
        let keys = Arc::clone(repository.keys());
        let clock = Arc::clone(repository.clock());
        let shop = Workshop {
            table: GearTable::new(keys.gear_secret()),
            keys,
            dedup: Arc::clone(&dedup),
            progress: Arc::clone(progress),
            reports: Arc::new(Reports::new(Arc::clone(progress))),
            suite: repository.format().chunker,
            cuts: repository.format().cuts,
            buffers: Buffers::default(),
            seed: *session.id().as_bytes(),
            now: Arc::new(move || time_of(clock.unix_ms())),
            links: Mutex::new(Links::new(options.memory.links / 2)),
        };
        Ok(Self {
            options,
            progress,
            tools,
            session,
            dedup,
            shop: Arc::new(shop),
        })
    }

    /// Stores what `feed` sends, from a thread of its own; gives the root of its tree, or nothing if
    /// the user asked to stop: then all that was done is named in the log, and the session has
    /// ended.
    pub(super) fn pipeline(
        &self,
        feed: impl FnOnce(&Workshop, ByteBudget, Send<'_>) -> Result<(), BackupError>
        + std::marker::Send,
    ) -> Result<Option<Finished>, BackupError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.options.threads)
            .thread_name(|n| format!("worker-{n}"))
            .build()
            .map_err(|_| BackupError::PartGone)?;
        let (send, receive) = unbounded();
        let stop = AtomicBool::new(false);
        let budget = ByteBudget::new(self.options.memory.in_flight);
        std::thread::scope(|scope| {
            let (stop, pool) = (&stop, &pool);
            let feeder = std::thread::Builder::new().name("walk".to_owned());
            feeder
                .spawn_scoped(scope, move || {
                    // The only sender besides those of batches under way: when it is dropped,
                    // whoever waits for messages hears the end.
                    let sender = send;
                    let mut batches = 0;
                    let mut hand_on = |batch| {
                        batches += 1;
                        hand_on(batch, stop, pool, &self.shop, &sender)
                    };
                    let result = feed(&self.shop, budget, &mut hand_on);
                    drop(sender.send(Message::Fed { batches, result }));
                })
                .map_err(|_| BackupError::PartGone)?;
            let result = self.assemble(&receive);
            if result.is_err() {
                // The walk may wait for memory that only these messages can free.
                stop.store(true, Ordering::Relaxed);
                while let Ok(message) = receive.recv() {
                    if matches!(message, Message::Fed { .. }) {
                        break;
                    }
                }
            }
            result
        })
    }

    fn assemble(&self, receive: &Receiver<Message>) -> Result<Option<Finished>, BackupError> {
        let plan = &self.options.memory;
        let uploads = Uploads::new(
            Arc::clone(&self.session),
            Arc::clone(&self.dedup),
            Arc::clone(self.progress),
            self.tools.runtime.clone(),
            plan.upload_slots,
            self.options.dry_run,
        );
        let uploads: SharedUploads = Rc::new(RefCell::new(uploads));
        let packer = |kind| Packer::new(kind, plan.pack_target, Rc::clone(&uploads));
        let pages = Pages::new(
            Arc::clone(&self.shop.keys),
            Arc::clone(&self.dedup),
            Arc::clone(self.progress),
            PAGES,
            StoredPages::new(
                Arc::clone(&self.tools.repository),
                self.tools.runtime.clone(),
            ),
            packer(BlockKind::Tree),
            packer(BlockKind::Tree),
        );
        let data = packer(BlockKind::Data);
        let mut assembler = Assembler::new(Arc::clone(&self.shop), data, pages);
        let clock = self.tools.repository.clock();
        let mut checkpoints = Checkpoints::new(self.options.checkpoints, clock.monotonic());
        let (mut taken, mut total, mut interrupted) = (0, None, false);
        while total != Some(taken) {
            match receive.recv().map_err(|_| BackupError::PartGone)? {
                Message::Done(done) => {
                    assembler.take(done?)?;
                    taken += 1;
                }
                Message::Fed { batches, result } => {
                    match result {
                        Ok(()) => {}
                        Err(BackupError::Interrupted) => interrupted = true,
                        Err(error) => return Err(error),
                    }
                    total = Some(batches);
                }
            }
            let reached = || Reached {
                time: clock.monotonic(),
                batches: taken,
                stored: uploads.borrow().stored(),
            };
            if !self.options.dry_run && checkpoints.is_due(reached()) {
                self.checkpoint(&mut assembler, &uploads)?;
                checkpoints.written(reached());
            }
        }
        if interrupted {
            if !self.options.dry_run {
                if taken > 0 {
                    self.checkpoint(&mut assembler, &uploads)?;
                }
                self.tools.runtime.block_on(self.session.end())?;
            }
            return Ok(None);
        }
        let (root, mut stats) = assembler.finish()?;
        uploads.borrow_mut().wait()?;
        if !self.options.dry_run {
            self.write_segments()?;
            self.merge_segments();
        }
        stats.added = self.progress.bytes_added.get();
        stats.added_stored = uploads.borrow().stored();
        let (problems, incomplete) = self.shop.reports.take();
        Ok(Some(Finished {
            root: RootRef(root),
            stats,
            problems,
            incomplete,
        }))
    }

    /// Names everything that is stored, with the tree of what is finished, so that it survives
    /// this process.
    fn checkpoint(
        &self,
        assembler: &mut Assembler,
        uploads: &SharedUploads,
    ) -> Result<(), BackupError> {
        let partial = assembler.partial()?.map(RootRef);
        uploads.borrow_mut().wait()?;
        self.write_segments()?;
        let checkpoint = self.session.checkpoint(partial);
        Ok(self.tools.runtime.block_on(checkpoint)?)
    }

    /// Names what is stored, so that the next run finds it, and ends the session. The backup has
    /// failed already: what fails here is only noted.
    pub(super) fn give_up(&self) {
        let stored = self
            .write_segments()
            .and_then(|()| Ok(self.tools.runtime.block_on(self.session.checkpoint(None))?));
        let ended = stored.and_then(|()| Ok(self.tools.runtime.block_on(self.session.end())?));
        if let Err(error) = ended {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "session left open"
            );
        }
    }

    /// Makes one segment of many small ones, so that opening the repository stays cheap however
    /// many backups it holds. That it fails is no failure of the backup.
    fn merge_segments(&self) {
        let repository = &self.tools.repository;
        let merged = self.tools.runtime.block_on(async {
            let state = repository.state().await;
            let small: Vec<_> = state
                .segments
                .iter()
                .filter(|segment| segment.len < SMALL_SEGMENT)
                .take(MERGE_AT_ONCE)
                .copied()
                .collect();
            if small.len() <= SMALL_SEGMENTS {
                return Ok(());
            }
            let mut builder = SegmentBuilder::new();
            for segment in &small {
                let segment = read_segment(repository.store(), repository.keys(), segment).await?;
                builder.add_segment(&segment, |pack| state.packs.contains(pack));
            }
            self.session
                .replace_segments(&small, &builder.finish())
                .await?;
            Ok::<_, BackupError>(())
        });
        if let Err(error) = merged {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "small index segments were not merged"
            );
        }
    }

    fn write_segments(&self) -> Result<(), BackupError> {
        for segment in self.dedup.take_segments() {
            self.tools
                .runtime
                .block_on(self.session.upload_segment(&segment))?;
        }
        Ok(())
    }
}

/// Has a batch worked off.
fn hand_on(
    batch: Batch,
    stopped: &AtomicBool,
    pool: &rayon::ThreadPool,
    shop: &Arc<Workshop>,
    sender: &Sender<Message>,
) -> Result<(), BackupError> {
    if stopped.load(Ordering::Relaxed) {
        return Err(BackupError::PartGone);
    }
    let (workshop, sender) = (Arc::clone(shop), sender.clone());
    pool.spawn_fifo(move || {
        let done = workshop.work_off(batch);
        drop(workshop);
        // Nobody listens any more if the backup has failed.
        drop(sender.send(Message::Done(done)));
    });
    Ok(())
}

fn time_of(unix_ms: u64) -> Time {
    Time {
        secs: i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX),
        nanos: u32::try_from(unix_ms % 1000).unwrap_or(0) * 1_000_000,
    }
}
