//! A check from beginning to end.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::error::CheckError;
use super::examine::Examined;
use super::history::check_history;
use super::meta;
use super::options::{CheckOptions, CheckProgress, Phase};
use super::packs::{Packs, check_packs};
use super::report::{CheckReport, HurtFile, Remedy, Severity};
use super::resolve::Resolver;
use super::segments::{Index, check_segments};
use super::trees::Walker;
use crate::log::State;
use crate::model::PackName;
use crate::repository::Repository;
use crate::store::Folder;

/// Checks a repository as its log stands when this begins.
///
/// Reads only. Must run on a tokio runtime with I/O; packs are verified on rayon's threads, trees
/// walked on a blocking one. When the future is dropped, what runs there ends by itself.
///
/// Packs that maintenance sweeps meanwhile are passed over. A snapshot that is forgotten *and*
/// swept meanwhile may be reported as hurt: check again.
///
/// # Errors
///
/// [`CheckError`]: the check did not come to its end, which says nothing about the repository.
/// What is wrong with the repository is in the report, never here.
pub async fn check(
    repository: &Arc<Repository>,
    options: &CheckOptions,
    progress: Arc<dyn CheckProgress>,
) -> Result<CheckReport, CheckError> {
    let notes = Arc::new(Notes {
        report: Mutex::default(),
        progress,
    });
    let state = Arc::new(repository.state().await);
    let listing = repository.store().list(&Folder::parse("meta")?).await?;
    notes.phase(Phase::Log, state.next);
    let history = check_history(repository, &state, &listing, &notes).await?;
    notes.phase(Phase::Meta, meta::count(&state, &history));
    meta::check_meta(repository, &state, &history, &listing, &notes).await?;
    inspect_content(repository, &state, options, &notes).await?;
    Ok(notes.take())
}

/// What is known of the content of a repository after it was looked at.
pub(crate) struct Inspected {
    /// The state that it was held against.
    pub(crate) state: Arc<State>,
    /// Index, packs, and what trees need of them.
    pub(crate) resolver: Resolver,
    /// What is in packs that are gone or damaged.
    pub(crate) examined: Examined,
    /// What was found, with the files that it hurts.
    pub(crate) report: CheckReport,
}

/// Looks at index, packs and trees, as [`check`] does, for whoever mends them.
pub(crate) async fn inspect(
    repository: &Arc<Repository>,
    options: &CheckOptions,
    progress: Arc<dyn CheckProgress>,
) -> Result<Inspected, CheckError> {
    let notes = Arc::new(Notes {
        report: Mutex::default(),
        progress,
    });
    let state = Arc::new(repository.state().await);
    let (resolver, examined) = inspect_content(repository, &state, options, &notes).await?;
    Ok(Inspected {
        state,
        resolver,
        examined,
        report: notes.take(),
    })
}

/// What is known of index and packs after they were looked at.
pub(crate) struct Structure {
    /// The state that they were held against.
    pub(crate) state: Arc<State>,
    pub(crate) index: Index,
    pub(crate) packs: Packs,
}

/// Looks at index and packs alone.
pub(crate) async fn inspect_structure(
    repository: &Arc<Repository>,
    options: &CheckOptions,
    progress: Arc<dyn CheckProgress>,
) -> Result<Structure, CheckError> {
    let notes = Notes {
        report: Mutex::default(),
        progress,
    };
    let state = Arc::new(repository.state().await);
    notes.phase(Phase::Index, state.segments.len() as u64);
    let index = check_segments(repository, &state, options, &notes).await?;
    notes.phase(Phase::Packs, state.packs.len());
    let packs = check_packs(repository, &state, &index, options, &notes).await?;
    Ok(Structure {
        state,
        index,
        packs,
    })
}

async fn inspect_content(
    repository: &Arc<Repository>,
    state: &Arc<State>,
    options: &CheckOptions,
    notes: &Arc<Notes>,
) -> Result<(Resolver, Examined), CheckError> {
    notes.phase(Phase::Index, state.segments.len() as u64);
    let index = check_segments(repository, state, options, notes).await?;
    notes.phase(Phase::Packs, state.packs.len());
    let mut packs = check_packs(repository, state, &index, options, notes).await?;
    let unlisted = std::mem::take(&mut packs.unlisted);
    notes.phase(Phase::Snapshots, state.snapshots.len() as u64);
    let runtime = Handle::current();
    let resolver = Resolver::new(repository, runtime, Arc::clone(state), index, packs);
    let (state, notes) = (Arc::clone(state), Arc::clone(notes));
    tokio::task::spawn_blocking(move || walk(resolver, &state, &unlisted, &notes))
        .await
        .map_err(|_| CheckError::PartGone)?
}

