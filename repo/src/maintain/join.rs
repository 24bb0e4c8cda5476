//! Holding what live trees name against the index: which packs are needed.

use std::collections::BTreeSet;

use super::error::MaintainError;
use super::mark::{Mark, Marking, Use, usage};
use super::references::{Reference, References};
use super::survey::{Standing, Survey};
use super::verify::{Doubt, verify};
use crate::index::Found;
use crate::log::State;
use crate::model::{PackName, PackSet};
use crate::pack::ChunkPrefix;

/// Chunks with several places that one mark reads in one of them, so that the others may go; some
/// 14 MiB of memory. Packs for which that is not enough stay for the next run.
pub(super) const MAX_VERIFIED: usize = 200_000;

impl Marking<'_> {
    /// Finds out which packs are needed, and which are not.
    pub(super) fn join(&self, mark: &mut Mark) -> Result<(), MaintainError> {
        let mut join = Join {
            lost: mark.survey.state.lost.iter().map(|id| **id).collect(),
            survey: &mark.survey,
            references: &mark.references,
            uses: &mut mark.uses,
            rescue: &mut mark.rescue,
        };
        let contested = join.needed_alone()?;
        self.progress.steps(1);
        if contested {
            join.needed_beside()?;
        }
        self.progress.steps(1);
        let mut garbage = join.not_needed();
        let doubts = join.settle(&garbage)?;
        self.progress.steps(1);
        garbage.subtract(&doubts.postponed);
        let verified = verify(self.repository, &mark.survey, doubts.found, self.progress);
        for (doubt, why) in self.runtime.block_on(verified)? {
            // The copy that was to stay is damaged: the others must stay as well.
            for other in mark.survey.index.lookup(&doubt.prefix, |_| true)? {
                garbage.remove(other.place.pack);
            }
            let note = format!("{}: {why}", doubt.found.place.pack);
            mark.notes.push(note);
        }
        mark.postponed = doubts.postponed;
        mark.garbage = garbage;
        Ok(())
    }
}

/// What is joined, and what comes of it.
struct Join<'a> {
    survey: &'a Survey,
    references: &'a References,
    uses: &'a mut [Use],
    rescue: &'a mut PackSet,
    /// Chunks of which it is not known which copies can be read.
    lost: BTreeSet<ChunkPrefix>,
}

impl Join<'_> {
    /// Notes the packs that something live stands in alone; says whether something stands in
    /// several.
    fn needed_alone(&mut self) -> Result<bool, MaintainError> {
        let mut contested = false;
        each(self.survey, self.references, |prefix, refs, places| {
            for place in places {
                if let Some(usage) = usage(self.survey, self.uses, place.place.pack) {
                    usage.total = usage.total.saturating_add(u64::from(place.len));
                }
            }
            let is_lost = self.lost.contains(prefix);
            for group in by_len(refs) {
                match Live::of(self.survey, group, places) {
                    Live::Read(pack) => self.need(pack),
                    Live::At(found) if is_lost => {
                        for found in found {
                            self.need(found.place.pack);
                        }
                    }
                    Live::At(found) => contested |= !self.alone(&found),
                    Live::Condemned(found) => {
                        let again = found.iter().find(|f| self.rescue.contains(f.place.pack));
                        if let Some(found) = again.or(found.first()) {
                            self.need(found.place.pack);
                        }
                    }
                    Live::Nowhere if is_lost => {}
                    Live::Nowhere => return Err(gone(self.survey, prefix, group)),
                }
            }
            Ok(())
        })?;
        Ok(contested)
    }

    /// Notes the pack of all these places, if it is one; says whether it is.
    fn alone(&mut self, found: &[Found]) -> bool {
        let Some(first) = found.first() else {
            return true;
        };
        let pack = first.place.pack;
        if found.iter().any(|found| found.place.pack != pack) {
            return false;
        }
        self.need(pack);
        if let Some(usage) = usage(self.survey, self.uses, pack) {
            usage.alone = usage.alone.saturating_add(u64::from(first.len));
        }
        true
    }

    /// Notes a pack for each chunk that stands in several.
    fn needed_beside(&mut self) -> Result<(), MaintainError> {
        each(self.survey, self.references, |prefix, refs, places| {
            if self.lost.contains(prefix) {
                return Ok(());
            }
            for group in by_len(refs) {
                if let Live::At(found) = Live::of(self.survey, group, places)
                    && let Some(best) = best(self.survey, self.uses, &found)
                {
                    self.need(best.place.pack);
                }
            }
            Ok(())
        })
    }

    /// Notes that something live stands in a pack.
    fn need(&mut self, pack: PackName) {
        if let Some(usage) = usage(self.survey, self.uses, pack) {
            usage.needed = true;
        }
        if self.survey.pack(pack).map(|pack| pack.standing) == Some(Standing::Condemned) {
            self.rescue.insert(pack);
        }
    }

    /// Named packs that nothing needs and nobody holds.
    fn not_needed(&self) -> PackSet {
        let packs = self.survey.packs.iter().zip(&*self.uses);
        packs
            .filter(|(pack, usage)| {
                pack.standing != Standing::Condemned && !usage.needed && !usage.held
            })
            .map(|(pack, _)| pack.name)
            .collect()
    }

    /// Gives each live chunk its place; finds those that have to be read there first.
    fn settle(&mut self, garbage: &PackSet) -> Result<Doubts, MaintainError> {
        let mut doubts = Doubts::default();
        each(self.survey, self.references, |prefix, refs, places| {
            for group in by_len(refs) {
                let (pack, beside) = match Live::of(self.survey, group, places) {
                    Live::Read(pack) => (pack, None),
                    Live::At(found) => match best(self.survey, self.uses, &found) {
                        Some(&best) => (best.place.pack, Some((found, best))),
                        None => continue,
                    },
                    Live::Condemned(_) | Live::Nowhere => continue,
                };
                let len = group.first().map_or(0, |first| u64::from(first.len));
                if let Some(usage) = usage(self.survey, self.uses, pack) {
                    usage.live = usage.live.saturating_add(len);
                    usage.chunks += 1;
                }
                if let Some((found, best)) = beside {
                    doubts.note(&self.survey.state, garbage, prefix, &best, &found);
                }
            }
            Ok(())
        })?;
        Ok(doubts)
    }
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
