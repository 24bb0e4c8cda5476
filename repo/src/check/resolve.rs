//! Where the chunk that a tree names really stands.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::error::CheckError;
use super::packs::{self, Packs};
use super::segments::Index;
use crate::explain::explain;
use crate::index::Found;
use crate::log::State;
use crate::model::{ChunkRef, PackName, Place};
use crate::pack::{ChunkPrefix, read_directory};
use crate::repository::{BlockReader, ReadError, Repository};
use crate::seal::BlockKind;

/// Opened tree blocks that are kept: pages of one walk stand together.
const TREE_CACHE: u64 = 64 << 20;
/// Opened data blocks that are kept, which only packs that are not believed need.
const DATA_CACHE: u64 = 32 << 20;
/// Directories that are kept of packs that the index does not know.
const DIRECTORIES: usize = 4;

/// A chunk or page that cannot be had.
pub(super) struct Lost {
    /// The pack at fault.
    pub(super) object: String,
    pub(super) what: String,
}

/// Entries of a pack's directory.
type Directory = HashSet<(ChunkPrefix, Found)>;

/// Finds chunks. Blocks; not to be used on the runtime's own threads.
pub(super) struct Resolver {
    repository: Arc<Repository>,
    runtime: Handle,
    state: Arc<State>,
    index: Index,
    packs: Packs,
    tree: BlockReader,
    data: BlockReader,
    /// The newest last; `None` for one that cannot be read.
    directories: Vec<(PackName, Option<Directory>)>,
    /// Packs that some tree needs.
    pub(super) referenced: HashSet<PackName>,
}

impl Resolver {
    pub(super) fn new(
        repository: &Arc<Repository>,
        runtime: Handle,
        state: Arc<State>,
        index: Index,
        packs: Packs,
    ) -> Self {
        let reader = |kind, cache| BlockReader::new(Arc::clone(repository), kind, cache);
        Self {
            repository: Arc::clone(repository),
            runtime,
            state,
            index,
            packs,
            tree: reader(BlockKind::Tree, TREE_CACHE),
            data: reader(BlockKind::Data, DATA_CACHE),
            directories: Vec::new(),
            referenced: HashSet::new(),
        }
    }

    /// Says that these pages are wanted next.
    pub(super) fn prefetch(&self, pages: &[ChunkRef]) {
        let here: Vec<_> = pages
            .iter()
            .filter(|page| self.is_here(page.place.pack))
            .copied()
            .collect();
        self.runtime.block_on(self.tree.prefetch(&here));
    }

    /// The bytes of a page, verified against its id.
    pub(super) fn page(&mut self, page: &ChunkRef) -> Result<Result<Bytes, Lost>, CheckError> {
        let page = match self.find(page, BlockKind::Tree)? {
            Ok(page) => page,
            Err(lost) => return Ok(Err(lost)),
        };
        match self.read(&page, BlockKind::Tree) {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(error) if is_broken(&error) => Ok(Err(Lost {
                object: page.place.pack.to_string(),
                what: explain(&error),
            })),
            Err(error) => Err(CheckError::Read(error)),
        }
    }

    /// Whether a data chunk can be had. It is read only if its pack is not believed.
    pub(super) fn chunk(&mut self, chunk: &ChunkRef) -> Result<Result<(), Lost>, CheckError> {
        Ok(self.find(chunk, BlockKind::Data)?.map(|_| ()))
    }

    fn read(&self, chunk: &ChunkRef, kind: BlockKind) -> Result<Bytes, ReadError> {
        let reader = match kind {
            BlockKind::Tree => &self.tree,
            BlockKind::Data => &self.data,
        };
        self.runtime.block_on(reader.read(chunk))
    }

    fn is_here(&self, pack: PackName) -> bool {
        self.state.packs.contains(pack) && !self.packs.missing.contains(&pack)
    }

