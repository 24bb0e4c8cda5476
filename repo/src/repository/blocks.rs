//! Reading chunks and pages: fetch a block, open it, verify the id, keep the block for a while.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;
use parking_lot::Mutex;

use super::Repository;
use crate::index::Found;
use crate::model::{ChunkRef, ObjectName, PackName, Place};
use crate::pack::ChunkPrefix;
use crate::seal::{BlockKind, OpenError};
use crate::store::StoreError;

/// Blocks that stand next to each other are read in one request up to this many bytes.
const COALESCE: u32 = 4 << 20;
/// Blocks with less than this between them count as next to each other: reading the gap is
/// cheaper than another request.
const GAP: u32 = 64 << 10;

/// What is read before a root page along with it: the inner pages of a tree of a million entries
/// take some 300 KiB.
const AROUND: u32 = 512 << 10;
/// What is read before a single page along with it: a page of content takes up to 50 KiB.
const BEFORE_LEAF: u32 = 64 << 10;
/// Length of a pack's header (FORMAT.md section 7).
const HEADER: u32 = 16;

/// A chunk or page could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store failed, or the pack is gone.
    #[error("cannot read the block at {} of {}", .place.block_offset, .place.pack)]
    Store {
        /// Where it should stand.
        place: Place,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The block does not open: damage.
    #[error("the block at {} of {} is damaged", .place.block_offset, .place.pack)]
    Open {
        /// Where it stands.
        place: Place,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// The block opens and does not hold what the reference says.
    #[error("chunk {id} is not where it should be in the block at {} of {}", .place.block_offset, .place.pack)]
    Mismatch {
        /// The id that was wanted.
        id: ChunkId,
        /// Where it was looked for.
        place: Place,
    },
}

impl ReadError {
    /// Whether stored bytes are wrong or gone, as opposed to a store that does not answer.
    ///
    /// A block of a generation of keys that is not known counts, too: its number may be what is
    /// damaged, and it cannot be read in any case.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Store { source, .. } => source.is_missing() || source.is_damage(),
            Self::Open { .. } | Self::Mismatch { .. } => true,
        }
    }

    /// Whether the pack is not there: it may have been moved.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Store { source, .. } if source.is_missing())
    }
}

/// Reads chunks and pages, with a cache of opened blocks.
pub struct BlockReader {
    repository: Arc<Repository>,
    kind: BlockKind,
    cache: Mutex<Cache>,
    /// Stored bytes around a root page: pack, where they begin, and the bytes.
    window: Mutex<Option<(PackName, u64, Bytes)>>,
}

/// Which block: pack and offset.
type Key = (PackName, u32);

/// Opened blocks, the longest unused dropped first.
struct Cache {
    capacity: u64,
    used: u64,
    clock: u64,
    blocks: HashMap<Key, (Bytes, u64)>,
}

impl Cache {
    fn get(&mut self, key: Key) -> Option<Bytes> {
        self.clock += 1;
        let (block, used) = self.blocks.get_mut(&key)?;
        *used = self.clock;
        Some(block.clone())
    }

    fn put(&mut self, key: Key, block: Bytes) {
        self.clock += 1;
        self.used += block.len() as u64;
        if let Some((old, _)) = self.blocks.insert(key, (block, self.clock)) {
            self.used -= old.len() as u64;
        }
        while self.used > self.capacity && self.blocks.len() > 1 {
            let oldest = self
                .blocks
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(k, _)| *k);
            let Some((block, _)) = oldest.and_then(|key| self.blocks.remove(&key)) else {
                break;
            };
            self.used -= block.len() as u64;
        }
    }
}

impl BlockReader {
    /// A reader of blocks of one kind that keeps up to `cache` bytes of them open.
    pub fn new(repository: Arc<Repository>, kind: BlockKind, cache: u64) -> Self {
        let cache = Cache {
            capacity: cache,
            used: 0,
            clock: 0,
            blocks: HashMap::new(),
        };
        Self {
            repository,
            kind,
            cache: Mutex::new(cache),
            window: Mutex::new(None),
        }
    }

