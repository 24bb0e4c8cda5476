//! A copy from beginning to end.

use std::collections::HashMap;
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};
use orlop_repo::model::{ChunkRef, SnapshotId};
use orlop_repo::repository::BlockReader;
use orlop_repo::seal::BlockKind;
use orlop_repo::snapshot::{
    MAX_PROBLEM_BYTES, MAX_PROBLEMS, Problem, Snapshot, Statistics, check_labels,
};
use orlop_repo::tree::{KeyRange, TreeCursor};

use super::feed::CopyFeeder;
use super::fetch::Fetcher;
use super::options::{COPIED_FROM, CopyOptions, CopySummary, Origin};
use super::plan::{Earlier, Group, Planner};
use crate::backup::batch::Batch;
use crate::backup::begin::Begun;
use crate::backup::feed::{Feeder, Policy};
use crate::backup::orphans;
use crate::backup::parent::Parent;
use crate::backup::run::{Finished, Run, new_id};
use crate::backup::{BackupError, BackupOptions, Resumed, Tools};
use crate::fs::Trust;
use crate::memory::{ByteBudget, MemoryPlan};
use crate::progress::Progress;

/// Groups that wait for their turn at the most; their bytes are bounded by the budget.
const WAITING: usize = 64;

/// Copies a snapshot to another repository. Blocks; to be called outside the runtime's own threads.
///
/// The copy has the original's volume, times, tags and owner, and a tag [`COPIED_FROM`]. Whoever
/// wants the original to stay while it is read announces that first
/// ([`Reading`](orlop_repo::repository::Reading)).
///
/// A copy that was cut off is carried on by the next one of the same snapshot.
///
/// # Errors
///
/// [`BackupError`]: no snapshot was made. What is damaged in the source does not fail it: it is
/// named in the copy's problems, and counted in [`CopySummary::damaged`].
pub fn copy(
    source: &Tools,
    original: &Snapshot,
    target: &Tools,
    options: &CopyOptions,
    progress: &Arc<Progress>,
) -> Result<CopySummary, BackupError> {
    let repository = &target.repository;
    let started = repository.clock().monotonic();
    let origin = Origin {
        repository: source.repository.id(),
        snapshot: original.id,
    };
    let mut tags = original.tags.clone();
    tags.insert(COPIED_FROM.to_owned(), origin.to_string());
    check_labels(&original.volume, &tags)?;
    progress.files_total.add(original.stats.files);
    progress.bytes_total.add(original.stats.bytes);
    progress.set_total_known();

    let memory = halved(options.memory);
    let earlier = earlier(source, original, target);
    let mut as_backup = as_backup(options, origin, memory);
    let (begun, earlier) = begin(target, &mut as_backup, earlier)?;
    let session = &begun.session;
    orphans::adopt(target, &begun, &as_backup)?;
    let state = target.runtime.block_on(target.sync_index())?;
    let run = Run::new(target, &as_backup, progress, session, &state)?;

    let copied_pages = target.pages(as_backup.parent, memory.block_cache / 4);
    let cut_off = begun.adopted.iter().filter_map(|adopted| adopted.partial);
    let base = earlier.as_ref().map(|(_, copied)| copied);
    let copied = Parent::new(base, cut_off, &copied_pages, &state, Arc::clone(&run.dedup));
    let pages = source.pages(original.id, memory.block_cache / 4);
    let earlier_pages = source.pages(
        earlier.as_ref().map(|(before, _)| before.id),
        memory.block_cache / 4,
    );
    let earlier = earlier.as_ref().map(|(before, _)| Earlier {
        cursor: TreeCursor::new(&earlier_pages, before.root.0, KeyRange::all()),
    });
    let fetcher = Arc::new(Fetcher {
        blocks: BlockReader::new(
            Arc::clone(&source.repository),
            BlockKind::Data,
            memory.block_cache,
        ),
        elsewhere: source.elsewhere(original.id),
    });
    let resumed = |bytes: u64| {
        progress.files_resumed.add(1);
        progress.bytes_resumed.add(bytes);
    };

    let finished = run.pipeline(|shop, budget, send_batch| {
        let (send, groups) = bounded(WAITING);
        let planner = Planner {
            pages: &pages,
            earlier,
            copied,
            link_key: *repository.keys().link_key(),
            reports: Arc::clone(&shop.reports),
            fetcher,
            runtime: source.runtime.clone(),
            budget: ByteBudget::new(memory.in_flight),
            send,
            resumed: &resumed,
            events: Vec::new(),
            chunks: Vec::new(),
            bytes: 0,
            links: HashMap::new(),
        };
        let feeder = Feeder::new(shop, Parent::default(), POLICY, budget, 0, send_batch);
        side_by_side(planner, original.root.0, feeder, groups)
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
    let damaged = finished.incomplete;
    let mut snapshot = record(original, new_id(repository)?, finished);
    snapshot.tags = tags;
    snapshot.parent = as_backup.parent;
    if !options.dry_run {
        target.runtime.block_on(session.commit(snapshot.clone()))?;
        begun.done();
    }
    Ok(CopySummary {
        snapshot,
        damaged,
        duration: repository.clock().monotonic().saturating_sub(started),
        resumed: Resumed {
            sessions: begun.adopted.len(),
            files: progress.files_resumed.get(),
            bytes: progress.bytes_resumed.get(),
        },
    })
}

/// Nothing is compared with what a walk has seen.
const POLICY: Policy = Policy {
    trust: Trust::Never,
    force: false,
    sample: 0.0,
};

/// Goes through the tree and feeds the pipeline with what comes of it.
fn side_by_side<S: FnMut(Batch) -> Result<(), BackupError>>(
    planner: Planner<'_>,
    root: ChunkRef,
    feeder: Feeder<'_, S>,
    groups: Receiver<Result<Group, BackupError>>,
) -> Result<(), BackupError> {
    std::thread::scope(|scope| {
        let budget = planner.budget.clone();
        let plan = std::thread::Builder::new().name("plan".to_owned());
        plan.spawn_scoped(scope, || planner.run(root))
            .map_err(|_| BackupError::PartGone)?;
        let fed = CopyFeeder::new(feeder).run(&groups);
        // Whoever plans waits for room, or for somebody who listens.
        drop(groups);
        budget.release();
        fed
    })
}

/// The snapshots that what is copied is compared with: of the source, and its copy.
type Pair = (Snapshot, Snapshot);

/// Opens a session that pins the earlier copy, if that is still there.
fn begin(
    target: &Tools,
    options: &mut BackupOptions,
    earlier: Option<Pair>,
) -> Result<(Begun, Option<Pair>), BackupError> {
    options.parent = earlier.as_ref().map(|(_, copied)| copied.id);
    match Begun::new(target, options) {
        Ok(begun) => Ok((begun, earlier)),
        // It was forgotten just now.
        Err(BackupError::NoParent(_)) => {
            options.parent = None;
            Ok((Begun::new(target, options)?, None))
        }
        Err(error) => Err(error),
    }
}

/// The record of a copy: what the original's says, and what is another's.
fn record(original: &Snapshot, id: SnapshotId, finished: Finished) -> Snapshot {
    Snapshot {
        id,
        root: finished.root,
        stats: Statistics {
            files: finished.stats.files,
            folders: finished.stats.folders,
            others: finished.stats.others,
            bytes: finished.stats.bytes,
            added: finished.stats.added,
            added_stored: finished.stats.added_stored,
            ..original.stats
        },
        problems: problems(finished.problems, &original.problems),
        problem_count: finished.incomplete.saturating_add(original.problem_count),
        ..original.clone()
    }
}

/// Reading and storing share what a backup has for storing.
fn halved(memory: MemoryPlan) -> MemoryPlan {
    MemoryPlan {
        in_flight: memory.in_flight / 2,
        ..memory
    }
}

/// The latest snapshot of the volume of which the target has a copy, with that copy.
fn earlier(source: &Tools, original: &Snapshot, target: &Tools) -> Option<Pair> {
    let here = source.runtime.block_on(source.repository.state());
    let there = target.runtime.block_on(target.repository.state());
    let repository = source.repository.id();
    let copies = Origin::copies(&there);
    here.snapshots
        .values()
        .filter(|snapshot| snapshot.volume == original.volume && snapshot.id != original.id)
        .filter_map(|snapshot| {
            let origin = Origin {
                repository,
                snapshot: snapshot.id,
            };
            Some((snapshot, *copies.get(&origin)?))
        })
        // The nearest in time, before or after.
        .min_by_key(|(snapshot, _)| snapshot.started_ms.abs_diff(original.started_ms))
        .map(|(snapshot, copied)| (snapshot.clone(), copied.clone()))
}

/// What the parts of a backup are told of a copy. Its sessions are found by the snapshot that is
/// copied: what one has left is of use to no other.
fn as_backup(options: &CopyOptions, origin: Origin, memory: MemoryPlan) -> BackupOptions {
    BackupOptions {
        volume: format!("{COPIED_FROM} {origin}"),
        tags: std::collections::BTreeMap::new(),
        parent: None::<SnapshotId>,
        force: false,
        sample: 0.0,
        scan: None,
        dry_run: options.dry_run,
        owner: None,
        client: options.client.clone(),
        threads: options.threads,
        memory,
        scratch: options.scratch.clone(),
        predecessors: options.predecessors.clone(),
        checkpoints: options.checkpoints,
    }
}

/// New problems, then those of the original, as far as a record holds them.
fn problems(new: Vec<Problem>, original: &[Problem]) -> Vec<Problem> {
    let mut bytes = 0;
    new.into_iter()
        .chain(original.iter().cloned())
        .take(MAX_PROBLEMS)
        .take_while(|problem| {
            bytes += problem.path.len() + problem.what.len();
            bytes <= MAX_PROBLEM_BYTES
        })
        .collect()
}
