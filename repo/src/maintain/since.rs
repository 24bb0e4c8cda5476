//! Bringing a mark up to entries that were appended since: what it holds must hold before each
//! entry that rests on it.

use bytes::Bytes;
use tokio::runtime::Handle;

use super::error::MaintainError;
use super::mark::{Mark, open_sessions};
use super::options::MaintainProgress;
use super::pages::Pages;
use super::roots::snapshot;
use super::survey::{Standing, Survey, sync};
use super::walk::{Visit, Walk};
use crate::flaws::{Flaw, is_left_out};
use crate::log::{Body, Entry, State};
use crate::model::{ChunkRef, PackName, PackSet};
use crate::repository::Repository;

/// Whether a mark can be brought up to later entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It holds, with what it was brought up to.
    Holds,
    /// Something that it rests on has changed: mark anew.
    Void,
}

impl Mark {
    /// Takes entries in their order, which follow on from the state of the mark. Blocks.
    ///
    /// What trees that have become roots reach, what entries name or rely on, and keepers leave
    /// the garbage. Trees are walked, not only the packs that entries name: content that is taken
    /// over from a base is named by nobody.
    pub(super) fn take(
        &mut self,
        entries: &[Entry],
        repository: &Repository,
        runtime: &Handle,
        progress: &dyn MaintainProgress,
    ) -> Result<Verdict, MaintainError> {
        let mut roots = Vec::new();
        let mut segments = false;
        for entry in entries {
            if self.is_void_by(&entry.body) {
                return Ok(Verdict::Void);
            }
            let state = &self.survey.state;
            match &entry.body {
                Body::Begin(begin) => {
                    if let Some(base) = begin.base {
                        roots.push(snapshot(state, begin.session, base)?.root.0);
                    }
                    for dead in begin.adopts.iter().filter_map(|id| state.sessions.get(id)) {
                        roots.extend(dead.partial.map(|partial| partial.0));
                        self.garbage.subtract(&dead.packs);
                        self.garbage.subtract(&dead.relied);
                    }
                    self.broken.retain(|id| !begin.adopts.contains(id));
                }
                Body::Checkpoint(checkpoint) => {
                    roots.extend(checkpoint.partial.map(|partial| partial.0));
                    for named in [&checkpoint.packs, &checkpoint.relied, &checkpoint.adopted] {
                        self.garbage.subtract(named);
                    }
                    segments |= !checkpoint.segments.is_empty();
                }
                Body::Commit(commit) => {
                    roots.push(commit.snapshot.root.0);
                    for named in [&commit.packs, &commit.relied, &commit.adopted] {
                        self.garbage.subtract(named);
                    }
                    if let Some(session) = state.sessions.get(&commit.session) {
                        self.garbage.subtract(&session.packs);
                        self.garbage.subtract(&session.relied);
                    }
                    segments |= !commit.segments.is_empty();
                }
                Body::Unforget(unforget) => {
                    let back = unforget.snapshots.iter();
                    roots.extend(
                        back.filter_map(|id| state.forgotten.get(id))
                            .map(|forgotten| forgotten.snapshot.root.0),
                    );
                    self.garbage.subtract(&unforget.relied);
                }
                Body::Condemn(condemn) => self.garbage.subtract(&condemn.packs),
                Body::Relocate(relocate) => {
                    self.garbage.subtract(&relocate.keepers);
                    segments |= !relocate.segments.is_empty();
                }
                Body::MergeIndex(_) => segments = true,
                _ => {}
            }
            self.survey.state.apply(&entry.body, entry.hash);
        }
        let state = &self.survey.state;
        for (_, session) in open_sessions(state) {
            self.garbage.subtract(&session.packs);
            self.garbage.subtract(&session.relied);
        }
        if segments {
            runtime.block_on(sync(repository, &self.survey.index, state, |_, _| {}))?;
        }
        self.walk_since(&roots, progress)
    }

    /// Whether an entry voids what the mark rests on.
    fn is_void_by(&self, body: &Body) -> bool {
        match body {
            // Somebody else has chosen other packs to go than this mark has: what it counts on in
            // them does not count any more. Orphans hold nothing that it counts on.
            Body::Condemn(condemn) => {
                let mut theirs = condemn.packs.intersection(&self.survey.state.packs);
                theirs.subtract(&self.garbage);
                !theirs.is_empty()
            }
            // Which copy of a chunk can be read was decided without knowing this.
            Body::Lost(_) | Body::Found(_) => true,
            _ => false,
        }
    }

    /// Walks what became live. Whatever it reaches leaves the garbage, in all its places.
    fn walk_since(
        &mut self,
        roots: &[ChunkRef],
        progress: &dyn MaintainProgress,
    ) -> Result<Verdict, MaintainError> {
        if is_left_out(Flaw::MarkByNamesOnly) {
            return Ok(Verdict::Holds);
        }
        let mut visit = Keep {
            pages: &self.pages,
            survey: &self.survey,
            garbage: &mut self.garbage,
            verdict: Verdict::Holds,
        };
        for root in roots {
            let mut walk = Walk {
                visit: &mut visit,
                visited: &mut self.visited,
                progress,
            };
            walk.tree(root)?;
        }
        Ok(visit.verdict)
    }
}

impl Survey {
    /// How a pack stands in the state that the mark was brought up to.
    fn stands(&self, name: PackName) -> Option<Standing> {
        if self.pack(name).map(|pack| pack.standing) == Some(Standing::Broken) {
            return Some(Standing::Broken);
        }
        stands(&self.state, name)
    }
}

fn stands(state: &State, name: PackName) -> Option<Standing> {
    if state.swept.contains(name) {
        None
    } else if state.is_condemned(name) {
        Some(Standing::Condemned)
    } else {
        state.packs.contains(name).then_some(Standing::Live)
    }
}

/// Takes what it meets out of the garbage.
struct Keep<'a> {
    pages: &'a Pages,
    survey: &'a Survey,
    garbage: &'a mut PackSet,
    verdict: Verdict,
}

impl Visit for Keep<'_> {
    fn page(&mut self, page: &ChunkRef) -> Result<Bytes, MaintainError> {
        let stands = |pack| self.survey.stands(pack);
        let (bytes, pack) = self.pages.read(page, self.survey, stands)?;
        if self.survey.stands(pack) != Some(Standing::Live) {
            self.verdict = Verdict::Void;
        }
        self.garbage.remove(pack);
        self.keep(page)?;
        Ok(bytes)
    }

    fn prefetch(&self, pages: &[ChunkRef]) {
        let live = |page: &&ChunkRef| self.survey.stands(page.place.pack) == Some(Standing::Live);
        self.pages
            .prefetch(&pages.iter().filter(live).copied().collect::<Vec<_>>());
    }

    fn chunk(&mut self, chunk: &ChunkRef) -> Result<(), MaintainError> {
        self.keep(chunk)
    }
}

impl Keep<'_> {
    fn keep(&mut self, chunk: &ChunkRef) -> Result<(), MaintainError> {
        let prefix = chunk.id.prefix();
        let found = self.survey.index.lookup(&prefix, |_| true)?;
        let mut counts = false;
        for found in found.iter().filter(|found| found.len == chunk.len) {
            let pack = found.place.pack;
            self.garbage.remove(pack);
            counts |= self.survey.stands(pack) == Some(Standing::Live);
        }
        self.garbage.remove(chunk.place.pack);
        let is_lost = || self.survey.state.lost.iter().any(|id| **id == prefix);
        if !counts && !is_lost() {
            // A mark over everything says what it is.
            self.verdict = Verdict::Void;
        }
        Ok(())
    }
}
