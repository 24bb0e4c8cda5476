//! Marking: which packs something live stands in, on a prefix of the log.
//!
//! 1. Every tree that is live is walked; each page is read and verified.
//! 2. What the trees name is held against the index, in the order of ids. A chunk that stands in
//!    one pack needs it. One that stands in several needs one of them; packs that are needed
//!    anyway are preferred.
//! 3. Before a pack may go because its live chunks stand elsewhere, too, those are read there.
//!
//! # Memory
//!
//! [`Survey`], 12 MiB of references, the pages that were walked (see [`Visited`]), 16 MiB of
//! opened blocks, and [`MAX_VERIFIED`] places that are to be read.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::error::MaintainError;
use super::options::{MaintainOptions, MaintainPhase, MaintainProgress};
use super::pages::Pages;
use super::references::{Reference, References};
use super::roots::{Root, roots};
use super::survey::{Standing, Survey};
use super::verify::{Doubt, verify};
use super::walk::{Visit, Visited, Walk};
use crate::index::Found;
use crate::log::State;
use crate::model::{ChunkRef, PackName, PackSet, SessionId};
use crate::pack::ChunkPrefix;
use crate::repository::Repository;

/// Chunks with several places that one mark reads in one of them, so that the others may go; some
/// 14 MiB of memory. Packs for which that is not enough stay for the next run.
pub(super) const MAX_VERIFIED: usize = 200_000;

/// What a pack is used for.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Use {
    /// Plain bytes of all chunks that the index lists in it.
    pub(super) total: u64,
    /// Plain bytes of the live chunks that stand nowhere else.
    pub(super) alone: u64,
    /// Plain bytes of the live chunks whose place is in it.
    pub(super) live: u64,
    /// How many these are.
    pub(super) chunks: u64,
    /// Something live needs it.
    pub(super) needed: bool,
    /// It stays in any case: an open session, a young checkpoint or a bond holds it.
    pub(super) held: bool,
    /// It is a keeper under bond.
    pub(super) keeper: bool,
}

impl Use {
    /// Stored bytes of a pack of `len` that are dead, as their plain bytes are.
    pub(super) fn dead(&self, len: u64) -> u64 {
        let dead = u128::from(self.total.saturating_sub(self.live));
        let share = (u128::from(len) * dead).checked_div(u128::from(self.total));
        share.map_or(len, |dead| u64::try_from(dead).unwrap_or(len))
    }
}

/// Which packs are needed at one entry of the log; brought up to later ones by [`Self::take`](super::since).
pub(super) struct Mark {
    /// What it rests on. The state in it moves on when later entries are taken.
    pub(super) survey: Survey,
    /// Pages that were walked.
    pub(super) visited: Visited,
    pub(super) pages: Pages,
    /// By the numbers of the packs.
    pub(super) uses: Vec<Use>,
    /// Named packs that nothing live needs.
    pub(super) garbage: PackSet,
    /// Condemned packs that something live needs all the same.
    pub(super) rescue: PackSet,
    /// Dead checkpoints that are too old to be kept for adoption.
    pub(super) broken: BTreeSet<SessionId>,
    /// Packs that would be garbage if what lives in them had been verified elsewhere.
    pub(super) postponed: PackSet,
    /// What was wrong, and stopped nothing.
    pub(super) notes: Vec<String>,
    /// What the trees name.
    pub(super) references: References,
}

impl Mark {
    /// What a pack is used for.
    pub(super) fn usage(&self, pack: PackName) -> Option<&Use> {
        self.uses.get(self.survey.number(pack)? as usize)
    }
}

/// What marking works with.
pub(super) struct Marking<'a> {
    pub(super) repository: &'a Arc<Repository>,
    pub(super) runtime: &'a Handle,
    pub(super) options: &'a MaintainOptions,
    pub(super) progress: &'a dyn MaintainProgress,
}

