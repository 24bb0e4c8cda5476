//! Listing anew what the index should list.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::RepairError;
use super::folds::renew_fold;
use super::options::RepairOptions;
use super::report::IndexRepair;
use super::snapshots::{guard, maintainer, refreshed};
use crate::check::{CheckError, CheckProgress, Phase, Structure, inspect_structure};
use crate::explain::explain;
use crate::index::{SegmentBuilder, read_segment};
use crate::log::{AppendError, Body, Invalid, MergeIndex, SegmentRef, State};
use crate::model::{ObjectHash, ObjectName, PackName};
use crate::pack::{PackDirectory, PackError, read_directory, verify_pack};
use crate::repository::{Repository, Session, SessionError};

/// Chunks that are collected before segments are written, some 20 MiB of memory.
const FLUSH: usize = 500_000;
/// How often the index is looked at again because others change it.
const MAX_ROUNDS: u32 = 20;
/// Segments that one entry adds at the most.
const MAX_ADDED: usize = 2_000;
/// No pack is longer: blocks have 32-bit offsets, padding and footer come on top.
const MAX_PACK: u64 = (4 << 30) + (64 << 20);

/// Repairs the index.
///
/// Packs that no readable segment lists, or that a segment lists otherwise than they do themselves,
/// are read whole and listed anew in segments that replace the damaged ones, by a `MergeIndex`.
/// What else a replaced segment lists is taken over. Nothing becomes part of the repository that
/// was none before, so that this may happen beside everything else.
///
/// # Errors
///
/// [`RepairError`]; run again, it goes on.
pub async fn repair_index(
    repository: &Arc<Repository>,
    options: &RepairOptions,
    progress: &Arc<dyn CheckProgress>,
) -> Result<IndexRepair, RepairError> {
    let mut report = IndexRepair::default();
    for _ in 0..MAX_ROUNDS {
        let state = refreshed(repository).await?;
        guard(repository, &state)?;
        let structure = inspect_structure(repository, &options.check, Arc::clone(progress)).await?;
        let work = Work::of(&structure);
        if work.is_empty() {
            report.folded = renew_fold(repository, options).await?;
            return Ok(report);
        }
        report = IndexRepair::default();
        if options.dry_run {
            dry(&work, &mut report);
            report.folded = renew_fold(repository, options).await?;
            return Ok(report);
        }
        let request = |_: &State| Ok::<_, SessionError>(maintainer(options));
        let session = Session::begin(Arc::clone(repository), request).await?;
        let done = rebuild(&session, &structure, work, progress, &mut report).await;
        let ended = session.end().await;
        if done? {
            match ended {
                Ok(()) | Err(SessionError::Invalid(_)) => {}
                Err(error) => return Err(error.into()),
            }
            report.folded = renew_fold(repository, options).await?;
            return Ok(report);
        }
    }
    Err(RepairError::Outrun)
}

/// What is to be done.
#[derive(Default)]
struct Work {
    /// Segments that are replaced and cannot be read.
    broken: BTreeSet<SegmentRef>,
    /// Segments that are replaced and say something that is not so.
    wrong: BTreeSet<SegmentRef>,
    /// Packs that are listed anew.
    packs: BTreeSet<PackName>,
}

impl Work {
    fn of(structure: &Structure) -> Self {
        let Structure {
            state,
            index,
            packs,
        } = structure;
        let mut work = Self {
            broken: index.broken.iter().copied().collect(),
            ..Self::default()
        };
        for (pack, listed) in &index.packs {
            if index.disputed.contains(pack) || packs.contradicted.contains(pack) {
                work.packs.insert(*pack);
                work.wrong.extend(listed.segments());
            }
        }
        let unlisted = state.packs.iter().filter(|p| !index.packs.contains_key(p));
        for pack in unlisted.filter(|pack| !packs.missing.contains(pack)) {
            // The segments of a session that runs may come with its next entry.
            let is_open = state.open_session(pack.session).is_ok();
            if !is_open || !work.broken.is_empty() {
                work.packs.insert(pack);
            }
        }
        work
    }

    fn is_empty(&self) -> bool {
        self.broken.is_empty() && self.wrong.is_empty() && self.packs.is_empty()
    }

    fn removed(&self) -> Vec<SegmentRef> {
        self.broken.union(&self.wrong).copied().collect()
    }
}

fn dry(work: &Work, report: &mut IndexRepair) {
    report.replaced = work.removed().iter().map(SegmentRef::name).collect();
    report.listed = work.packs.iter().copied().collect();
}

