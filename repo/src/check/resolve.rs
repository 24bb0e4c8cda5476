//! Where the chunk that a tree names really stands.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use minicbor::bytes::ByteArray;
use tokio::runtime::Handle;

use super::error::CheckError;
use super::packs::{self, Packs};
use super::segments::Index;
use crate::explain::explain;
use crate::index::Found;
use crate::log::State;
use crate::model::{ChunkRef, PackName};
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
    /// Whether the log says that it is lost.
    pub(super) declared: bool,
}

/// Entries of a pack's directory.
type Directory = HashSet<(ChunkPrefix, Found)>;

/// Finds chunks. Blocks; not to be used on the runtime's own threads.
pub(crate) struct Resolver {
    pub(super) repository: Arc<Repository>,
    runtime: Handle,
    pub(super) state: Arc<State>,
    pub(crate) index: Index,
    pub(crate) packs: Packs,
    tree: BlockReader,
    data: BlockReader,
    /// The newest last; `None` for one that cannot be read.
    directories: Vec<(PackName, Option<Directory>)>,
    /// Packs that some tree needs.
    pub(super) referenced: HashSet<PackName>,
    /// What some tree needs and nobody has, declared or not, with the packs that trees name.
    pub(crate) unresolved: HashMap<ChunkPrefix, PackName>,
    /// What was declared lost and can be read again.
    pub(crate) back: BTreeSet<ChunkPrefix>,
    /// What trees refer to in packs that cannot be believed and that no segment lists.
    pub(super) unlisted: HashMap<PackName, HashSet<(ChunkPrefix, Found)>>,
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
            unresolved: HashMap::new(),
            back: BTreeSet::new(),
            unlisted: HashMap::new(),
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
        let places = match self.places(page, BlockKind::Tree)? {
            Ok(places) => places,
            Err(lost) => return Ok(Err(lost)),
        };
        let mut why = None;
        for Found { place, .. } in places {
            let page = ChunkRef { place, ..*page };
            match self.runtime.block_on(self.tree.read(&page)) {
                Ok(bytes) => {
                    self.referenced.insert(place.pack);
                    return Ok(Ok(bytes));
                }
                Err(error) if is_broken(&error) => {
                    // Its directory was good, and what it lists is not.
                    self.packs.suspect.insert(place.pack);
                    why.get_or_insert((place.pack, explain(&error)));
                }
                Err(error) => return Err(CheckError::Read(error)),
            }
        }
        Ok(Err(self.lost(page, why)))
    }

    /// Whether a data chunk can be had. It is read only if its pack is not believed.
    pub(super) fn chunk(&mut self, chunk: &ChunkRef) -> Result<Result<(), Lost>, CheckError> {
        let places = match self.places(chunk, BlockKind::Data)? {
            Ok(places) => places,
            Err(lost) => return Ok(Err(lost)),
        };
        let mut why = None;
        for Found { place, .. } in places {
            let suspect = self.packs.suspect.contains(&place.pack);
            let chunk = ChunkRef { place, ..*chunk };
            let read = if suspect {
                self.runtime.block_on(self.data.read(&chunk)).map(|_| ())
            } else {
                Ok(())
            };
            match read {
                Ok(()) => {
                    self.referenced.insert(place.pack);
                    return Ok(Ok(()));
                }
                Err(error) if is_broken(&error) => {
                    why.get_or_insert((place.pack, explain(&error)));
                }
                Err(error) => return Err(CheckError::Read(error)),
            }
        }
        Ok(Err(self.lost(chunk, why)))
    }

    fn lost(&mut self, chunk: &ChunkRef, why: Option<(PackName, String)>) -> Lost {
        let hint = chunk.place.pack;
        self.unresolved.insert(chunk.id.prefix(), hint);
        let (pack, what) = why.unwrap_or_else(|| {
            let what = format!("it is gone, and no other pack has chunk {}", chunk.id);
            (hint, what)
        });
        Lost {
            object: pack.to_string(),
            what,
            declared: self.is_declared(&chunk.id.prefix()),
        }
    }

    fn is_declared(&self, prefix: &ChunkPrefix) -> bool {
        self.state.lost.contains(&ByteArray::from(*prefix))
    }

    fn is_here(&self, pack: PackName) -> bool {
        self.state.packs.contains(pack) && !self.packs.missing.contains(&pack)
    }

    /// Where a chunk may stand, in the order in which it is to be looked for: packs that are
    /// believed first, the place that the tree names before others.
    fn places(
        &mut self,
        chunk: &ChunkRef,
        kind: BlockKind,
    ) -> Result<Result<Vec<Found>, Lost>, CheckError> {
        let prefix = chunk.id.prefix();
        if self.is_declared(&prefix) && !self.back.contains(&prefix) {
            let what = format!("chunk {} was declared lost", chunk.id);
            let why = Some((chunk.place.pack, what));
            return Ok(Err(self.lost(chunk, why)));
        }
        let hint = Found {
            place: chunk.place,
            len: chunk.len,
        };
        let mut places = self
            .index
            .lookup
            .lookup(&prefix, |pack| self.is_here(pack))
            .map_err(CheckError::Index)?;
        places.retain(|found| found.len == chunk.len);
        let pack = hint.place.pack;
        let listed = self.index.packs.contains_key(&pack);
        if self.state.packs.contains(pack) && !listed && !self.is_believed(pack) {
            let unlisted = self.unlisted.entry(pack).or_default();
            unlisted.insert((prefix, hint));
        }
        if self.is_here(pack) {
            let known = places.contains(&hint)
                || self.packs.suspect.contains(&pack)
                || self.in_directory(prefix, hint, kind)?;
            if known {
                places.retain(|found| *found != hint);
                places.insert(0, hint);
            } else if places.is_empty() {
                let what = format!(
                    "a tree says that chunk {} stands at {} of the block at {}, and it does not",
                    chunk.id, hint.place.offset, hint.place.block_offset
                );
                return Ok(Err(self.lost(chunk, Some((pack, what)))));
            }
        }
        places.sort_by_key(|found| self.packs.suspect.contains(&found.place.pack));
        Ok(Ok(places))
    }

    fn is_believed(&self, pack: PackName) -> bool {
        self.is_here(pack) && !self.packs.suspect.contains(&pack)
    }

    /// Whether what the index, or a tree, says of a chunk in some pack is so.
    pub(super) fn holds(
        &self,
        kind: BlockKind,
        prefix: &ChunkPrefix,
        found: &Found,
    ) -> Result<bool, CheckError> {
        if !self.is_here(found.place.pack) {
            return Ok(false);
        }
        let reader = match kind {
            BlockKind::Tree => &self.tree,
            BlockKind::Data => &self.data,
        };
        match self.runtime.block_on(reader.holds(prefix, found)) {
            Ok(holds) => Ok(holds),
            Err(error) if is_broken(&error) => Ok(false),
            Err(error) => Err(CheckError::Read(error)),
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
