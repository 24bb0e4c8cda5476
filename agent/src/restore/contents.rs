//! The content of files in order, read ahead.

use std::sync::Arc;

use bytes::Bytes;
use orlop_repo::model::{ChunkRef, Extent, SnapshotId};
use orlop_repo::repository::{BlockReader, Elsewhere, TreeError, TreePages};
use orlop_repo::seal::BlockKind;
use orlop_repo::tree::{Content, Extents};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::RestoreError;
use crate::backup::Tools;
use crate::memory::MemoryPlan;

/// Requests at once while reading ahead.
const REQUESTS: usize = 8;
/// Blocks next to each other are read by one request up to this many bytes: a file of a
/// megabyte by one, a large one by several at once.
const TOGETHER: u64 = 2 << 20;
/// Chunks read ahead at the most.
const MAX_CHUNKS: usize = 1024;

/// Reads files from beginning to end.
pub(super) struct Contents<'c> {
    tools: &'c Tools,
    pages: &'c TreePages,
    blocks: Arc<BlockReader>,
    elsewhere: Arc<Elsewhere>,
    /// Bytes read ahead.
    ahead: u64,
}

/// A piece of a file.
pub(super) enum Piece {
    /// Bytes that are stored.
    Bytes(Bytes),
    /// This many zeros, whatever they are in the file.
    Zeros(u64),
    /// This many bytes cannot be read: damage.
    Lost(u64, RestoreError),
}

impl<'c> Contents<'c> {
    pub(super) fn new(
        tools: &'c Tools,
        snapshot: SnapshotId,
        pages: &'c TreePages,
        memory: &MemoryPlan,
    ) -> Self {
        let repository = Arc::clone(&tools.repository);
        // One batch is being read while the one before is used; blocks reach over both ends.
        let blocks = BlockReader::new(repository, BlockKind::Data, memory.in_flight);
        Self {
            tools,
            pages,
            blocks: Arc::new(blocks),
            elsewhere: tools.elsewhere(snapshot),
            ahead: memory.in_flight / 4,
        }
    }

    /// Gives the pieces of a file of `size` bytes to `each`, in order. What stands behind a page of
    /// its content that is damaged is one lost piece.
    ///
    /// # Errors
    ///
    /// Those of `each`; those of the store that are not damage.
    pub(super) fn read(
        &self,
        content: &Content,
        size: u64,
        mut each: impl FnMut(Piece) -> Result<(), RestoreError>,
    ) -> Result<(), RestoreError> {
        if let Content::Inline(bytes) = content {
            return each(Piece::Bytes(Bytes::copy_from_slice(bytes)));
        }
        let mut extents = Extents::new(self.pages, content);
        let mut lost = None;
        let mut batch = self.batch(&mut extents, &mut lost)?;
        let mut reading = self.read_ahead(&batch);
        while !batch.is_empty() {
            self.tools
                .runtime
                .block_on(async { while reading.join_next().await.is_some() {} });
            let next = self.batch(&mut extents, &mut lost)?;
            reading = self.read_ahead(&next);
            for extent in batch {
                each(self.piece(&extent)?)?;
            }
            batch = next;
        }
        match lost {
            Some(error) => each(Piece::Lost(
                size.saturating_sub(extents.position()),
                error.into(),
            )),
            None => Ok(()),
        }
    }