impl Marking<'_> {
    /// Marks. Blocks.
    pub(super) fn mark(&self) -> Result<Mark, MaintainError> {
        let survey = Survey::new(self.repository, &self.options.scratch, self.progress);
        let survey = self.runtime.block_on(survey)?;
        let kept = self.runtime.block_on(self.young(&survey.state))?;
        let uses = vec![Use::default(); survey.packs.len()];
        let mut mark = Mark {
            survey,
            visited: Visited::default(),
            pages: Pages::new(self.repository, self.runtime.clone()),
            uses,
            garbage: PackSet::new(),
            rescue: PackSet::new(),
            broken: BTreeSet::new(),
            postponed: PackSet::new(),
            notes: Vec::new(),
            references: References::new(self.options.scratch.clone()),
        };
        self.walk(&mut mark, &kept)?;
        self.progress.phase(MaintainPhase::Marking, 3);
        self.join(&mut mark)?;
        Ok(mark)
    }

    /// Dead sessions whose checkpoints are not older than the time of grace: somebody may come
    /// back for them.
    async fn young(&self, state: &State) -> Result<BTreeSet<SessionId>, MaintainError> {
        let now = self.repository.clock().unix_ms();
        let grace = u64::try_from(self.options.grace.as_millis()).unwrap_or(u64::MAX);
        let mut young = BTreeSet::new();
        for (&id, session) in state.sessions.iter().filter(|(_, session)| session.dead) {
            let Some(number) = session.checkpoint else {
                continue;
            };
            let entry = self.repository.chain().await.entry(number).await?;
            if entry.time_ms.saturating_add(grace) > now && grace > 0 {
                young.insert(id);
            }
        }
        Ok(young)
    }

    /// Walks every live tree, and those of the dead sessions that are `kept`.
    fn walk(&self, mark: &mut Mark, kept: &BTreeSet<SessionId>) -> Result<(), MaintainError> {
        let roots = roots(&mark.survey.state, kept)?;
        self.progress
            .phase(MaintainPhase::Trees, roots.len() as u64);
        let mut unreadable = BTreeSet::new();
        for Root { page, dead } in roots {
            let mut visit = Collect {
                pages: &mark.pages,
                survey: &mark.survey,
                references: &mut mark.references,
            };
            let mut walk = Walk {
                visit: &mut visit,
                visited: &mut mark.visited,
                progress: self.progress,
            };
            match (walk.tree(&page), dead) {
                (Ok(()), _) => {}
                // Nobody needs the tree of a dead session that nobody has adopted.
                (Err(error @ MaintainError::Stopped { .. }), Some(session)) => {
                    mark.notes
                        .push(format!("the checkpoint of session {session}: {error}"));
                    unreadable.insert(session);
                }
                (Err(error), _) => return Err(error),
            }
            self.progress.steps(1);
        }
        mark.references.finish();
        let state = &mark.survey.state;
        let adopted: BTreeSet<_> = open_sessions(state)
            .flat_map(|(_, session)| &session.adopts)
            .copied()
            .collect();
        let dead = state.sessions.iter().filter(|(_, session)| session.dead);
        for (&id, session) in dead {
            if adopted.contains(&id) {
                continue;
            }
            if kept.contains(&id) && !unreadable.contains(&id) {
                for set in [&session.packs, &session.relied] {
                    hold(&mark.survey, &mut mark.uses, set, |usage| usage.held = true);
                }
            } else {
                mark.broken.insert(id);
            }
        }
        for (_, session) in open_sessions(state) {
            for set in [&session.packs, &session.relied] {
                hold(&mark.survey, &mut mark.uses, set, |usage| usage.held = true);
            }
        }
        for bond in &state.bonds {
            hold(&mark.survey, &mut mark.uses, &bond.keepers, |usage| {
                usage.held = true;
                usage.keeper = true;
            });
        }
        Ok(())
    }

    /// Holds what the trees name against the index.
    fn join(&self, mark: &mut Mark) -> Result<(), MaintainError> {
        let lost: BTreeSet<ChunkPrefix> = mark.survey.state.lost.iter().map(|id| **id).collect();
        let Mark {
            survey,
            uses,
            rescue,
            references,
            ..
        } = mark;
        let references = &*references;
        let mut contested = false;
        each(survey, references, |prefix, refs, places| {
            for place in places {
                if let Some(usage) = usage(survey, uses, place.place.pack) {
                    usage.total = usage.total.saturating_add(u64::from(place.len));
                }
            }
            for group in by_len(refs) {
                let live = Live::of(survey, group, places);
                match live {
                    Live::Read(pack) => need(survey, uses, rescue, pack),
                    Live::At(found) if lost.contains(prefix) => {
                        // Which of them can be read is not known.
                        for found in found {
                            need(survey, uses, rescue, found.place.pack);
                        }
                    }
                    Live::At(found) => match one_pack(&found) {
                        Some(pack) => {
                            need(survey, uses, rescue, pack);
                            if let Some((first, usage)) =
                                found.first().zip(usage(survey, uses, pack))
                            {
                                usage.alone += u64::from(first.len);
                            }
                        }
                        None => contested = true,
                    },
                    Live::Condemned(found) => {
                        let again = found.iter().find(|f| rescue.contains(f.place.pack));
                        if let Some(found) = again.or(found.first()) {
                            need(survey, uses, rescue, found.place.pack);
                        }
                    }
                    Live::Nowhere if lost.contains(prefix) => {}
                    Live::Nowhere => return Err(gone(survey, prefix, group)),
                }
            }
            Ok(())
        })?;
        self.progress.steps(1);
        if contested {
            each(survey, references, |prefix, refs, places| {
                if lost.contains(prefix) {
                    return Ok(());
                }
                for group in by_len(refs) {
                    if let Live::At(found) = Live::of(survey, group, places)
                        && let Some(best) = best(survey, uses, &found)
                    {
                        need(survey, uses, rescue, best.place.pack);
                    }
                }
                Ok(())
            })?;
        }
        self.progress.steps(1);
        let mut garbage: PackSet = survey
            .packs
            .iter()
            .zip(&*uses)
            .filter(|(pack, usage)| {
                pack.standing != Standing::Condemned && !usage.needed && !usage.held
            })
            .map(|(pack, _)| pack.name)
            .collect();
        let mut doubts = Doubts::default();
        each(survey, references, |prefix, refs, places| {
            for group in by_len(refs) {
                let (Live::Read(pack), found) = (match Live::of(survey, group, places) {
                    Live::Read(pack) => (Live::Read(pack), None),
                    Live::At(found) => match best(survey, uses, &found) {
                        Some(&best) => (Live::Read(best.place.pack), Some((found, best))),
                        None => continue,
                    },
                    Live::Condemned(_) | Live::Nowhere => continue,
                }) else {
                    continue;
                };
                let len = group.first().map_or(0, |first| u64::from(first.len));
                if let Some(usage) = usage(survey, uses, pack) {
                    usage.live = usage.live.saturating_add(len);
                    usage.chunks += 1;
                }
                if let Some((found, best)) = found {
                    doubts.note(&survey.state, &garbage, prefix, &best, &found);
                }
            }
            Ok(())
        })?;
        self.progress.steps(1);
        garbage.subtract(&doubts.postponed);
        mark.postponed = doubts.postponed;
        mark.garbage = garbage;
        let verified = verify(self.repository, survey, doubts.found, self.progress);
        for (doubt, why) in self.runtime.block_on(verified)? {
            // The copy that was to stay is damaged: the others must stay as well.
            let others = survey.index.lookup(&doubt.prefix, |_| true)?;
            for other in others {
                mark.garbage.remove(other.place.pack);
            }
            mark.notes
                .push(format!("{}: {why}", doubt.found.place.pack));
        }
        Ok(())
    }
}

