//! A check from beginning to end.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::error::CheckError;
use super::history::check_history;
use super::meta;
use super::options::{CheckOptions, CheckProgress, Phase};
use super::packs::check_packs;
use super::report::{CheckReport, HurtFile, Severity};
use super::resolve::Resolver;
use super::segments::check_segments;
use super::trees::Walker;
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
    notes.phase(Phase::Index, state.segments.len() as u64);
    let index = check_segments(repository, &state, options, &notes).await?;
    notes.phase(Phase::Packs, state.packs.len());
    let mut packs = check_packs(repository, &state, &index, options, &notes).await?;
    let unlisted = std::mem::take(&mut packs.unlisted);
    notes.phase(Phase::Snapshots, state.snapshots.len() as u64);
    let resolver = Resolver::new(
        repository,
        Handle::current(),
        Arc::clone(&state),
        index,
        packs,
    );
    let walk_notes = Arc::clone(&notes);
    tokio::task::spawn_blocking(move || walk(resolver, &state, &unlisted, &walk_notes))
        .await
        .map_err(|_| CheckError::PartGone)??;
    Ok(std::mem::take(&mut *notes.report.lock()))
}

/// Walks every snapshot and counts the packs that none of them needs. What no segment lists is
/// found by whoever knows its place only.
fn walk(
    mut resolver: Resolver,
    state: &crate::log::State,
    unlisted: &[PackName],
    notes: &Notes,
) -> Result<(), CheckError> {
    let mut walker = Walker::new(&mut resolver, notes);
    for snapshot in state.snapshots.values() {
        walker.snapshot(snapshot)?;
        notes.step();
    }
    for pack in unlisted {
        if resolver.referenced.contains(pack) {
            let what = "no index segment lists it";
            notes.add(pack, Severity::Repairable, what);
        } else {
            // What was copied by a maintenance whose `Relocate` came too late, say.
            let what = "no index segment lists it, and no snapshot needs it";
            notes.add(pack, Severity::Note, what);
        }
    }
    let needed = resolver.referenced.iter();
    let needed = needed.filter(|pack| state.packs.contains(**pack)).count() as u64;
    notes.count(|report| {
        report.snapshots = state.snapshots.len() as u64;
        report.packs_unreferenced = state.packs.len().saturating_sub(needed);
    });
    Ok(())
}

/// The report as it grows, and who watches it.
pub(super) struct Notes {
    report: Mutex<CheckReport>,
    progress: Arc<dyn CheckProgress>,
}

impl Notes {
    /// Adds a finding.
    pub(super) fn add(&self, object: &impl ToString, severity: Severity, what: impl Into<String>) {
        let mut report = self.report.lock();
        report.add(object, severity, what);
        self.tell_last(&report);
    }

    /// Adds a hurt file to the finding about `object`, which is made if there is none.
    pub(super) fn add_hurt(&self, object: &str, what: &str, file: HurtFile) {
        let mut report = self.report.lock();
        let before = report.findings.len();
        report.add_hurt(object, what, file);
        if report.findings.len() > before {
            self.tell_last(&report);
        }
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