    /// The next extents, as many as are read ahead at once; none after one that is `lost`.
    fn batch(
        &self,
        extents: &mut Extents<'_, TreePages>,
        lost: &mut Option<TreeError>,
    ) -> Result<Vec<Extent>, RestoreError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < self.ahead && batch.len() < MAX_CHUNKS {
            let extent = match extents.next() {
                Some(Ok(extent)) => extent,
                Some(Err(error)) if error.is_damage() => {
                    *lost = Some(error);
                    break;
                }
                Some(Err(error)) => return Err(error.into()),
                None => break,
            };
            if let Extent::Data(chunk) = &extent {
                bytes += u64::from(chunk.len);
            }
            batch.push(extent);
        }
        Ok(batch)
    }

    fn read_ahead(&self, batch: &[Extent]) -> JoinSet<()> {
        let chunks = batch.iter().filter_map(|extent| match extent {
            Extent::Data(chunk) => Some(*chunk),
            _ => None,
        });
        let permits = Arc::new(Semaphore::new(REQUESTS));
        let mut reading = JoinSet::new();
        for neighbours in neighbours(chunks.collect()) {
            let (blocks, permits) = (Arc::clone(&self.blocks), Arc::clone(&permits));
            let read = async move {
                // Nobody closes it.
                let _permit = permits.acquire().await;
                blocks.prefetch(&neighbours).await;
            };
            reading.spawn_on(read, &self.tools.runtime);
        }
        reading
    }

    fn piece(&self, extent: &Extent) -> Result<Piece, RestoreError> {
        let chunk = match *extent {
            Extent::Data(chunk) => chunk,
            Extent::Zeros(len) | Extent::Hole(len) | Extent::Unwritten(len) => {
                return Ok(Piece::Zeros(len));
            }
        };
        match self.tools.runtime.block_on(self.blocks.read(&chunk)) {
            Ok(bytes) => Ok(Piece::Bytes(bytes)),
            Err(error) if error.is_damage() => {
                let (id, len, place) = (chunk.id, chunk.len, &chunk.place);
                let other = self.elsewhere.read(BlockKind::Data, id, len, place);
                let other = self.tools.runtime.block_on(other)?;
                let lost = || Piece::Lost(u64::from(chunk.len), error.into());
                Ok(other.map_or_else(lost, Piece::Bytes))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// One chunk of each block, those of blocks that one request reads together.
pub(crate) fn neighbours(mut chunks: Vec<ChunkRef>) -> Vec<Vec<ChunkRef>> {
    chunks.sort_by_key(|chunk| (chunk.place.pack, chunk.place.block_offset));
    chunks.dedup_by_key(|chunk| (chunk.place.pack, chunk.place.block_offset));
    let end =
        |chunk: &ChunkRef| u64::from(chunk.place.block_offset) + u64::from(chunk.place.block_len);
    let mut groups: Vec<Vec<ChunkRef>> = Vec::new();
    for chunk in chunks {
        match groups.last_mut() {
            Some(group)
                if group
                    .first()
                    .zip(group.last())
                    .is_some_and(|(first, last)| {
                        let start = u64::from(first.place.block_offset);
                        last.place.pack == chunk.place.pack
                            && end(last) == u64::from(chunk.place.block_offset)
                            && end(&chunk) - start <= TOGETHER
                    }) =>
            {
                group.push(chunk);
            }
            _ => groups.push(vec![chunk]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use orlop_chunker::ChunkId;
    use orlop_repo::model::{PackName, Place, SessionId};

    use super::*;

    fn chunk(number: u32, block_offset: u32, block_len: u32, offset: u32) -> ChunkRef {
        let session = SessionId::from_bytes([1; 16]);
        ChunkRef {
            id: ChunkId::from_bytes([0; ChunkId::LEN]),
            len: 1,
            place: Place {
                pack: PackName { session, number },
                block_offset,
                block_len,
                offset,
            },
        }
    }

    #[test]
    fn a_block_is_asked_for_once_and_neighbours_together() {
        let mib = 1 << 20;
        let groups = neighbours(vec![
            chunk(0, 16, mib, 0),
            chunk(0, 16, mib, 70_000),
            chunk(0, 16 + mib, 500_000, 0),
            chunk(0, 16 + mib, 500_000, 9),
            chunk(0, 16 + mib + 500_000, mib, 0),
            chunk(1, 16, 100, 0),
            chunk(1, 5_000_000, 100, 0),
        ]);
        let lens: Vec<_> = groups.iter().map(Vec::len).collect();
        assert_eq!(lens, [2, 1, 1, 1]);
    }
}
