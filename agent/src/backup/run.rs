//! A backup from beginning to end.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use orlop_chunker::GearTable;
use orlop_repo::index::{CacheFolder, SegmentBuilder, read_segment};
use orlop_repo::keys::BlockOptions;
use orlop_repo::log::{Role, State};
use orlop_repo::model::SnapshotId;
use orlop_repo::repository::{Repository, Session, SessionError, SessionRequest};
use orlop_repo::seal::{BlockKind, Compression};
use orlop_repo::snapshot::{Problem, RootRef, Snapshot, Statistics};
use parking_lot::Mutex;

use super::assemble::Assembler;
use super::batch::{Batch, Done};
use super::dedup::Dedup;
use super::error::BackupError;
use super::feed::{Feeder, Policy};
use super::links::Links;
use super::options::{BackupOptions, BackupSummary, Source, Tools};
use super::packer::{Packer, SharedUploads, Uploads};
use super::pages::Pages;
use super::parent::{self, Parent};
use super::reports::Reports;
use super::scan;
use super::source::Opened;
use super::work::Workshop;
use crate::fs::Time;
use crate::memory::ByteBudget;
use crate::progress::Progress;

/// A checkpoint is written at least this often (engine design, section 4).
const CHECKPOINT_EVERY: Duration = Duration::from_mins(1);
/// And after this many stored bytes.
const CHECKPOINT_BYTES: u64 = 256 << 20;

/// Blocks of a megabyte compress as well at level 1 as chunks by themselves at level 3, in half
/// the time: the source tree of `benches/compare` takes 230 MB and 204 MB, restic's 263 MB.
const LEVEL: Compression = Compression::Zstd(1);
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
    let mut opened = Opened::open(source, options, time_of(started_ms))?;
    let (session, base) = begin(tools, options)?;
    let session = Arc::new(session);
    let _scan = expect(&mut opened, base.as_ref(), options, progress);
    let state = tools.runtime.block_on(repository.state());
    tools.runtime.block_on(tools.sync_index(&state))?;
    let run = Run::new(tools, options, progress, &session, &state)?;
    let pages = parent::pages(tools, options.memory.block_cache);
    let parent = match &base {
        Some(base) => Parent::of(base, &pages, &state),
        None => Parent::none(),
    };
    let kind = opened.kind();
    let source = opened.named().to_vec();
    let finished = run.pipeline(opened, parent);
    let finished = match finished {
        Ok(finished) => finished,
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
        parent: base.map(|base| base.id),
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
    }
    let duration = repository.clock().monotonic().saturating_sub(started);
    Ok(BackupSummary { snapshot, duration })
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

/// Opens a session on the snapshot to compare with; gives both.
fn begin(
    tools: &Tools,
    options: &BackupOptions,
) -> Result<(Session, Option<Snapshot>), BackupError> {
    let repository = Arc::clone(&tools.repository);
    let find = |state: &State| match options.parent {
        Some(id) => state
            .snapshots
            .get(&id)
            .cloned()
            .map(Some)
            .ok_or(BackupError::NoParent(id)),
        None => Ok(state
            .snapshots
            .values()
            .filter(|snapshot| snapshot.volume == options.volume)
            .max_by_key(|snapshot| snapshot.finished_ms)
            .cloned()),
    };
    if options.dry_run {
        let state = tools.runtime.block_on(repository.state());
        return Ok((Session::detached(repository)?, find(&state)?));
    }
    let mut base = None;
    let session = tools
        .runtime
        .block_on(Session::begin::<BackupError>(repository, |state| {
            base = find(state)?;
            Ok(SessionRequest {
                role: Role::Writer,
                base: base.as_ref().map(|base| base.id),
                adopts: Vec::new(),
                owner: options.owner.clone(),
                client: options.client.clone(),
            })
        }))?;
    Ok((session, base))
}

fn new_id(repository: &Repository) -> Result<SnapshotId, BackupError> {
    let mut id = [0; SnapshotId::LEN];
    repository
        .entropy()
        .fill(&mut id)
        .map_err(SessionError::from)?;
    Ok(SnapshotId::from_bytes(id))
}

/// A running backup.
struct Run<'a> {
    options: &'a BackupOptions,
    progress: &'a Arc<Progress>,
    tools: &'a Tools,
    session: Arc<Session>,
    dedup: Arc<Dedup>,
    shop: Arc<Workshop>,
}