    /// The plaintext of a chunk or page, verified against its id.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; if [`ReadError::is_missing`], look the chunk up in the index: it may have moved.
    pub async fn read(&self, chunk: &ChunkRef) -> Result<Bytes, ReadError> {
        let block = self.block(chunk.place).await?;
        self.cut(chunk, &block)
    }

    /// Whether a chunk or page of which only half the id is known stands at its place.
    ///
    /// # Errors
    ///
    /// [`ReadError`], as [`BlockReader::read`].
    pub async fn holds(&self, prefix: &ChunkPrefix, found: &Found) -> Result<bool, ReadError> {
        Ok(self.piece(prefix, found).await?.is_some())
    }

    /// A chunk or page of which only half the id is known, with its id; nothing if the block at its
    /// place holds something else.
    ///
    /// # Errors
    ///
    /// [`ReadError`], as [`BlockReader::read`].
    pub async fn piece(
        &self,
        prefix: &ChunkPrefix,
        found: &Found,
    ) -> Result<Option<(ChunkId, Bytes)>, ReadError> {
        let block = self.block(found.place).await?;
        let range = range(found.place.offset, found.len).filter(|range| range.end <= block.len());
        let Some(range) = range else {
            return Ok(None);
        };
        let piece = block.slice(range);
        let id = self.id_of(&piece);
        Ok((id.prefix() == *prefix).then_some((id, piece)))
    }

    fn id_of(&self, plain: &[u8]) -> ChunkId {
        let ids = self.repository.keys().ids();
        match self.kind {
            BlockKind::Data => ids.chunk_id(plain),
            BlockKind::Tree => ids.page_id(plain),
        }
    }

    /// The plaintext if its block is in the cache.
    pub fn cached(&self, chunk: &ChunkRef) -> Option<Result<Bytes, ReadError>> {
        let place = chunk.place;
        let block = self.cache.lock().get((place.pack, place.block_offset))?;
        Some(self.cut(chunk, &block))
    }

    fn cut(&self, chunk: &ChunkRef, block: &Bytes) -> Result<Bytes, ReadError> {
        let mismatch = || ReadError::Mismatch {
            id: chunk.id,
            place: chunk.place,
        };
        let range = range(chunk.place.offset, chunk.len).ok_or_else(mismatch)?;
        if range.end > block.len() {
            return Err(mismatch());
        }
        let plain = block.slice(range);
        if self.id_of(&plain) == chunk.id {
            Ok(plain)
        } else {
            Err(mismatch())
        }
    }

    /// As [`BlockReader::read`], for one page that was looked up: what stands right before it is
    /// read along with it, since a page of content stands before the leaf whose file it is of.
    ///
    /// # Errors
    ///
    /// As [`BlockReader::read`].
    pub async fn read_alone(&self, page: &ChunkRef) -> Result<Bytes, ReadError> {
        let place = page.place;
        let start = u64::from(place.block_offset);
        let wanted = start..start + u64::from(place.block_len);
        let key = (place.pack, place.block_offset);
        let cached = self.cache.lock().get(key).is_some();
        if !cached && self.in_window(place.pack, &wanted).is_none() {
            self.read_window(place, BEFORE_LEAF).await;
        }
        self.read(page).await
    }

    /// An opened block.
    async fn block(&self, place: Place) -> Result<Bytes, ReadError> {
        let key = (place.pack, place.block_offset);
        if let Some(block) = self.cache.lock().get(key) {
            return Ok(block);
        }
        let start = u64::from(place.block_offset);
        let wanted = start..start + u64::from(place.block_len);
        let stored = match self.in_window(place.pack, &wanted) {
            Some(stored) => stored,
            None => self
                .repository
                .store()
                .get_range(&ObjectName::pack(place.pack), wanted)
                .await
                .map_err(|source| ReadError::Store { place, source })?,
        };
        let block = self.open(place, &stored)?;
        self.cache.lock().put(key, block.clone());
        Ok(block)
    }