/// Walks every snapshot and counts the packs that none of them needs. What no segment lists is
/// found by whoever knows its place only.
fn walk(
    mut resolver: Resolver,
    state: &State,
    unlisted: &[PackName],
    notes: &Notes,
) -> Result<(Resolver, Examined), CheckError> {
    resolver.look_for_lost()?;
    if !resolver.back.is_empty() {
        let what = format!(
            "{} of the chunks that it declares lost can be read again: `orlop repair snapshots` \
             says so",
            resolver.back.len()
        );
        notes.add(&"log", Severity::Note, Remedy::RepairSnapshots, what);
    }
    let mut walker = Walker::new(&mut resolver, notes);
    for snapshot in state.snapshots.values() {
        walker.snapshot(snapshot)?;
        notes.step();
    }
    for pack in unlisted {
        if resolver.referenced.contains(pack) {
            let what = "no index segment lists it";
            notes.add(pack, Severity::Repairable, Remedy::RepairIndex, what);
        } else {
            // What was copied by a maintenance whose `Relocate` came too late, say.
            let what = "no index segment lists it, and no snapshot needs it";
            notes.add(pack, Severity::Note, None, what);
        }
    }
    let needed = resolver.referenced.iter();
    let needed = needed.filter(|pack| state.packs.contains(**pack)).count() as u64;
    notes.count(|report| {
        report.snapshots = state.snapshots.len() as u64;
        report.packs_unreferenced = state.packs.len().saturating_sub(needed);
    });
    let examined = resolver.examine(notes)?;
    resolver.settle(&examined, notes)?;
    Ok((resolver, examined))
}

/// The report as it grows, and who watches it.
pub(super) struct Notes {
    report: Mutex<CheckReport>,
    progress: Arc<dyn CheckProgress>,
}

impl Notes {
    fn take(&self) -> CheckReport {
        std::mem::take(&mut *self.report.lock())
    }

    /// Adds a finding.
    pub(super) fn add(
        &self,
        object: &impl ToString,
        severity: Severity,
        remedy: impl Into<Option<Remedy>>,
        what: impl Into<String>,
    ) {
        let mut report = self.report.lock();
        report.add(object, severity, remedy.into(), what);
        self.tell_last(&report);
    }

    /// Adds a hurt file to the finding about `object`, which is made if there is none.
    pub(super) fn add_hurt(&self, object: &str, what: &str, declared: bool, file: HurtFile) {
        let mut report = self.report.lock();
        let before = report.findings.len();
        report.add_hurt(object, what, declared, file);
        if report.findings.len() > before {
            self.tell_last(&report);
        }
    }

    /// Sets how bad what is known about an object is after all.
    pub(super) fn settle(&self, object: &str, severity: Severity, what: Option<&str>) {
        self.report.lock().settle(object, severity, what);
    }

    fn tell_last(&self, report: &CheckReport) {
        if let Some(finding) = report.findings.last() {
            self.progress.finding(finding);
        }
    }

    /// Counts something.
    pub(super) fn count(&self, count: impl FnOnce(&mut CheckReport)) {
        count(&mut self.report.lock());
    }

    /// Counts a pack that was read whole.
    pub(super) fn read(&self, bytes: u64) {
        self.count(|report| {
            report.packs_read += 1;
            report.bytes_read += bytes;
        });
        self.progress.bytes(bytes);
    }

    fn phase(&self, phase: Phase, total: u64) {
        self.progress.phase(phase, total);
    }

    /// One step of the phase is done.
    pub(super) fn step(&self) {
        self.progress.step();
    }

    /// Fails if the check was asked to stop.
    pub(super) fn go_on(&self) -> Result<(), CheckError> {
        if self.progress.is_cancelled() {
            return Err(CheckError::Cancelled);
        }
        Ok(())
    }
}