    /// Where a chunk stands: at its hint, or, if that pack is gone, where the index says. This
    /// is what readers do, who do not look elsewhere while the pack is there.
    fn find(
        &mut self,
        chunk: &ChunkRef,
        kind: BlockKind,
    ) -> Result<Result<ChunkRef, Lost>, CheckError> {
        let prefix = chunk.id.prefix();
        let hint = chunk.place;
        let lost = |what: String| {
            Ok(Err(Lost {
                object: hint.pack.to_string(),
                what,
            }))
        };
        let mut places = self
            .index
            .lookup
            .lookup(&prefix, |pack| self.is_here(pack))
            .map_err(CheckError::Index)?;
        places.retain(|found| found.len == chunk.len);
        if self.is_here(hint.pack) {
            let found = Found {
                place: hint,
                len: chunk.len,
            };
            let known = places.contains(&found)
                || self.packs.suspect.contains(&hint.pack)
                || self.in_directory(prefix, found, kind)?;
            if !known {
                return lost(format!(
                    "a tree says that chunk {} stands at {} of the block at {}, and it does not",
                    chunk.id, hint.offset, hint.block_offset
                ));
            }
            places = vec![found];
        }
        if places.is_empty() {
            return lost(format!(
                "it is gone, and no other pack has chunk {}",
                chunk.id
            ));
        }
        let mut why = None;
        for Found { place, .. } in places {
            self.referenced.insert(place.pack);
            let chunk = ChunkRef { place, ..*chunk };
            match self.believe(&chunk, kind) {
                Ok(()) => return Ok(Ok(chunk)),
                Err(error) if is_broken(&error) => why = Some((place, error)),
                Err(error) => return Err(CheckError::Read(error)),
            }
        }
        let (place, what) = match why {
            Some((place, error)) => (place, explain(&error)),
            None => (hint, String::new()),
        };
        Ok(Err(Lost {
            object: place.pack.to_string(),
            what,
        }))
    }

    /// Reads a chunk if its pack is not believed.
    fn believe(&self, chunk: &ChunkRef, kind: BlockKind) -> Result<(), ReadError> {
        let Place { pack, .. } = chunk.place;
        if self.packs.suspect.contains(&pack) {
            self.read(chunk, kind).map(|_| ())
        } else {
            Ok(())
        }
    }

    /// Whether a pack lists an entry that the index, which may lack a segment, does not know.
    fn in_directory(
        &mut self,
        prefix: ChunkPrefix,
        found: Found,
        kind: BlockKind,
    ) -> Result<bool, CheckError> {
        let name = found.place.pack;
        let held = self.directories.iter().position(|(pack, _)| *pack == name);
        let (pack, directory) = match held {
            Some(at) => self.directories.remove(at),
            None => (name, self.read_directory(name, kind)?),
        };
        let known = directory
            .as_ref()
            .is_some_and(|directory| directory.contains(&(prefix, found)));
        self.directories.push((pack, directory));
        if self.directories.len() > DIRECTORIES {
            self.directories.remove(0);
        }
        Ok(known)
    }

    fn read_directory(
        &self,
        name: PackName,
        kind: BlockKind,
    ) -> Result<Option<Directory>, CheckError> {
        let (store, keys) = (self.repository.store(), self.repository.keys());
        let read = read_directory(store, keys, name, Some(kind), None);
        match self.runtime.block_on(read) {
            Ok(directory) => Ok(Some(
                directory
                    .chunks()
                    .map(|chunk| {
                        let found = Found {
                            place: chunk.place,
                            len: chunk.len,
                        };
                        (chunk.prefix, found)
                    })
                    .collect(),
            )),
            Err(error) if packs::is_broken(&error) => Ok(None),
            Err(error) => Err(CheckError::Pack(error)),
        }
    }
}

/// Whether the stored bytes are at fault. All keys are at hand, so that a block of a generation
/// which is none of theirs is damaged too.
fn is_broken(error: &ReadError) -> bool {
    error.is_damage() || matches!(error, ReadError::Open { .. })
}