/// Sessions that are open, with their names.
pub(super) fn open_sessions(
    state: &State,
) -> impl Iterator<Item = (SessionId, &crate::log::Session)> {
    let open = state.sessions.iter().filter(|(_, session)| !session.dead);
    open.map(|(&id, session)| (id, session))
}

fn hold(survey: &Survey, uses: &mut [Use], packs: &PackSet, mut set: impl FnMut(&mut Use)) {
    for pack in packs.iter() {
        if let Some(usage) = usage(survey, uses, pack) {
            set(usage);
        }
    }
}

fn usage<'u>(survey: &Survey, uses: &'u mut [Use], pack: PackName) -> Option<&'u mut Use> {
    uses.get_mut(survey.number(pack)? as usize)
}

/// Notes that something live stands in a pack.
fn need(survey: &Survey, uses: &mut [Use], rescue: &mut PackSet, pack: PackName) {
    if let Some(usage) = usage(survey, uses, pack) {
        usage.needed = true;
    }
    if survey.pack(pack).map(|pack| pack.standing) == Some(Standing::Condemned) {
        rescue.insert(pack);
    }
}

/// The pack of all these places, if it is one.
fn one_pack(found: &[Found]) -> Option<PackName> {
    let first = found.first()?.place.pack;
    found
        .iter()
        .all(|found| found.place.pack == first)
        .then_some(first)
}

