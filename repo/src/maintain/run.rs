//! One maintenance run, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use tokio::runtime::Handle;

use super::choose::choose;
use super::error::MaintainError;
use super::folds::stale_folds;
use super::kill::silent;
use super::living::Living;
use super::mark::{Mark, Marking, open_sessions};
use super::merge::mergeable;
use super::options::{MaintainOptions, MaintainPhase, MaintainProgress};
use super::propose::propose;
use super::repack::{Copied, Copier, block_share, parts};
use super::report::{Amount, MaintainReport, Waiting, WaitsFor};
use super::since::Verdict;
use super::survey::Standing;
use super::sweep::{held, sweepable};
use crate::index::{SegmentBuilder, read_segment};
use crate::log::{
    AppendError, Body, Condemn, Entry, Invalid, Role, SegmentRef, State, Sweep, Swept,
};
use crate::model::{ObjectName, PackName, PackSet};
use crate::repository::{Repository, Session, SessionError, SessionRequest};

/// How often a mark is made anew because of what others append.
const MAX_MARKS: u32 = 8;
/// How often a mark is brought up to the end of the log.
const MAX_ROUNDS: u32 = 1000;
/// Merges of segments in one run.
const MAX_MERGES: usize = 1000;
/// Entries after the last fold from which on a run writes one: every client reads them.
const FOLD_AFTER: u64 = 32;
/// Objects that one request deletes.
const DELETE_AT_ONCE: usize = 250;
/// Such requests at a time.
const DELETES: usize = 4;

/// Maintains a repository: what nobody needs is condemned, and what was condemned long enough ago
/// is deleted.
///
/// Blocks; to be called outside the runtime's own threads.
///
/// *Expected flow.* Sweeps that somebody did not finish; sessions of dead processes; the mark;
/// `Condemn`; `Sweep` of what has waited, deletion, `Swept`; copying out of packs that are mostly
/// dead, then mark, `Condemn` and `Sweep` again; merging of small segments; a fold.
///
/// *Guarantees.* Nothing is deleted that is needed, whatever others do at the same time, and
/// wherever this is cut off; the next run goes on from there.
///
/// # Errors
///
/// [`MaintainError::Stopped`] if what is needed cannot be told: nothing was condemned, nor swept.
pub fn maintain(
    repository: &Arc<Repository>,
    runtime: &Handle,
    options: &MaintainOptions,
    progress: &dyn MaintainProgress,
) -> Result<MaintainReport, MaintainError> {
    let mut run = Run {
        repository,
        runtime,
        options,
        progress,
        report: MaintainReport::default(),
    };
    let state = run.refreshed()?;
    // What this version does not know may be anything.
    if !state.is_writable() || !state.collect_features.is_empty() {
        return Err(MaintainError::Refused(Invalid::ReadOnly));
    }
    run.finish_sweeps(&state)?;
    run.kill_silent()?;
    let mut mark = run.condemn()?;
    run.sweep(&mark)?;
    if run.repack(&mark)? {
        // What was copied is garbage now, if it still is what lives.
        mark = run.condemn()?;
        run.sweep(&mark)?;
    }
    run.merge_segments(&mark)?;
    run.fold()?;
    run.sum_up(&mark)?;
    Ok(run.report)
}

/// Why an entry was not appended.
enum NotYet {
    /// The log has gone on since the entry was made.
    Moved,
    /// There is nothing to append any more.
    Nothing,
    Failed(MaintainError),
}

impl From<AppendError> for NotYet {
    fn from(error: AppendError) -> Self {
        Self::Failed(error.into())
    }
}

/// A run.
struct Run<'a> {
    repository: &'a Arc<Repository>,
    runtime: &'a Handle,
    options: &'a MaintainOptions,
    progress: &'a dyn MaintainProgress,
    report: MaintainReport,
}