/// What the pipeline gives.
struct Finished {
    root: RootRef,
    stats: Statistics,
    problems: Vec<Problem>,
    incomplete: u64,
}

/// What reaches the thread that puts it all together.
enum Message {
    /// A batch was worked off.
    Done(Result<Done, BackupError>),
    /// The walk has ended, after this many batches.
    Fed(Result<u64, BackupError>),
}

impl<'a> Run<'a> {
    fn new(
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
            params: repository.format().cut,
            options: BlockOptions {
                compression: LEVEL,
                ..BlockOptions::default()
            },
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

    /// Reads the source and stores it; gives the root of its tree.
    fn pipeline(&self, opened: Opened, parent: Parent<'_>) -> Result<Finished, BackupError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.options.threads)
            .thread_name(|n| format!("worker-{n}"))
            .build()
            .map_err(|_| BackupError::PartGone)?;
        let (send, receive) = unbounded();
        let stop = AtomicBool::new(false);
        let budget = ByteBudget::new(self.options.memory.in_flight);
        let links = self.options.memory.links / 2;
        let policy = Policy {
            trust: opened.trust(),
            force: self.options.force,
            sample: self.options.sample,
        };
        std::thread::scope(|scope| {
            let (stop, pool) = (&stop, &pool);
            let feeder = std::thread::Builder::new().name("walk".to_owned());
            feeder
                .spawn_scoped(scope, move || {
                    // The only sender besides those of batches under way: when it is dropped,
                    // whoever waits for messages hears the end.
                    let sender = send;
                    let hand_on = |batch| hand_on(batch, stop, pool, &self.shop, &sender);
                    let feeder = Feeder::new(&self.shop, parent, policy, budget, links, hand_on);
                    let fed = opened.feed(feeder);
                    drop(sender.send(Message::Fed(fed)));
                })
                .map_err(|_| BackupError::PartGone)?;
            let result = self.assemble(&receive);
            if result.is_err() {
                // The walk may wait for memory that only these messages can free.
                stop.store(true, Ordering::Relaxed);
                while let Ok(message) = receive.recv() {
                    if matches!(message, Message::Fed(_)) {
                        break;
                    }
                }
            }
            result
        })
    }

    fn assemble(&self, receive: &Receiver<Message>) -> Result<Finished, BackupError> {
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
            self.shop.options,
            packer(BlockKind::Tree),
            packer(BlockKind::Tree),
        );
        let data = packer(BlockKind::Data);
        let mut assembler = Assembler::new(Arc::clone(&self.shop), data, pages);
        let mut checkpoints = Checkpoints::new(self.tools.repository.clock().monotonic());
        let (mut taken, mut total) = (0, None);
        while total != Some(taken) {
            match receive.recv().map_err(|_| BackupError::PartGone)? {
                Message::Done(done) => {
                    assembler.take(done?)?;
                    taken += 1;
                }
                Message::Fed(batches) => total = Some(batches?),
            }
            if !self.options.dry_run {
                checkpoints.write_if_due(self, uploads.borrow().stored())?;
            }
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
        Ok(Finished {
            root: RootRef(root),
            stats,
            problems,
            incomplete,
        })
    }

    /// Names what is stored, so that the next run finds it, and ends the session. The backup has
    /// failed already: what fails here is only noted.
    fn give_up(&self) {
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

/// When the next checkpoint is due.
struct Checkpoints {
    last: Duration,
    stored: u64,
}

impl Checkpoints {
    fn new(now: Duration) -> Self {
        Self {
            last: now,
            stored: 0,
        }
    }

    fn write_if_due(&mut self, run: &Run<'_>, stored: u64) -> Result<(), BackupError> {
        let now = run.tools.repository.clock().monotonic();
        let due = now.saturating_sub(self.last) >= CHECKPOINT_EVERY
            || stored - self.stored >= CHECKPOINT_BYTES;
        if !due || stored == self.stored {
            return Ok(());
        }
        run.write_segments()?;
        run.tools.runtime.block_on(run.session.checkpoint(None))?;
        let state = run.tools.runtime.block_on(run.tools.repository.state());
        run.dedup.refresh(&state);
        (self.last, self.stored) = (now, stored);
        Ok(())
    }
}

fn time_of(unix_ms: u64) -> Time {
    Time {
        secs: i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX),
        nanos: u32::try_from(unix_ms % 1000).unwrap_or(0) * 1_000_000,
    }
}
