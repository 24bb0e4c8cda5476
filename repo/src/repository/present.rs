//! Proving that everything a tree needs is stored, by the log, the index and listings.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use minicbor::bytes::ByteArray;
use orlop_chunker::ChunkId;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::{BlockReader, ReadError, Repository};
use crate::index::{IndexError, LocalIndex};
use crate::log::State;
use crate::model::{ChunkRef, Extent, ObjectName, PackName, PackSet, SessionId};
use crate::seal::BlockKind;
use crate::store::{Folder, StoreError};
use crate::tree::{Extents, KeyRange, PageError, PageSource, TreeCursor};

/// Opened tree blocks that are kept, in bytes: pages of one walk stand together.
const CACHE: u64 = 16 << 20;

/// Something that a tree needs is not there, or could not be looked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PresentError {
    /// No pack that is there has the chunk or page.
    #[error("no pack has chunk {id} any more (it stood in {hint})")]
    Gone {
        /// Its id.
        id: ChunkId,
        /// Where the tree says that it stands.
        hint: PackName,
    },
    /// The chunk was declared lost.
    #[error("chunk {id} was declared lost")]
    Lost {
        /// Its id.
        id: ChunkId,
    },
    /// A page could not be read.
    #[error("cannot read a page of the tree")]
    Read(#[from] ReadError),
    /// A page was read and is not what the format allows.
    #[error("a page of the tree makes no sense")]
    Page(#[from] PageError),
    /// The index could not be used.
    #[error("cannot use the index")]
    Index(#[from] IndexError),
    /// The packs could not be listed.
    #[error("cannot list the packs of a session")]
    Store(#[from] StoreError),
    /// The caller asked to stop.
    #[error("stopped before everything was looked at")]
    Cancelled,
}

impl PresentError {
    /// Whether something is really gone or damaged, as opposed to a store that does not answer.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Gone { .. } | Self::Lost { .. } | Self::Page(_) => true,
            Self::Read(error) => error.is_damage(),
            Self::Index(_) | Self::Store(_) | Self::Cancelled => false,
        }
    }
}

/// Looks trees through, as of one state of the log. Blocks; not for the runtime's own threads.
///
/// Every page is read. A chunk is there if a live segment lists it in a pack that no `Sweep` has
/// named and that the store has; condemned packs count, since whoever relies on
/// one brings it back, but are taken last. Bytes of chunks are not read.
pub(super) struct Presence<'a> {
    runtime: Handle,
    repository: &'a Arc<Repository>,
    state: &'a State,
    index: &'a LocalIndex,
    pages: BlockReader,
    seen: Mutex<Seen>,
    cancelled: &'a (dyn Fn() -> bool + Sync),
}

#[derive(Default)]
struct Seen {
    /// Packs that something was found in.
    relied: PackSet,
    /// What listings have shown of the sessions that were asked for.
    listed: HashMap<SessionId, Arc<HashSet<ObjectName>>>,
}

impl<'a> Presence<'a> {
    /// `index` is at `state` already.
    pub(super) fn new(
        repository: &'a Arc<Repository>,
        runtime: Handle,
        state: &'a State,
        index: &'a LocalIndex,
        cancelled: &'a (dyn Fn() -> bool + Sync),
    ) -> Self {
        Self {
            runtime,
            repository,
            state,
            index,
            pages: BlockReader::new(Arc::clone(repository), BlockKind::Tree, CACHE),
            seen: Mutex::default(),
            cancelled,
        }
    }

    /// The packs that everything was found in so far.
    pub(super) fn into_relied(self) -> PackSet {
        self.seen.into_inner().relied
    }

    /// Looks at every page and chunk of a tree; the error says below which path.
    pub(super) fn tree(&self, root: &ChunkRef) -> Result<(), (Vec<u8>, Box<PresentError>)> {
        for located in TreeCursor::new(self, *root, KeyRange::all()) {
            let located = located.map_err(|failure| {
                let path = failure.first_path();
                (path, Box::new(failure.source))
            })?;
            let path = || crate::tree::join_path(&located.parent, &located.entry.name);
            for extent in Extents::new(self, &located.entry.content) {
                match extent {
                    Ok(Extent::Data(chunk)) => self.find(&chunk).map(|_| ()),
                    Ok(_) => Ok(()),
                    Err(error) => Err(error),
                }
                .map_err(|error| (path(), Box::new(error)))?;
            }
        }
        Ok(())
    }

    /// Finds a chunk or page where it may be relied on.
    fn find(&self, chunk: &ChunkRef) -> Result<ChunkRef, PresentError> {
        if (self.cancelled)() {
            return Err(PresentError::Cancelled);
        }
        let prefix = ByteArray::from(chunk.id.prefix());
        if self.state.lost.contains(&prefix) {
            return Err(PresentError::Lost { id: chunk.id });
        }
        let is_live = |pack| self.state.packs.contains(pack);
        let mut places = self.index.lookup(&chunk.id.prefix(), is_live)?;
        places.retain(|found| found.len == chunk.len);
        // Where the tree says, if possible: whoever restores reads there first.
        places.sort_by_key(|found| {
            let condemned = self.state.is_condemned(found.place.pack);
            (condemned, found.place != chunk.place)
        });
        for found in places {
            let pack = found.place.pack;
            if self.is_stored(pack)? {
                self.seen.lock().relied.insert(pack);
                return Ok(ChunkRef {
                    place: found.place,
                    ..*chunk
                });
            }
        }
        Err(PresentError::Gone {
            id: chunk.id,
            hint: chunk.place.pack,
        })
    }

    /// Whether the pack is there. A listing is a hint: what it lacks is asked for by name.
    fn is_stored(&self, pack: PackName) -> Result<bool, StoreError> {
        let name = ObjectName::pack(pack);
        let listed = self.seen.lock().listed.get(&pack.session).cloned();
        let listed = match listed {
            Some(listed) => listed,
            None => self.list(pack.session)?,
        };
        if listed.contains(&name) {
            return Ok(true);
        }
        match self.runtime.block_on(self.repository.store().head(&name)) {
            Ok(_) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What a listing shows of a session.
    fn list(&self, session: SessionId) -> Result<Arc<HashSet<ObjectName>>, StoreError> {
        let folder = Folder::packs_of(session);
        let list = self.repository.store().list(&folder);
        let listed = self.runtime.block_on(list)?.into_iter();
        let listed = Arc::new(listed.map(|info| info.name).collect::<HashSet<_>>());
        self.seen.lock().listed.insert(session, Arc::clone(&listed));
        Ok(listed)
    }
}

impl PageSource for Presence<'_> {
    type Error = PresentError;

    fn page(&self, page: &ChunkRef) -> Result<Bytes, PresentError> {
        let page = self.find(page)?;
        Ok(self.runtime.block_on(self.pages.read(&page))?)
    }
}
