//! A restore from beginning to end.

use std::path::Path;
use std::sync::Arc;

use orlop_repo::snapshot::Snapshot;

use super::attributes::attributes;
use super::links::Links;
use super::options::{Existing, RestoreOptions};
use super::place::Part;
use super::planner::{Manner, Planner};
use super::prune::prune;
use super::shared::Shared;
use super::verify::verify;
use super::worker::work;
use super::{RestoreError, RestoreSummary};
use crate::backup::Tools;
use crate::fs::{
    ExternalSorter, Finisher, Kind, Order, Overwrite, RelPath, Sink, SinkOptions, WalkOptions,
};
use crate::progress::Progress;

/// Restores a snapshot, or a part of it.
///
/// Pages of the tree that cannot be read are named in the summary and cost what stands below them.
/// Folders whose own entry is lost so, and that something is beneath, are made for it: they get
/// mode 0700 and no other metadata; the target itself, or a folder that is there, stays as it is.
///
/// Blocks; not to be called on a thread of `tools.runtime`. What was restored is in the target
/// when it returns, but not synced. Files that are damaged in the repository, and objects that
/// could not be written, are named in the summary and stop nothing.
///
/// Nothing is written outside the target, whatever somebody else does in it meanwhile. After
/// [`Progress::cancel`] it returns soon; another restore into the same target continues, since a
/// file gets its modification time when it is whole.
///
/// # Errors
///
/// [`RestoreError`]: what stopped it. A store that does not answer is never taken for damage.
pub fn restore(
    tools: &Tools,
    snapshot: &Snapshot,
    mut options: RestoreOptions,
    progress: &Arc<Progress>,
) -> Result<RestoreSummary, RestoreError> {
    let cache = options.memory.block_cache;
    let pages = tools.pages(snapshot.id, cache);
    let part = Part::find(&pages, snapshot, &options.path)?;
    announce(snapshot, &options, &part, progress);
    let (sink, fresh) = open_target(&options)?;
    let sorter = usize::try_from(options.memory.sorter).unwrap_or(1 << 20);
    let shared = Shared::new(
        tools,
        snapshot.id,
        Arc::clone(progress),
        options.sparse,
        Finisher::new(sorter, options.scratch.clone()),
        ExternalSorter::new(Order::Ascending, sorter, options.scratch.clone()),
    );
    if let Some(failure) = &part.unknown {
        shared.report.lost_page(progress, part.snapshot, failure);
    }
    finish_target_later(&shared, &part, sink.as_ref(), &options, fresh)?;

    let manner = Manner {
        existing: options.existing,
        fresh,
        dry_run: options.dry_run,
    };
    let (queue, works) = crossbeam_channel::unbounded();
    let names = std::thread::scope(|scope| {
        let workers = if options.dry_run {
            0
        } else {
            options.threads.max(1)
        };
        for _ in 0..workers {
            let (works, shared) = (works.clone(), &shared);
            let cursor = sink.as_ref().map(Sink::cursor);
            scope.spawn(move || {
                if let Some(cursor) = cursor {
                    work(&works, shared, cursor);
                }
            });
        }
        drop(works);
        let cursor = sink.as_ref().map(Sink::cursor);
        let select = options.select.as_mut();
        let mut planner = Planner::new(
            &shared,
            &part,
            cursor,
            select,
            manner,
            &options.memory,
            queue,
        );
        let mut links = Links::new(sorter, &options.scratch);
        let outcome = planner
            .run(&mut links)
            .and_then(|()| links.first_of_each(&mut planner, &part))
            .and_then(|names| planner.flush().map(|()| names));
        outcome.inspect_err(|_| shared.stop(RestoreError::PartGone))
    });
    // A thread that stopped the restore knows why better than those that it stopped.
    let names = match (names, shared.take_fatal()) {
        (Ok(names), Ok(())) => names,
        (Err(RestoreError::PartGone) | Ok(_), Err(fatal)) => return Err(fatal),
        (Err(error), _) => return Err(error),
    };
    let empty = ExternalSorter::new(Order::Ascending, 0, options.scratch.clone());
    let leaders = std::mem::replace(&mut *shared.leaders.lock(), empty);
    let cursor = || sink.as_ref().filter(|_| !options.dry_run).map(Sink::cursor);
    names.link(&shared, leaders, cursor(), options.existing)?;
    shared.take_fatal()?;

    if options.delete && part.is_folder() && sink.is_some() {
        let walk = walk_options(&options);
        let select = options.select.as_mut();
        let cursor = sink.as_ref().filter(|_| !options.dry_run).map(Sink::cursor);
        prune(&shared, &part, &options.target, walk, select, cursor)?;
        shared.take_fatal()?;
    }
    let nothing = Finisher::new(0, options.scratch.clone());
    let finisher = std::mem::replace(&mut *shared.finisher.lock(), nothing);
    if let Some(sink) = sink.as_ref().filter(|_| !options.dry_run) {
        let outcome = finisher.finish(sink, |report| match report {
            Ok(warning) => shared.report.warnings(vec![warning]),
            Err(error) => {
                let path = RelPath::root();
                shared.report.error(progress, &path, &error);
            }
        });
        outcome.map_err(RestoreError::Write)?;
    }
    if options.verify && !options.dry_run {
        let walk = walk_options(&options);
        verify(
            &shared,
            &part,
            &options.target,
            walk,
            options.select.as_mut(),
            options.existing,
        )?;
    }
    shared.take_fatal()?;
    Ok(shared.report.into_summary())
}

