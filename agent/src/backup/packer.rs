//! Filling packs and uploading them, a bounded number at once.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;
use orlop_repo::model::Place;
use orlop_repo::pack::{FinishedPack, PackBuilder, PackEnd};
use orlop_repo::repository::Session;
use orlop_repo::seal::BlockKind;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::dedup::Dedup;
use super::error::BackupError;
use crate::progress::Progress;

/// Uploads of finished packs, shared by the packers of one thread.
pub(super) type SharedUploads = Rc<RefCell<Uploads>>;

/// Uploads of finished packs.
pub(super) struct Uploads {
    session: Arc<Session>,
    dedup: Arc<Dedup>,
    progress: Arc<Progress>,
    runtime: Handle,
    slots: Arc<Semaphore>,
    running: JoinSet<Result<(), BackupError>>,
    /// Store nothing.
    dry_run: bool,
    /// Stored bytes of all packs so far.
    stored: u64,
}

impl Uploads {
    pub(super) fn new(
        session: Arc<Session>,
        dedup: Arc<Dedup>,
        progress: Arc<Progress>,
        runtime: Handle,
        slots: u32,
        dry_run: bool,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(slots as usize));
        let running = JoinSet::new();
        Self {
            session,
            dedup,
            progress,
            runtime,
            slots,
            running,
            dry_run,
            stored: 0,
        }
    }

    /// Bytes handed over so far.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }

    /// Uploads a pack; waits while every slot is taken.
    fn upload(&mut self, pack: FinishedPack) -> Result<(), BackupError> {
        self.collect()?;
        self.stored += pack.len;
        if self.dry_run {
            return Ok(());
        }
        let slots = Arc::clone(&self.slots);
        let permit = self
            .runtime
            .block_on(slots.acquire_owned())
            .map_err(|_| BackupError::PartGone)?;
        let (session, dedup) = (Arc::clone(&self.session), Arc::clone(&self.dedup));
        let progress = Arc::clone(&self.progress);
        self.running.spawn_on(
            async move {
                session.upload(&pack).await?;
                progress.bytes_stored.add(pack.len);
                let name = pack.name;
                let noted = tokio::task::spawn_blocking(move || dedup.stored(pack)).await;
                noted.map_err(|_| BackupError::PartGone)??;
                session.has_stored(name);
                drop(permit);
                Ok(())
            },
            &self.runtime,
        );
        Ok(())
    }

    /// Takes note of uploads that have ended.
    fn collect(&mut self) -> Result<(), BackupError> {
        while let Some(result) = self.running.try_join_next() {
            result.map_err(|_| BackupError::PartGone)??;
        }
        Ok(())
    }

    /// Waits for every upload.
    pub(super) fn wait(&mut self) -> Result<(), BackupError> {
        let runtime = self.runtime.clone();
        while let Some(result) = runtime.block_on(self.running.join_next()) {
            result.map_err(|_| BackupError::PartGone)??;
        }
        Ok(())
    }
}

/// The pack of one kind that is being filled.
pub(super) struct Packer {
    kind: BlockKind,
    target: u32,
    uploads: SharedUploads,
    open: Option<PackBuilder>,
    /// Whether a full pack was closed before.
    filled: bool,
}

impl Packer {
    pub(super) fn new(kind: BlockKind, target: u32, uploads: SharedUploads) -> Self {
        Self {
            kind,
            target,
            uploads,
            open: None,
            filled: false,
        }
    }

    /// Adds a block; tells the places of its chunks.
    pub(super) fn add(
        &mut self,
        sealed: Bytes,
        chunks: &[(ChunkId, u32)],
    ) -> Result<Vec<Place>, BackupError> {
        let next = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
        if self.open.as_ref().is_some_and(|pack| pack.is_full(next)) {
            self.end(PackEnd::Full)?;
        }
        let pack = match &mut self.open {
            Some(pack) => pack,
            closed => {
                let session = &self.uploads.borrow().session;
                let suite = session.repository().keys().suite();
                let name = session.next_pack()?;
                closed.insert(PackBuilder::new(name, self.kind, suite, self.target))
            }
        };
        let places = pack.add_block(sealed, chunks)?;
        // One more of this length would not fit. A checkpoint is due when packs were stored: it
        // would end a pack of one block.
        let nearly = u64::from(self.target) / 4 * 3;
        if pack.stored_len() > nearly && pack.is_full(next) {
            self.end(PackEnd::Full)?;
        }
        Ok(places)
    }

    /// Finishes the open pack, if there is one, although it is not full, and uploads it.
    pub(super) fn close(&mut self) -> Result<(), BackupError> {
        let rest = self.filled;
        self.end(if rest { PackEnd::Rest } else { PackEnd::Early })
    }

    fn end(&mut self, end: PackEnd) -> Result<(), BackupError> {
        self.filled |= end == PackEnd::Full;
        let Some(pack) = self.open.take() else {
            return Ok(());
        };
        let mut uploads = self.uploads.borrow_mut();
        let keys = Arc::clone(uploads.session.repository().keys());
        uploads.upload(pack.finish(&keys, end)?)
    }
}
