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
//! opened blocks, and places that are to be read (see [`MAX_VERIFIED`](super::join::MAX_VERIFIED)).

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::error::MaintainError;
use super::options::{MaintainOptions, MaintainPhase, MaintainProgress};
use super::pages::Pages;
use super::references::{Reference, References};
use super::roots::{Root, roots};
use super::survey::Survey;
use super::walk::{Visit, Visited, Walk};
use crate::log::State;
use crate::model::{ChunkRef, PackName, PackSet, SessionId};
use crate::repository::Repository;

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

pub(super) fn usage<'u>(
    survey: &Survey,
    uses: &'u mut [Use],
    pack: PackName,
) -> Option<&'u mut Use> {
    uses.get_mut(survey.number(pack)? as usize)
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