/// Tells the totals, where they are known.
fn announce(snapshot: &Snapshot, options: &RestoreOptions, part: &Part<'_>, progress: &Progress) {
    if options.select.is_some() {
        return;
    }
    if !part.is_folder() {
        progress.files_total.add(1);
        progress.bytes_total.add(part.entry.size);
    } else if part.is_all() {
        progress.files_total.add(snapshot.stats.files);
        progress.bytes_total.add(snapshot.stats.bytes);
    } else {
        return;
    }
    progress.set_total_known();
}

fn walk_options(options: &RestoreOptions) -> WalkOptions {
    let mut walk = WalkOptions::new(options.scratch.clone());
    walk.memory = usize::try_from(options.memory.sorter).unwrap_or(walk.memory);
    walk
}

/// Opens the target, which is made unless the run is dry; says whether it is empty.
fn open_target(options: &RestoreOptions) -> Result<(Option<Sink>, bool), RestoreError> {
    let target: &Path = &options.target;
    let failed = |source| RestoreError::Target {
        target: target.to_owned(),
        source,
    };
    if options.dry_run && !target.exists() {
        return Ok((None, true));
    }
    if !options.dry_run {
        std::fs::create_dir_all(target).map_err(failed)?;
    }
    let overwrite = match options.existing {
        Existing::Never => Overwrite::Never,
        _ if options.delete => Overwrite::Folders,
        _ => Overwrite::Files,
    };
    // What is deleted stands in nobody's way, whatever happens to what stays.
    let overwrite = if options.delete {
        Overwrite::Folders
    } else {
        overwrite
    };
    let sink = Sink::open(
        target,
        SinkOptions {
            overwrite,
            unlock: true,
        },
    )
    .map_err(|source| RestoreError::Open {
        target: target.to_owned(),
        source,
    })?;
    let mut there = std::fs::read_dir(target).map_err(failed)?;
    let fresh = there.next().transpose().map_err(failed)?.is_none();
    Ok((Some(sink), fresh))
}

/// The target gets the metadata of the folder that it stands for.
fn finish_target_later(
    shared: &Shared,
    part: &Part<'_>,
    sink: Option<&Sink>,
    options: &RestoreOptions,
    fresh: bool,
) -> Result<(), RestoreError> {
    let known = part.is_folder() && part.unknown.is_none();
    let Some(sink) = sink.filter(|_| known && !options.dry_run) else {
        return Ok(());
    };
    if !fresh && (options.existing == Existing::Never || options.select.is_some()) {
        return Ok(());
    }
    let path = RelPath::root();
    let identity = sink
        .cursor()
        .folder_identity(&path)
        .map_err(|source| RestoreError::Open {
            target: options.target.clone(),
            source,
        })?;
    let mut entry = part.entry.clone();
    shared.finish_later(&path, identity, &attributes(&mut entry, Kind::Folder));
    shared.take_fatal()
}
