//! Other places of chunks and pages: packs are repacked, and a tree's places are hints.

use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;
use tokio::sync::Mutex;

use super::sync::is_broken;
use super::{BlockReader, ReadError, Repository};
use crate::index::{IndexError, LocalIndex};
use crate::log::{LogError, State};
use crate::model::{ChunkRef, Place, SnapshotId};
use crate::seal::BlockKind;

/// Opened blocks that are kept, in bytes: chunks that have moved have mostly moved together.
const CACHE: u64 = 8 << 20;

/// Makes the local index when it is first needed.
pub type OpenIndex = Box<dyn Fn() -> Result<Arc<LocalIndex>, IndexError> + Send + Sync>;

/// Chunks that are not where a tree says could not be looked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElsewhereError {
    /// The log could not be read.
    #[error("cannot read the log, to find data that has moved")]
    Log(#[from] LogError),
    /// The index could not be read.
    #[error("cannot use the index, to find data that has moved")]
    Index(#[from] IndexError),
    /// The store did not give a block; nothing says that it is damaged.
    #[error("cannot read data that has moved")]
    Read(#[source] Box<ReadError>),
    /// The snapshot that is being read is gone: what only it needed may be deleted.
    #[error("snapshot {snapshot} was forgotten while it was being read, and data of it is deleted")]
    Forgotten {
        /// The snapshot.
        snapshot: SnapshotId,
    },
}

/// Finds chunks and pages that are not where the tree of a snapshot says, by the end of the log
/// and the index. Costs nothing until it is asked.
pub struct Elsewhere {
    snapshot: Option<SnapshotId>,
    shared: Arc<Shared>,
}

/// What does not depend on the snapshot.
struct Shared {
    repository: Arc<Repository>,
    open: OpenIndex,
    data: BlockReader,
    tree: BlockReader,
    known: Mutex<Option<Known>>,
}

/// Where chunks stand, as the log had it at some entry.
#[derive(Clone)]
struct Known {
    state: Arc<State>,
    index: Arc<LocalIndex>,
}

impl Elsewhere {
    /// For reading `snapshot`, or trees that belong to none yet.
    pub fn new(
        repository: Arc<Repository>,
        snapshot: impl Into<Option<SnapshotId>>,
        open: OpenIndex,
    ) -> Self {
        Self::keeping(repository, snapshot, open, CACHE)
    }

    /// The same, keeping up to `cache` bytes of opened blocks of data, and as many of trees.
    pub fn keeping(
        repository: Arc<Repository>,
        snapshot: impl Into<Option<SnapshotId>>,
        open: OpenIndex,
        cache: u64,
    ) -> Self {
        let reader = |kind| BlockReader::new(Arc::clone(&repository), kind, cache);
        let shared = Shared {
            data: reader(BlockKind::Data),
            tree: reader(BlockKind::Tree),
            repository,
            open,
            known: Mutex::default(),
        };
        Self {
            snapshot: snapshot.into(),
            shared: Arc::new(shared),
        }
    }

    /// For reading `snapshot` too: what is known and kept is shared.
    #[must_use]
    pub fn also_for(&self, snapshot: SnapshotId) -> Self {
        Self {
            snapshot: Some(snapshot),
            shared: Arc::clone(&self.shared),
        }
    }

    /// The plaintext of a chunk or page, verified, from any place but `not`; nothing if it stands
    /// nowhere else undamaged.
    ///
    /// # Errors
    ///
    /// [`ElsewhereError::Forgotten`] if it is nowhere and the snapshot is no longer in the
    /// repository; otherwise of the log, the index and the store, if none of them says that
    /// something is damaged.
    pub async fn read(
        &self,
        kind: BlockKind,
        id: ChunkId,
        len: u32,
        not: &Place,
    ) -> Result<Option<Bytes>, ElsewhereError> {
        let mut known = match self.shared.known().await {
            Err(ElsewhereError::Index(error)) if is_broken(&error) => {
                // What is not in it cannot be found; that is no reason to stop.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the index is damaged: data that has moved is not found"
                );
                return Ok(None);
            }
            known => known?,
        };
        loop {
            if let Some(bytes) = self.shared.read_by(&known, kind, id, len, not).await? {
                return Ok(Some(bytes));
            }
            // It may have moved once more since the log was read.
            match self.shared.newer(&known).await? {
                Some(newer) => known = newer,
                None => match self.snapshot {
                    Some(snapshot) if !known.state.snapshots.contains_key(&snapshot) => {
                        return Err(ElsewhereError::Forgotten { snapshot });
                    }
                    _ => return Ok(None),
                },
            }
        }
    }
}

impl Shared {
    async fn read_by(
        &self,
        known: &Known,
        kind: BlockKind,
        id: ChunkId,
        len: u32,
        not: &Place,
    ) -> Result<Option<Bytes>, ElsewhereError> {
        let swept = &known.state.swept;
        let found = known
            .index
            .lookup(&id.prefix(), |pack| !swept.contains(pack))?;
        let reader = match kind {
            BlockKind::Data => &self.data,
            BlockKind::Tree => &self.tree,
        };
        for found in found
            .iter()
            .filter(|found| found.place != *not && found.len == len)
        {
            let place = found.place;
            match reader.read(&ChunkRef { id, len, place }).await {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(ElsewhereError::Read(Box::new(error))),
            }
        }
        Ok(None)
    }

    /// Log and index, brought up to date when this is first asked.
    async fn known(&self) -> Result<Known, ElsewhereError> {
        let mut held = self.known.lock().await;
        if let Some(known) = &*held {
            return Ok(known.clone());
        }
        let index = (self.open)()?;
        let known = self.up_to_date(index).await?;
        *held = Some(known.clone());
        Ok(known)
    }

    /// What is known by now, if it is more than `before`.
    async fn newer(&self, before: &Known) -> Result<Option<Known>, ElsewhereError> {
        let mut held = self.known.lock().await;
        let is_newer = |known: &Known| known.state.head != before.state.head;
        if let Some(known) = held.as_ref().filter(|known| is_newer(known)) {
            return Ok(Some(known.clone()));
        }
        if self.refreshed().await?.head == before.state.head {
            return Ok(None);
        }
        let known = self.up_to_date(Arc::clone(&before.index)).await?;
        *held = Some(known.clone());
        Ok(Some(known))
    }

    async fn refreshed(&self) -> Result<State, LogError> {
        let mut chain = self.repository.chain().await;
        chain.refresh().await?;
        Ok(chain.state().clone())
    }

    /// The state of the log by now, and the index brought up to it.
    async fn up_to_date(&self, index: Arc<LocalIndex>) -> Result<Known, ElsewhereError> {
        let state = self.refreshed().await?;
        let state = self
            .repository
            .sync_index::<ElsewhereError>(&index, state)
            .await?;
        Ok(Known {
            state: Arc::new(state),
            index,
        })
    }
}
