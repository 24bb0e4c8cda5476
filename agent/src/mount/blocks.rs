//! Data by blocks, each fetched once for all who wait for it.
//!
//! The kernel asks for a file in pieces much smaller than a block, several at once, and what is
//! read ahead is asked for meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use orlop_repo::model::{ChunkRef, PackName};
use orlop_repo::repository::{BlockReader, ReadError};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use super::options::MountMemory;
use super::trees::SnapshotTree;
use super::trouble::Trouble;
use crate::restore::neighbours;
use orlop_repo::seal::BlockKind;

/// Requests at once while reading ahead, as memory allows.
const MAX_REQUESTS: u64 = 8;
/// What one of them takes: two megabytes as they are stored, and opened.
const REQUEST_COST: u64 = 4 << 20;

/// Which block: pack and offset.
type Key = (PackName, u32);

/// Reads chunks of files.
pub(super) struct DataBlocks {
    reader: BlockReader,
    /// Blocks that somebody is fetching; the channel closes when it is done.
    loading: Mutex<HashMap<Key, watch::Receiver<()>>>,
    /// Packs that are not there any more.
    gone: Mutex<HashSet<PackName>>,
    /// Requests of those who read ahead.
    requests: Semaphore,
    /// Bytes that may be read ahead of all readers together.
    pub(super) ahead: u64,
}

/// Whether somebody fetches a block already.
enum Claim<'b> {
    /// Nobody did: it is for the holder to do, until this is dropped.
    Mine(Mine<'b>),
    Others(watch::Receiver<()>),
}

struct Mine<'b> {
    blocks: &'b DataBlocks,
    key: Key,
    /// Closes when this is dropped.
    _done: watch::Sender<()>,
}

impl Drop for Mine<'_> {
    fn drop(&mut self) {
        self.blocks.loading.lock().remove(&self.key);
    }
}

impl DataBlocks {
    pub(super) fn new(reader: BlockReader, memory: &MountMemory) -> Self {
        let requests = (memory.in_flight / 2 / REQUEST_COST).clamp(1, MAX_REQUESTS);
        Self {
            reader,
            loading: Mutex::default(),
            gone: Mutex::default(),
            requests: Semaphore::new(usize::try_from(requests).unwrap_or(1)),
            ahead: memory.data / 2,
        }
    }

    /// The bytes of a chunk of `tree`, verified, wherever it stands by now.
    pub(super) async fn chunk(
        &self,
        tree: &SnapshotTree,
        chunk: &ChunkRef,
    ) -> Result<Bytes, Trouble> {
        let gone = self.gone.lock().contains(&chunk.place.pack);
        if gone && let Some(bytes) = elsewhere(tree, chunk).await? {
            return Ok(bytes);
        }
        let error = match self.read(chunk).await {
            Err(error) if error.is_damage() => error,
            read => return Ok(read?),
        };
        if error.is_missing() {
            self.gone.lock().insert(chunk.place.pack);
        }
        match elsewhere(tree, chunk).await? {
            Some(bytes) => Ok(bytes),
            None => Err(error.into()),
        }
    }

    async fn read(&self, chunk: &ChunkRef) -> Result<Bytes, ReadError> {
        if let Some(read) = self.reader.cached(chunk) {
            return read;
        }
        let _mine = match self.claim(chunk) {
            Claim::Mine(mine) => Some(mine),
            Claim::Others(mut done) => {
                // Nothing is ever sent: this ends when the block is there, or could not be had.
                drop(done.changed().await);
                None
            }
        };
        self.reader.read(chunk).await
    }

    fn claim(&self, chunk: &ChunkRef) -> Claim<'_> {
        let key = (chunk.place.pack, chunk.place.block_offset);
        let mut loading = self.loading.lock();
        if let Some(done) = loading.get(&key) {
            return Claim::Others(done.clone());
        }
        let (sender, receiver) = watch::channel(());
        loading.insert(key, receiver);
        Claim::Mine(Mine {
            blocks: self,
            key,
            _done: sender,
        })
    }

    /// Begins to fetch the blocks of `chunks`, neighbours in one request, several requests at once.
    pub(super) fn fetch(self: &Arc<Self>, chunks: Vec<ChunkRef>, runtime: &Handle) {
        let gone = self.gone.lock().clone();
        let there = chunks
            .into_iter()
            .filter(|chunk| !gone.contains(&chunk.place.pack));
        for group in neighbours(there.collect()) {
            let blocks = Arc::clone(self);
            runtime.spawn(async move {
                // Nobody closes it.
                let _permit = blocks.requests.acquire().await;
                blocks.prefetch(group).await;
            });
        }
    }

    async fn prefetch(&self, mut group: Vec<ChunkRef>) {
        let mut claims = Vec::new();
        group.retain(|chunk| match self.claim(chunk) {
            Claim::Mine(mine) => {
                claims.push(mine);
                true
            }
            Claim::Others(_) => false,
        });
        self.reader.prefetch(&group).await;
    }
}

/// The chunk from any place but that which the tree says.
async fn elsewhere(tree: &SnapshotTree, chunk: &ChunkRef) -> Result<Option<Bytes>, Trouble> {
    let (id, len, place) = (chunk.id, chunk.len, &chunk.place);
    let read = tree.elsewhere.read(BlockKind::Data, id, len, place);
    Ok(read.await?)
}
