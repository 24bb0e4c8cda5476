//! Reading the chunks of a group: neighbours in one request, opened, verified.

use std::sync::Arc;

use bytes::Bytes;
use orlop_repo::explain::explain;
use orlop_repo::model::ChunkRef;
use orlop_repo::repository::{BlockReader, Elsewhere};
use orlop_repo::seal::BlockKind;

use crate::backup::BackupError;

/// A chunk that is shorter is copied out of its block, which would otherwise stay in memory for
/// its sake, in bytes.
const SHORT: usize = 256 << 10;

/// The bytes of a chunk, or why they cannot be had.
pub(super) type Fetched = Result<Bytes, String>;

/// Where the data of the source is read.
pub(super) struct Fetcher {
    pub(super) blocks: BlockReader,
    pub(super) elsewhere: Arc<Elsewhere>,
}

impl Fetcher {
    /// Reads chunks; gives one answer for each.
    ///
    /// # Errors
    ///
    /// Of a store that does not answer. Damage is an answer.
    pub(super) async fn fetch(&self, chunks: &[ChunkRef]) -> Result<Vec<Fetched>, BackupError> {
        self.blocks.prefetch(chunks).await;
        let mut fetched = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            fetched.push(self.one(chunk).await?);
        }
        Ok(fetched)
    }

    async fn one(&self, chunk: &ChunkRef) -> Result<Fetched, BackupError> {
        let error = match self.blocks.read(chunk).await {
            Ok(bytes) => return Ok(Ok(kept(bytes))),
            Err(error) => error,
        };
        if !error.is_damage() {
            return Err(BackupError::CopiedBlock(error));
        }
        let other = self
            .elsewhere
            .read(BlockKind::Data, chunk.id, chunk.len, &chunk.place)
            .await;
        match other {
            Ok(Some(bytes)) => Ok(Ok(kept(bytes))),
            Ok(None) => Ok(Err(explain(&error))),
            Err(error) => Err(BackupError::CopiedElsewhere(error)),
        }
    }
}

fn kept(bytes: Bytes) -> Bytes {
    if bytes.len() < SHORT {
        Bytes::copy_from_slice(&bytes)
    } else {
        bytes
    }
}