/// The place that a chunk with several is taken to stand at. Two that mark the same state choose
/// the same.
pub(super) fn best<'f>(survey: &Survey, uses: &[Use], found: &'f [Found]) -> Option<&'f Found> {
    found.iter().max_by_key(|found| {
        let usage = survey
            .number(found.place.pack)
            .and_then(|number| uses.get(number as usize).copied())
            .unwrap_or_default();
        let stays = usage.needed || usage.held;
        let first = std::cmp::Reverse((found.place.pack, found.place.block_offset));
        (usage.keeper, stays, usage.alone, first)
    })
}

/// References to one chunk or page: those with the same prefix and length.
pub(super) fn by_len(refs: &[Reference]) -> impl Iterator<Item = &[Reference]> {
    refs.chunk_by(|a, b| a.len == b.len)
}

/// Where something live stands.
pub(super) enum Live {
    /// It is a page, and was read from that pack, or copied into it by somebody who has read it.
    Read(PackName),
    /// In packs that count.
    At(Vec<Found>),
    /// Only in packs that are condemned.
    Condemned(Vec<Found>),
    /// In no pack that is there.
    Nowhere,
}

impl Live {
    pub(super) fn of(survey: &Survey, refs: &[Reference], places: &[Found]) -> Self {
        let read = refs.iter().find_map(Reference::read_from);
        let len = refs.first().map(|first| first.len);
        if let Some(pack) = read.and_then(|number| survey.packs.get(number as usize)) {
            return Self::Read(survey.copy_of(pack.name, len, places));
        }
        let standing = |standing| {
            let places = places.iter().filter(|found| {
                let pack = survey.pack(found.place.pack);
                Some(found.len) == len && pack.is_some_and(|pack| pack.standing == standing)
            });
            places.copied().collect::<Vec<_>>()
        };
        let live = standing(Standing::Live);
        if !live.is_empty() {
            return Self::At(live);
        }
        let condemned = standing(Standing::Condemned);
        if condemned.is_empty() {
            Self::Nowhere
        } else {
            Self::Condemned(condemned)
        }
    }
}

impl Survey {
    /// The pack that a page counts on which was read from `pack`: the one that a repack has copied
    /// it into, which has read it, or else that one.
    fn copy_of(&self, pack: PackName, len: Option<u32>, places: &[Found]) -> PackName {
        let bonds = &self.state.bonds;
        if !bonds.iter().any(|bond| bond.old.contains(pack)) {
            return pack;
        }
        let is_copy = |keeper| {
            let mut bonds = bonds.iter();
            self.is_live(keeper)
                && bonds.any(|b| b.old.contains(pack) && b.keepers.contains(keeper))
        };
        let same = places.iter().filter(|found| Some(found.len) == len);
        let copies = same.map(|found| found.place.pack).filter(|p| is_copy(*p));
        copies.min().unwrap_or(pack)
    }
}

