//! The content of files in order, read ahead.

use std::sync::Arc;

use bytes::Bytes;
use orlop_repo::model::{ChunkRef, Extent};
use orlop_repo::repository::{BlockReader, TreePages};
use orlop_repo::seal::BlockKind;
use orlop_repo::tree::{Content, Extents};
use tokio::task::JoinSet;

use super::RestoreError;
use super::elsewhere::Elsewhere;
use crate::backup::Tools;
use crate::memory::MemoryPlan;

/// Requests at once while reading ahead.
const REQUESTS: usize = 8;
/// Chunks read ahead at the most.
const MAX_CHUNKS: usize = 1024;

/// Reads files from beginning to end.
pub(super) struct Contents<'c> {
    tools: &'c Tools,
    pages: &'c TreePages,
    blocks: Arc<BlockReader>,
    elsewhere: Elsewhere,
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
    pub(super) fn new(tools: &'c Tools, pages: &'c TreePages, memory: &MemoryPlan) -> Self {
        let repository = Arc::clone(&tools.repository);
        // One batch is being read while the one before is used; blocks reach over both ends.
        let blocks = BlockReader::new(repository, BlockKind::Data, memory.in_flight);
        Self {
            tools,
            pages,
            blocks: Arc::new(blocks),
            elsewhere: Elsewhere::new(tools),
            ahead: memory.in_flight / 4,
        }
    }

    /// Gives the pieces of a file to `each`, in order.
    ///
    /// # Errors
    ///
    /// Those of `each`; those of the store and of the tree that are not damage of a chunk.
    pub(super) fn read(
        &self,
        content: &Content,
        mut each: impl FnMut(Piece) -> Result<(), RestoreError>,
    ) -> Result<(), RestoreError> {
        if let Content::Inline(bytes) = content {
            return each(Piece::Bytes(Bytes::copy_from_slice(bytes)));
        }
        let mut extents = Extents::new(self.pages, content);
        let mut batch = self.batch(&mut extents)?;
        let mut reading = self.read_ahead(&batch);
        while !batch.is_empty() {
            self.tools
                .runtime
                .block_on(async { while reading.join_next().await.is_some() {} });
            let next = self.batch(&mut extents)?;
            reading = self.read_ahead(&next);
            for extent in batch {
                each(self.piece(&extent)?)?;
            }
            batch = next;
        }
        Ok(())
    }

    /// The next extents, as many as are read ahead at once.
    fn batch(&self, extents: &mut Extents<'_, TreePages>) -> Result<Vec<Extent>, RestoreError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < self.ahead && batch.len() < MAX_CHUNKS {
            let Some(extent) = extents.next().transpose()? else {
                break;
            };
            if let Extent::Data(chunk) = &extent {
                bytes += u64::from(chunk.len);
            }
            batch.push(extent);
        }
        Ok(batch)
    }

    fn read_ahead(&self, batch: &[Extent]) -> JoinSet<()> {
        let chunks: Vec<ChunkRef> = batch
            .iter()
            .filter_map(|extent| match extent {
                Extent::Data(chunk) => Some(*chunk),
                _ => None,
            })
            .collect();
        let mut reading = JoinSet::new();
        for part in chunks.chunks(chunks.len().div_ceil(REQUESTS).max(1)) {
            let (blocks, part) = (Arc::clone(&self.blocks), part.to_vec());
            reading.spawn_on(
                async move { blocks.prefetch(&part).await },
                &self.tools.runtime,
            );
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
                let other = self.elsewhere.read(chunk.id, chunk.len, &chunk.place)?;
                let lost = || Piece::Lost(u64::from(chunk.len), error.into());
                Ok(other.map_or_else(lost, Piece::Bytes))
            }
            Err(error) => Err(error.into()),
        }
    }
}
