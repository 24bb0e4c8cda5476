//! Other places of a chunk: packs are repacked, and a tree's places are hints.

use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;
use orlop_repo::log::State;
use orlop_repo::model::{ChunkRef, Place};
use orlop_repo::repository::BlockReader;
use orlop_repo::seal::BlockKind;
use parking_lot::Mutex;

use super::RestoreError;
use crate::backup::Tools;

/// Opened blocks that are kept, in bytes: chunks that have moved have mostly moved together.
const CACHE: u64 = 8 << 20;

/// Finds chunks that are not where the tree says, by the index. Costs nothing until it is asked.
pub(super) struct Elsewhere {
    tools: Tools,
    ready: Mutex<Option<Arc<Ready>>>,
}

struct Ready {
    state: State,
    blocks: BlockReader,
}

impl Elsewhere {
    pub(super) fn new(tools: &Tools) -> Self {
        Self {
            tools: tools.clone(),
            ready: Mutex::new(None),
        }
    }

    /// Brings log and index up to date, once.
    fn ready(&self) -> Result<Arc<Ready>, RestoreError> {
        let mut ready = self.ready.lock();
        if let Some(ready) = &*ready {
            return Ok(Arc::clone(ready));
        }
        let repository = &self.tools.repository;
        let state = self.tools.runtime.block_on(async {
            let mut chain = repository.chain().await;
            chain.refresh().await?;
            let state = chain.state().clone();
            drop(chain);
            self.tools.sync_index(&state).await?;
            Ok::<_, RestoreError>(state)
        })?;
        let blocks = BlockReader::new(Arc::clone(repository), BlockKind::Data, CACHE);
        Ok(Arc::clone(ready.insert(Arc::new(Ready { state, blocks }))))
    }

    /// The plaintext of a chunk, verified, from any place but `not`; nothing if it stands nowhere
    /// else undamaged.
    ///
    /// # Errors
    ///
    /// Of the log, the index and the store, if none of them says that something is damaged.
    pub(super) fn read(
        &self,
        id: ChunkId,
        len: u32,
        not: &Place,
    ) -> Result<Option<Bytes>, RestoreError> {
        let ready = self.ready()?;
        let swept = &ready.state.swept;
        let found = self
            .tools
            .index
            .lookup(&id.prefix(), |pack| !swept.contains(pack))?;
        for found in found.iter().filter(|found| found.place != *not) {
            let place = found.place;
            let chunk = ChunkRef { id, len, place };
            match self.tools.runtime.block_on(ready.blocks.read(&chunk)) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}
