//! `Sweep`, deletion, `Swept`.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};

use super::{NotYet, Run};
use crate::flaws::{Flaw, is_left_out};
use crate::log::{Body, Invalid, SegmentRef, State, Sweep, Swept};
use crate::maintain::error::MaintainError;
use crate::maintain::mark::Mark;
use crate::maintain::options::MaintainPhase;
use crate::maintain::report::Amount;
use crate::maintain::sweep::sweepable;
use crate::model::{ObjectName, PackSet};

/// Objects that one request deletes.
const DELETE_AT_ONCE: usize = 250;
/// Such requests at a time.
const DELETES: usize = 4;

impl Run<'_> {
    /// Deletes what sweeps have named whose author did not come to the end.
    pub(super) fn finish_sweeps(&mut self, state: &State) -> Result<(), MaintainError> {
        if self.options.dry_run {
            self.report.finished = state.sweeps.len() as u64;
        }
        if state.sweeps.is_empty() || self.options.dry_run {
            return Ok(());
        }
        self.verify()?;
        for sweep in &state.sweeps {
            let segments = sweep.segments.iter().map(SegmentRef::name);
            let names = names(&sweep.packs, segments, &sweep.others)?;
            self.delete(&names)?;
            self.swept(sweep.number)?;
            self.report.finished += 1;
        }
        Ok(())
    }

    /// Reads the log again, down to the fold that the state rests on: it is still the one that was
    /// processed.
    pub(super) fn verify(&self) -> Result<(), MaintainError> {
        Ok(self
            .runtime
            .block_on(async { self.repository.chain().await.verify().await })?)
    }

    pub(super) fn delete(&self, names: &[ObjectName]) -> Result<(), MaintainError> {
        self.progress
            .phase(MaintainPhase::Deleting, names.len() as u64);
        let parts: Vec<_> = names
            .chunks(DELETE_AT_ONCE)
            .map(<[ObjectName]>::to_vec)
            .collect();
        self.runtime.block_on(async {
            let mut deleted = stream::iter(parts)
                .map(|part| async move {
                    let count = part.len() as u64;
                    let result = self.repository.store().delete(part).await;
                    result.map(|()| count)
                })
                .buffer_unordered(DELETES);
            while let Some(count) = deleted.next().await {
                self.progress.steps(count?);
                self.go_on()?;
            }
            Ok(())
        })
    }

    /// Says that all that a `Sweep` named is deleted. That somebody else said so is no error.
    fn swept(&self, sweep: u64) -> Result<(), MaintainError> {
        match self.append(|_| Ok(Body::Swept(Swept { sweep }))) {
            Err(NotYet::Failed(error)) if !is_done(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Sweeps what has waited for the time of grace, and deletes it. And deletes again what had
    /// been swept and has come back.
    pub(super) fn sweep(&mut self, mark: &Mark) -> Result<(), MaintainError> {
        let state = self.refreshed()?;
        let back = undead(mark, &state);
        if !back.is_empty() {
            self.report.reappeared += back.len() as u64;
            if !self.options.dry_run {
                self.verify()?;
                self.delete(&back)?;
            }
        }
        if is_left_out(Flaw::OrphanWithoutSweep) {
            let orphans = mark.survey.unnamed.keys();
            let orphans = orphans.filter(|pack| state.open_session(pack.session).is_err());
            let names: Vec<_> = orphans.map(|pack| ObjectName::pack(*pack)).collect();
            self.delete(&names)?;
        }
        let due = self.due(&state)?;
        let segments = &mark.survey.segments;
        loop {
            if self.options.dry_run {
                let sweep = sweepable(&self.refreshed()?, &due, segments);
                if let Some(sweep) = sweep {
                    self.report.swept.add(amount(mark, &sweep));
                }
                return Ok(());
            }
            let mut said = None;
            let appended = self.append(|state| {
                let sweep = sweepable(state, &due, segments).ok_or(NotYet::Nothing)?;
                said = Some(sweep.clone());
                Ok(Body::Sweep(sweep))
            });
            let number = match appended {
                Ok(entry) => entry.number,
                Err(NotYet::Failed(error)) => return Err(error),
                Err(NotYet::Nothing | NotYet::Moved) => return Ok(()),
            };
            let Some(sweep) = said else { return Ok(()) };
            self.verify()?;
            let names = names(
                &sweep.packs,
                sweep.segments.iter().map(SegmentRef::name),
                &sweep.others,
            )?;
            self.delete(&names)?;
            self.swept(number)?;
            self.report.swept.add(amount(mark, &sweep));
        }
    }

    /// The `Condemn`s whose time of grace is over.
    fn due(&self, state: &State) -> Result<BTreeSet<u64>, MaintainError> {
        let mut due = BTreeSet::new();
        for condemned in &state.condemned {
            if self.grace_ends(condemned.number)?.is_none() {
                due.insert(condemned.number);
            }
        }
        Ok(due)
    }

    /// When the time of grace of a `Condemn` ends, in milliseconds since 1970, unless it is over.
    pub(super) fn grace_ends(&self, number: u64) -> Result<Option<u64>, MaintainError> {
        let grace = u64::try_from(self.options.grace.as_millis()).unwrap_or(u64::MAX);
        if grace == 0 {
            return Ok(None);
        }
        let entry = self
            .runtime
            .block_on(async { self.repository.chain().await.entry(number).await })?;
        let ends = entry.time_ms.saturating_add(grace);
        Ok((ends > self.repository.clock().unix_ms()).then_some(ends))
    }
}

/// Whether somebody else has said that the sweep is finished.
fn is_done(error: &MaintainError) -> bool {
    matches!(error, MaintainError::Refused(Invalid::NoSweep(_)))
}

fn amount(mark: &Mark, sweep: &Sweep) -> Amount {
    Amount {
        packs: sweep.packs.len(),
        bytes: mark.survey.len_of(&sweep.packs),
        others: (sweep.segments.len() + sweep.others.len()) as u64,
    }
}

/// The names of objects that a `Sweep` names.
fn names(
    packs: &PackSet,
    segments: impl Iterator<Item = ObjectName>,
    others: &[String],
) -> Result<Vec<ObjectName>, MaintainError> {
    let mut names: Vec<_> = packs.iter().map(ObjectName::pack).chain(segments).collect();
    for other in others {
        names.push(ObjectName::parse(other)?);
    }
    Ok(names)
}

/// Objects that are stored although a `Sweep` has named them: a put or a delete came late.
fn undead(mark: &Mark, state: &State) -> Vec<ObjectName> {
    let dead = |name: &&ObjectName| state.dead_objects.contains(name.as_str());
    let loose = mark.survey.loose.iter();
    let packs = mark.survey.undead.iter().map(ObjectName::pack);
    packs.chain(loose.filter(dead).cloned()).collect()
}