    fn in_window(&self, pack: PackName, wanted: &Range<u64>) -> Option<Bytes> {
        let window = self.window.lock();
        let (_, start, bytes) = window.as_ref().filter(|(held, ..)| *held == pack)?;
        let from = usize::try_from(wanted.start.checked_sub(*start)?).ok()?;
        let to = usize::try_from(wanted.end.checked_sub(*start)?).ok()?;
        (to <= bytes.len()).then(|| bytes.slice(from..to))
    }

    /// Reads the stored bytes of a block together with up to [`AROUND`] bytes before it, and keeps
    /// them for the blocks that stand there. A hint: failing is no failure.
    pub async fn read_around(&self, place: Place) {
        self.read_window(place, AROUND).await;
    }

    async fn read_window(&self, place: Place, before: u32) {
        let start = place.block_offset.saturating_sub(before).max(HEADER);
        let range = u64::from(start)..u64::from(place.block_offset) + u64::from(place.block_len);
        let name = ObjectName::pack(place.pack);
        if let Ok(bytes) = self.repository.store().get_range(&name, range).await {
            *self.window.lock() = Some((place.pack, u64::from(start), bytes));
        }
    }

    fn open(&self, place: Place, stored: &[u8]) -> Result<Bytes, ReadError> {
        self.repository
            .keys()
            .open_block(self.kind, stored)
            .map(Bytes::from)
            .map_err(|source| ReadError::Open { place, source })
    }

    /// Reads the blocks of `chunks` into the cache, neighbours in one request.
    ///
    /// A hint: what fails here fails again, and is reported, when it is read.
    pub async fn prefetch(&self, chunks: &[ChunkRef]) {
        let mut places: Vec<_> = {
            let mut cache = self.cache.lock();
            let place = chunks.iter().map(|chunk| chunk.place);
            place
                .filter(|place| cache.get((place.pack, place.block_offset)).is_none())
                .collect()
        };
        places.sort_by_key(|place| (place.pack, place.block_offset));
        places.dedup_by_key(|place| (place.pack, place.block_offset));
        let mut rest = places.as_slice();
        while let Some((run, after)) = next_run(rest) {
            rest = after;
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                return;
            };
            let start = u64::from(first.block_offset);
            let end = u64::from(last.block_offset) + u64::from(last.block_len);
            let name = ObjectName::pack(first.pack);
            let Ok(bytes) = self.repository.store().get_range(&name, start..end).await else {
                return;
            };
            for place in run {
                let from = usize::try_from(u64::from(place.block_offset) - start);
                let Ok(from) = from else { return };
                let Some(stored) = bytes.get(from..from.saturating_add(place.block_len as usize))
                else {
                    return;
                };
                if let Ok(block) = self.open(*place, stored) {
                    self.cache
                        .lock()
                        .put((place.pack, place.block_offset), block);
                }
            }
        }
    }
}

/// The longest run of blocks at the front that is read in one request, and what follows it.
fn next_run(places: &[Place]) -> Option<(&[Place], &[Place])> {
    let first = places.first()?;
    let mut end = first.block_offset.saturating_add(first.block_len);
    let mut count = 1;
    for place in places.iter().skip(1) {
        let joins = place.pack == first.pack
            && place.block_offset >= end
            && place.block_offset - end <= GAP
            && place.block_offset.saturating_add(place.block_len) - first.block_offset <= COALESCE;
        if !joins {
            break;
        }
        end = place.block_offset.saturating_add(place.block_len);
        count += 1;
    }
    places.split_at_checked(count)
}

fn range(start: u32, len: u32) -> Option<Range<usize>> {
    let start = usize::try_from(start).ok()?;
    Some(start..start.checked_add(usize::try_from(len).ok()?)?)
}
