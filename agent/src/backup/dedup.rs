//! Is this chunk stored already? The repository's index and the running session, as one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use orlop_chunker::ChunkId;
use orlop_repo::index::{self, CacheFolder, Found, IndexError, LocalIndex, SessionIndex};
use orlop_repo::log::State;
use orlop_repo::model::ChunkRef;
use orlop_repo::pack::{ChunkPrefix, FinishedPack};
use orlop_repo::repository::Session;

/// What a claim came to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim {
    /// Stored, there.
    Known(ChunkRef),
    /// Nobody has it: the caller stores it and publishes its place.
    Mine,
    /// Somebody else is storing it.
    Awaited,
}

/// Finds chunks that are stored, here or by others.
pub(super) struct Dedup {
    index: Arc<LocalIndex>,
    session: Arc<Session>,
    /// Prefixes of the ids of chunks that are gone wherever the index says they are.
    lost: BTreeSet<ChunkPrefix>,
    /// Whether a page was met that the index knows and that cannot be read.
    pages_doubted: AtomicBool,
    own: SessionIndex,
}

impl Dedup {
    /// Chunks in packs that the session may rely on, without those that are lost in `state`. Those
    /// of the session itself take up to `memory` bytes, and beyond that files in `folder`.
    pub(super) fn new(
        index: Arc<LocalIndex>,
        session: Arc<Session>,
        state: &State,
        memory: u64,
        folder: &CacheFolder,
    ) -> Result<Self, IndexError> {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        let own = SessionIndex::new(session.id(), memory, folder, None)?;
        Ok(Self {
            index,
            session,
            lost: state.lost.iter().map(|id| **id).collect(),
            pages_doubted: AtomicBool::new(false),
            own,
        })
    }

    /// Takes note that a page of a tree cannot be read where it is stored: from then on a page that
    /// is stored is read before it is relied on. Of what stands below that page, lists of the
    /// content of files among it, nobody knows whether it can be read, and what is equal would lead
    /// there again.
    pub(super) fn distrust_pages(&self) {
        self.pages_doubted.store(true, Ordering::Release);
    }

    /// Looks a chunk up, and claims it if it is new.
    pub(super) fn claim(&self, id: ChunkId, len: u32) -> Result<Claim, IndexError> {
        self.claim_if(id, len, |_| true)
    }

    /// Looks a page up, and claims it if it is new, or if it cannot be trusted to be where it is
    /// stored and `reads` says that it is not.
    pub(super) fn claim_page(
        &self,
        id: ChunkId,
        len: u32,
        reads: impl FnOnce(&ChunkRef) -> bool,
    ) -> Result<Claim, IndexError> {
        let trusted = !self.pages_doubted.load(Ordering::Acquire);
        self.claim_if(id, len, |page| trusted || reads(page))
    }

    fn claim_if(
        &self,
        id: ChunkId,
        len: u32,
        good: impl FnOnce(&ChunkRef) -> bool,
    ) -> Result<Claim, IndexError> {
        let prefix = id.prefix();
        match self.own.claim(&prefix)? {
            index::Claim::Known(found) => Ok(Claim::Known(known(id, found))),
            index::Claim::Pending => Ok(Claim::Awaited),
            index::Claim::New => {
                let found = self.find_reliable(&prefix, len)?;
                let found = found.map(|found| known(id, found));
                let Some(found) = found.filter(good) else {
                    self.note_healed(prefix);
                    return Ok(Claim::Mine);
                };
                self.own.release(&prefix);
                Ok(Claim::Known(found))
            }
        }
    }

    /// Notes that a chunk which is stored now was declared lost, if it was.
    fn note_healed(&self, prefix: ChunkPrefix) {
        if self.lost.contains(&prefix) {
            self.session.heals(prefix);
        }
    }

    /// Looks into the repository's index, and relies on what it finds there.
    fn find_reliable(&self, prefix: &ChunkPrefix, len: u32) -> Result<Option<Found>, IndexError> {
        if self.lost.contains(prefix) {
            return Ok(None);
        }
        let found = self
            .index
            .find(prefix, |pack| self.session.may_rely_on(pack))?;
        // A length that differs is another chunk with the same half of its id.
        Ok(found.filter(|found| found.len == len))
    }

    /// Says where a claimed chunk stands now.
    pub(super) fn publish(&self, chunk: ChunkRef) {
        let found = Found {
            place: chunk.place,
            len: chunk.len,
        };
        self.own.publish(&chunk.id.prefix(), found);
    }

    /// The place of a chunk that is being stored, or was stored already, once it has one.
    pub(super) fn place_of(&self, id: ChunkId, len: u32) -> Result<Option<ChunkRef>, IndexError> {
        if let Some(found) = self.own.find(&id.prefix())? {
            return Ok(Some(known(id, found)));
        }
        // Whoever held the claim found it in the index and gave the claim back.
        let found = self.find_reliable(&id.prefix(), len)?;
        Ok(found.map(|found| known(id, found)))
    }

    /// A pack was stored: its chunks go into the next segment.
    pub(super) fn stored(&self, pack: FinishedPack) -> Result<(), IndexError> {
        self.own.uploaded(Arc::new(pack.directory), pack.hash)
    }

    /// Bodies of the segments of everything stored since the last call.
    pub(super) fn take_segments(&self) -> Vec<Vec<u8>> {
        self.own.drain_segments()
    }
}

fn known(id: ChunkId, found: Found) -> ChunkRef {
    ChunkRef {
        id,
        len: found.len,
        place: found.place,
    }
}