impl Run<'_> {
    /// The state at the end of the log.
    fn refreshed(&self) -> Result<State, MaintainError> {
        self.go_on()?;
        self.runtime.block_on(async {
            let mut chain = self.repository.chain().await;
            chain.refresh().await?;
            Ok(chain.state().clone())
        })
    }

    fn go_on(&self) -> Result<(), MaintainError> {
        if self.progress.is_cancelled() {
            return Err(MaintainError::Cancelled);
        }
        Ok(())
    }

    /// Deletes what sweeps have named whose author did not come to the end.
    fn finish_sweeps(&mut self, state: &State) -> Result<(), MaintainError> {
        if state.sweeps.is_empty() || self.options.dry_run {
            return Ok(());
        }
        self.verify()?;
        for sweep in &state.sweeps {
            let segments = sweep.segments.iter().map(|segment| segment.name());
            let names = names(&sweep.packs, segments, &sweep.others)?;
            self.delete(names)?;
            self.swept(sweep.number)?;
            self.report.finished += 1;
        }
        Ok(())
    }

    /// Declares sessions dead that have given no sign of life for long enough.
    fn kill_silent(&mut self) -> Result<(), MaintainError> {
        let Some(after) = self.options.kill_after.filter(|_| !self.options.dry_run) else {
            return Ok(());
        };
        let state = self.refreshed()?;
        let silent = self
            .runtime
            .block_on(silent(self.repository, &state, after))?;
        for id in silent {
            // Of the same state: a sign of life that came since is seen.
            let signs = |state: &State| state.sessions.get(&id).map(|s| (s.begun, s.checkpoint));
            let seen = signs(&state);
            let killed = self.append(|state| {
                if signs(state) == seen && state.open_session(id).is_ok() {
                    Ok(Body::Kill(id))
                } else {
                    Err(NotYet::Nothing)
                }
            });
            match killed {
                Ok(_) => self.report.killed.push(id),
                Err(NotYet::Failed(error)) => return Err(error),
                Err(NotYet::Nothing | NotYet::Moved) => {}
            }
        }
        Ok(())
    }

    /// Copies what lives out of packs that are mostly dead; says whether anything was copied.
    fn repack(&mut self, mark: &Mark) -> Result<bool, MaintainError> {
        let state = self.refreshed()?;
        let options = self.options;
        let chosen = choose(mark, &state, options.max_unused, options.max_repack);
        if chosen.is_empty() {
            return Ok(false);
        }
        if options.dry_run {
            let packs: PackSet = chosen.iter().copied().collect();
            self.report.repacked.add(Amount {
                packs: packs.len(),
                bytes: mark.survey.len_of(&packs),
                others: 0,
            });
            return Ok(false);
        }
        let session = self.begin()?;
        let repacked = self.repack_in(&session, mark, &chosen);
        self.end(&session, repacked)
    }

    /// Ends a session, whatever came of the work in it: left open, it would hold others up.
    fn end<T>(
        &self,
        session: &Session,
        result: Result<T, MaintainError>,
    ) -> Result<T, MaintainError> {
        match (result, self.runtime.block_on(session.end())) {
            // That somebody has declared it dead is no matter: its work is done.
            (Ok(done), Ok(()) | Err(SessionError::Invalid(_))) => Ok(done),
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(error), _) => Err(error),
        }
    }

    fn repack_in(
        &mut self,
        session: &Session,
        mark: &Mark,
        chosen: &[PackName],
    ) -> Result<bool, MaintainError> {
        self.progress
            .phase(MaintainPhase::Repacking, chosen.len() as u64);
        let mut any = false;
        for part in parts(mark, chosen) {
            self.go_on()?;
            let living = mark.living_in(&part)?;
            let copied = self
                .runtime
                .block_on(self.copy(session, mark, &part, &living))?;
            for (pack, why) in &copied.failed {
                self.report.notes.push(format!("{pack}: not copied: {why}"));
            }
            if copied.old.is_empty() {
                continue;
            }
            let keepers: PackSet = copied.keepers.iter().map(|info| info.name).collect();
            let named =
                self.runtime
                    .block_on(session.relocate(&copied.segments, &copied.old, &keepers));
            let named = match named {
                Ok(named) => named,
                // Somebody has declared the session dead: what it copied is nobody's.
                Err(SessionError::Invalid(_)) => return Ok(any),
                Err(error) => return Err(error.into()),
            };
            any |= !named.is_empty();
            self.report.repacked.add(Amount {
                packs: named.len(),
                bytes: mark.survey.len_of(&named),
                others: 0,
            });
            self.report.keepers.add(Amount {
                packs: keepers.len(),
                bytes: copied.keepers.iter().map(|info| info.len).sum(),
                others: 0,
            });
        }
        Ok(any)
    }

    async fn copy(
        &self,
        session: &Session,
        mark: &Mark,
        packs: &[PackName],
        living: &Living,
    ) -> Result<Copied, MaintainError> {
        let mut copier = Copier::new(self.repository, session);
        let mut directories = Vec::new();
        for &pack in packs.iter().filter(|pack| living.contains_key(*pack)) {
            directories.extend(copier.directory(mark, pack).await?);
        }
        let share = block_share(living, &directories, self.options.max_unused);
        for directory in &directories {
            self.go_on()?;
            if let Some(living) = living.get(&directory.name()) {
                copier.copy(directory, living, share).await?;
            }
            self.progress.steps(1);
        }
        copier.finish().await
    }

    /// Makes one segment of many small ones.
    fn merge_segments(&mut self, mark: &Mark) -> Result<(), MaintainError> {
        let listed = &mark.survey.segments;
        let wanted = mergeable(&self.refreshed()?, listed);
        if wanted.is_empty() {
            return Ok(());
        }
        if self.options.dry_run {
            self.report.merged += wanted.len() as u64;
            return Ok(());
        }
        let session = self.begin()?;
        let merged = self.merge_in(&session, listed);
        self.end(&session, merged)
    }

    fn merge_in(
        &mut self,
        session: &Session,
        listed: &BTreeMap<SegmentRef, PackSet>,
    ) -> Result<(), MaintainError> {
        for _ in 0..MAX_MERGES {
            let state = self.refreshed()?;
            let wanted = mergeable(&state, listed);
            if wanted.is_empty() {
                break;
            }
            let repository = self.repository;
            self.runtime.block_on(async {
                let mut builder = SegmentBuilder::new();
                for segment in &wanted {
                    let segment =
                        read_segment(repository.store(), repository.keys(), segment).await?;
                    // What a sweep has named is gone for ever; all else stays listed.
                    builder.add_segment(&segment, |pack| !state.swept.contains(pack));
                }
                let bodies = builder.finish();
                Ok::<_, MaintainError>(session.replace_segments(&wanted, &bodies).await?)
            })?;
            self.report.merged += wanted.len() as u64;
        }
        Ok(())
    }

    /// Writes a fold, so that whoever opens the repository next has little to read.
    fn fold(&mut self) -> Result<(), MaintainError> {
        if self.options.dry_run {
            return Ok(());
        }
        self.go_on()?;
        let folded = self.runtime.block_on(async {
            let mut chain = self.repository.chain().await;
            if chain.entries_since_fold() < FOLD_AFTER {
                return Ok(false);
            }
            chain.fold().await.map(|()| true)
        })?;
        self.report.folded = folded;
        Ok(())
    }

    /// Before anything is deleted: the log is still the one that was processed.
    fn verify(&self) -> Result<(), MaintainError> {
        Ok(self
            .runtime
            .block_on(async { self.repository.chain().await.verify().await })?)
    }

    fn delete(&self, names: Vec<ObjectName>) -> Result<(), MaintainError> {
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
            Ok(_) | Err(NotYet::Failed(MaintainError::Refused(Invalid::NoSweep(_)))) => Ok(()),
            Err(NotYet::Failed(error)) => Err(error),
            Err(NotYet::Moved | NotYet::Nothing) => Ok(()),
        }
    }

    fn append(&self, say: impl FnMut(&State) -> Result<Body, NotYet>) -> Result<Entry, NotYet> {
        self.go_on().map_err(NotYet::Failed)?;
        self.runtime
            .block_on(async { self.repository.chain().await.append(say).await })
    }

    /// Marks and condemns, until nothing is left to be condemned; gives the mark.
    fn condemn(&mut self) -> Result<Mark, MaintainError> {
        for _ in 0..MAX_MARKS {
            let mut mark = self.mark()?;
            if !mark.rescue.is_empty() {
                self.report.rescued += mark.rescue.len();
                if !self.options.dry_run {
                    self.rescue(&mark.rescue)?;
                    continue;
                }
            }
            let folds = self
                .runtime
                .block_on(stale_folds(self.repository, &mark.survey.loose))?;
            if self.condemn_by(&mut mark, &folds)? == Verdict::Holds {
                return Ok(mark);
            }
        }
        Err(MaintainError::Outrun)
    }

    /// Marks. What is swept or merged meanwhile stops a mark, and is no damage: then another one
    /// is made.
    fn mark(&self) -> Result<Mark, MaintainError> {
        let mut before = self.refreshed()?.next;
        loop {
            let marking = Marking {
                repository: self.repository,
                runtime: self.runtime,
                options: self.options,
                progress: self.progress,
            };
            let error = match marking.mark() {
                Err(error @ MaintainError::Stopped { .. }) => error,
                result => return result,
            };
            let now = self.refreshed()?.next;
            if now == before {
                return Err(error);
            }
            before = now;
        }
    }

    /// Brings packs back that were condemned although something live needs them.
    fn rescue(&self, packs: &PackSet) -> Result<(), MaintainError> {
        let session = self.begin()?;
        for pack in packs.iter() {
            session.rely_on(pack);
        }
        let rescued = self.runtime.block_on(async {
            session.checkpoint(None).await?;
            session.end().await
        });
        match rescued {
            // Somebody has swept one of them, or says that this session is dead: the next mark
            // sees what is left.
            Err(SessionError::Invalid(_)) => Ok(()),
            result => Ok(result?),
        }
    }

    /// Opens a session of a maintainer: whoever uploads or relies on something has one.
    fn begin(&self) -> Result<Session, MaintainError> {
        let session = Session::begin::<SessionError>(Arc::clone(self.repository), |_| {
            Ok(SessionRequest {
                role: Role::Maintainer,
                base: None,
                adopts: Vec::new(),
                owner: None,
                client: self.options.client.clone(),
                volume: None,
            })
        });
        Ok(self.runtime.block_on(session)?)
    }

    /// Condemns what a mark leaves, entry by entry. Each is appended only in the state up to which
    /// the mark was brought.
    fn condemn_by(
        &mut self,
        mark: &mut Mark,
        folds: &[ObjectName],
    ) -> Result<Verdict, MaintainError> {
        for _ in 0..MAX_ROUNDS {
            if self.catch_up(mark)? == Verdict::Void {
                return Ok(Verdict::Void);
            }
            let Some(condemn) = propose(mark, folds) else {
                return Ok(Verdict::Holds);
            };
            let examined = mark.survey.state.next;
            if self.options.dry_run {
                self.condemned(mark, &condemn);
                return Ok(Verdict::Holds);
            }
            let appended = self.append(|state| {
                if state.next == examined {
                    Ok(Body::Condemn(condemn.clone()))
                } else {
                    Err(NotYet::Moved)
                }
            });
            match appended {
                Ok(_) => self.condemned(mark, &condemn),
                Err(NotYet::Moved | NotYet::Nothing) => {}
                Err(NotYet::Failed(error)) => return Err(error),
            }
        }
        Err(MaintainError::Outrun)
    }

    fn condemned(&mut self, mark: &Mark, condemn: &Condemn) {
        self.report.broken += condemn.broken.len() as u64;
        self.report.condemned.add(Amount {
            packs: condemn.packs.len(),
            bytes: mark.survey.len_of(&condemn.packs),
            others: condemn.others.len() as u64,
        });
    }

    /// Brings a mark up to the end of the log.
    fn catch_up(&self, mark: &mut Mark) -> Result<Verdict, MaintainError> {
        self.go_on()?;
        let (next, head) = (mark.survey.state.next, mark.survey.state.head);
        let entries = self.runtime.block_on(async {
            let mut chain = self.repository.chain().await;
            chain.refresh().await?;
            chain.entries_since(next, head).await
        })?;
        match mark.take(&entries, self.repository, self.runtime, self.progress) {
            // What became live cannot be read: the next mark says whether it still is.
            Err(MaintainError::Stopped { .. }) => Ok(Verdict::Void),
            result => result,
        }
    }

    /// Sweeps what has waited for the time of grace, and deletes it. And deletes again what had
    /// been swept and has come back.
    fn sweep(&mut self, mark: &Mark) -> Result<(), MaintainError> {
        let state = self.refreshed()?;
        let back = undead(mark, &state);
        if !back.is_empty() {
            self.report.reappeared += back.len() as u64;
            if !self.options.dry_run {
                self.verify()?;
                self.delete(back)?;
            }
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
            let mut named = None;
            let appended = self.append(|state| {
                let sweep = sweepable(state, &due, segments).ok_or(NotYet::Nothing)?;
                named = Some(sweep.clone());
                Ok(Body::Sweep(sweep))
            });
            let number = match appended {
                Ok(entry) => entry.number,
                Err(NotYet::Failed(error)) => return Err(error),
                Err(NotYet::Nothing | NotYet::Moved) => return Ok(()),
            };
            let Some(sweep) = named else { return Ok(()) };
            self.verify()?;
            let names = names(
                &sweep.packs,
                sweep.segments.iter().map(|segment| segment.name()),
                &sweep.others,
            )?;
            self.delete(names)?;
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
    fn grace_ends(&self, number: u64) -> Result<Option<u64>, MaintainError> {
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

    /// Says what is left, and what waits.
    fn sum_up(&mut self, mark: &Mark) -> Result<(), MaintainError> {
        let state = self.refreshed()?;
        let report = &mut self.report;
        report.snapshots = state.snapshots.len() as u64;
        report.postponed = mark.postponed.len();
        report.notes.extend(mark.notes.iter().cloned());
        for (pack, usage) in mark.survey.packs.iter().zip(&mark.uses) {
            let stays = pack.standing == Standing::Live
                && state.is_reliable(pack.name)
                && !mark.garbage.contains(pack.name);
            if stays {
                report.packs += 1;
                report.bytes += pack.len;
                report.unused_bytes += usage.dead(pack.len);
            }
        }
        let numbers: BTreeSet<u64> = state.condemned.iter().map(|c| c.number).collect();
        for entry in numbers {
            let held = held(&state, entry);
            let mut packs = held.packs;
            packs.extend(&held.kept);
            let until_ms = self.grace_ends(entry)?;
            let sessions = open_sessions(&state)
                .filter(|(id, _)| held.sessions.contains(id))
                .map(|(id, session)| WaitsFor {
                    session: id,
                    begun: session.begun,
                    role: session.role,
                    client: session.client.clone(),
                    volume: session.volume.clone(),
                });
            self.report.waiting.push(Waiting {
                entry,
                amount: Amount {
                    packs: packs.len(),
                    bytes: mark.survey.len_of(&packs),
                    others: (held.others.len() + held.kept_others.len()) as u64,
                },
                until_ms,
                sessions: sessions.collect(),
            });
        }
        Ok(())
    }
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