/// Something live that is in no pack: who knows what else is missing from the index?
fn gone(survey: &Survey, prefix: &ChunkPrefix, refs: &[Reference]) -> MaintainError {
    let hint = refs.iter().find_map(Reference::hint);
    let chunk = hex::encode(prefix);
    match hint.and_then(|number| survey.packs.get(number as usize)) {
        Some(pack) if pack.standing == Standing::Broken => MaintainError::stopped(
            &pack.name,
            format!(
                "it is missing or has another length than the index says; a snapshot needs chunk {chunk} in it"
            ),
        ),
        Some(pack) => MaintainError::stopped(
            &pack.name,
            format!("a snapshot needs chunk {chunk} in it, which no index segment lists"),
        ),
        None => MaintainError::stopped(
            &format!("chunk {chunk}"),
            "a snapshot needs it, and no index segment lists it",
        ),
    }
}

/// Gives every chunk that is listed or referred to, with its references and its places.
pub(super) fn each(
    survey: &Survey,
    references: &References,
    mut take: impl FnMut(&ChunkPrefix, &[Reference], &[Found]) -> Result<(), MaintainError>,
) -> Result<(), MaintainError> {
    let mut sorted = references.sorted()?;
    let mut next = sorted.next_reference()?;
    let mut group = Vec::new();
    survey.index.scan(|prefix, places| {
        while let Some(reference) = next.filter(|reference| reference.prefix < *prefix) {
            let unlisted = reference.prefix;
            group.clear();
            while let Some(reference) = next.filter(|next| next.prefix == unlisted) {
                group.push(reference);
                next = sorted.next_reference()?;
            }
            take(&unlisted, &group, &[])?;
        }
        group.clear();
        while let Some(reference) = next.filter(|next| next.prefix == *prefix) {
            group.push(reference);
            next = sorted.next_reference()?;
        }
        take(prefix, &group, places)
    })?;
    while let Some(reference) = next {
        group.clear();
        while let Some(same) = next.filter(|next| next.prefix == reference.prefix) {
            group.push(same);
            next = sorted.next_reference()?;
        }
        take(&reference.prefix, &group, &[])?;
    }
    Ok(())
}

/// Chunks that must be read before other copies of them may go.
#[derive(Default)]
struct Doubts {
    found: Vec<Doubt>,
    postponed: PackSet,
}

impl Doubts {
    /// Notes that a chunk is to be kept at `best` alone.
    fn note(
        &mut self,
        state: &State,
        garbage: &PackSet,
        prefix: &ChunkPrefix,
        best: &Found,
        all: &[Found],
    ) {
        let goes = |found: &&Found| garbage.contains(found.place.pack);
        // What a repack has copied, it has read.
        let copied = |pack: PackName| {
            let mut bonds = state.bonds.iter();
            bonds.any(|bond| bond.old.contains(pack) && bond.keepers.contains(best.place.pack))
        };
        if all
            .iter()
            .filter(goes)
            .all(|found| copied(found.place.pack))
        {
            return;
        }
        if self.found.len() < MAX_VERIFIED {
            self.found.push(Doubt {
                prefix: *prefix,
                found: *best,
            });
        } else {
            let packs = all.iter().filter(goes).map(|found| found.place.pack);
            self.postponed.extend(&packs.collect());
        }
    }
}

/// Collects what trees name.
struct Collect<'a> {
    pages: &'a Pages,
    survey: &'a Survey,
    references: &'a mut References,
}

impl Visit for Collect<'_> {
    fn page(&mut self, page: &ChunkRef) -> Result<Bytes, MaintainError> {
        let standing = |pack| self.survey.pack(pack).map(|pack| pack.standing);
        let (bytes, pack) = self.pages.read(page, self.survey, standing)?;
        // It counts, so that it has a number.
        let number = self.survey.number(pack).unwrap_or(u32::MAX);
        self.references.push(Reference::page(page, number))?;
        Ok(bytes)
    }

    fn prefetch(&self, pages: &[ChunkRef]) {
        let here = pages
            .iter()
            .filter(|page| self.survey.is_live(page.place.pack));
        self.pages.prefetch(&here.copied().collect::<Vec<_>>());
    }

    fn chunk(&mut self, chunk: &ChunkRef) -> Result<(), MaintainError> {
        let hint = self.survey.number(chunk.place.pack);
        Ok(self.references.push(Reference::chunk(chunk, hint))?)
    }
}