/// Writes the segments and names them; `false` if somebody else has replaced some first.
async fn rebuild(
    session: &Session,
    structure: &Structure,
    mut work: Work,
    progress: &Arc<dyn CheckProgress>,
    report: &mut IndexRepair,
) -> Result<bool, RepairError> {
    let repository = session.repository();
    let mut writer = Writer {
        session,
        builder: SegmentBuilder::new(),
        held: 0,
        added: Vec::new(),
    };
    progress.phase(Phase::Packs, work.packs.len() as u64);
    for pack in std::mem::take(&mut work.packs) {
        if progress.is_cancelled() {
            return Err(CheckError::Cancelled.into());
        }
        match read(repository, pack).await? {
            Ok((directory, hash, damage)) => {
                report.damaged.extend(damage.map(|what| (pack, what)));
                let count = directory.chunk_count();
                writer.builder.add_directory(&directory, hash);
                writer.take(count).await?;
                report.listed.push(pack);
                work.packs.insert(pack);
            }
            Err(what) => report.unlisted.push((pack, what)),
        }
        progress.step();
    }
    // A segment stays if what it says wrongly cannot be said rightly.
    let index = &structure.index;
    work.wrong.retain(|segment| {
        let mut disputed = index.packs.iter().filter(|(pack, listed)| {
            let wrong =
                index.disputed.contains(pack) || structure.packs.contradicted.contains(pack);
            wrong && listed.segments().any(|by| by == *segment)
        });
        disputed.all(|(pack, _)| work.packs.contains(pack))
    });
    for segment in &work.wrong {
        let segment = read_segment(repository.store(), repository.keys(), segment).await?;
        let swept = &structure.state.swept;
        let count = segment.chunk_count();
        writer.builder.add_segment(&segment, |pack| {
            !work.packs.contains(&pack) && !swept.contains(pack)
        });
        writer.take(count).await?;
    }
    writer.flush().await?;
    let removed = work.removed();
    if writer.added.is_empty() && removed.is_empty() {
        return Ok(true);
    }
    report.replaced = removed.iter().map(SegmentRef::name).collect();
    report.written = writer.added.len() as u64;
    replace(session, writer.added, removed).await
}

/// Names new segments, and drops others with the last entry that is needed for it.
async fn replace(
    session: &Session,
    mut added: Vec<SegmentRef>,
    removed: Vec<SegmentRef>,
) -> Result<bool, RepairError> {
    loop {
        let part: Vec<_> = added.drain(..added.len().min(MAX_ADDED)).collect();
        let last = added.is_empty();
        let merge = MergeIndex {
            session: session.id(),
            added: part,
            removed: if last { removed.clone() } else { Vec::new() },
        };
        let mut chain = session.repository().chain().await;
        let appended = chain
            .append::<AppendError>(|_| Ok(Body::MergeIndex(merge.clone())))
            .await;
        match appended {
            Ok(_) if last => return Ok(true),
            Ok(_) => {}
            Err(AppendError::Invalid(Invalid::Segment(_) | Invalid::SessionNotOpen(_))) => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A pack as it lists itself, the hash of its object, and what is damaged in it; or why it does not
/// list anything.
type Listing = Result<(PackDirectory, ObjectHash, Option<String>), String>;

async fn read(repository: &Repository, pack: PackName) -> Result<Listing, RepairError> {
    let (store, keys) = (repository.store(), repository.keys());
    let bytes = match store.get(&ObjectName::pack(pack), MAX_PACK).await {
        Ok(bytes) => bytes,
        Err(error) if error.is_missing() || error.is_damage() => return Ok(Err(explain(&error))),
        Err(error) => return Err(error.into()),
    };
    let hash = ObjectHash::of(&bytes);
    let damage = match verify_pack(&bytes, keys, pack) {
        Ok(directory) => return Ok(Ok((directory, hash, None))),
        Err(error) if error.is_broken() => error,
        Err(error) => return Err(RepairError::Pack(error)),
    };
    drop(bytes);
    match read_directory(store, keys, pack, None, None).await {
        Ok(directory) => Ok(Ok((directory, hash, Some(explain(&damage))))),
        Err(error @ PackError::Store { .. }) if !error.is_broken() => Err(RepairError::Pack(error)),
        Err(_) => Ok(Err(explain(&damage))),
    }
}

/// Collects entries into segments.
struct Writer<'a> {
    session: &'a Session,
    builder: SegmentBuilder,
    /// Chunks in the builder.
    held: usize,
    added: Vec<SegmentRef>,
}

impl Writer<'_> {
    async fn take(&mut self, chunks: usize) -> Result<(), RepairError> {
        self.held += chunks;
        if self.held >= FLUSH {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), RepairError> {
        self.held = 0;
        for body in std::mem::take(&mut self.builder).finish() {
            self.added.push(self.session.put_segment(&body).await?);
        }
        Ok(())
    }
}
