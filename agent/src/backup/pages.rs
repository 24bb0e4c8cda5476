//! Pages of the tree: identified, deduplicated, sealed one by one, packed.

use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;
use orlop_repo::keys::{BlockOptions, Keyring};
use orlop_repo::model::ChunkRef;
use orlop_repo::pack::PackEnd;
use orlop_repo::repository::{BlockReader, Repository};
use orlop_repo::seal::BlockKind;
use orlop_repo::tree::PageSink;
use tokio::runtime::Handle;

use super::dedup::{Claim, Dedup};
use super::error::BackupError;
use super::packer::Packer;
use crate::progress::Progress;

/// Opened blocks that are kept of pages whose reading is doubted, in bytes.
const DOUBTED: u64 = 256 << 10;

/// Stores pages.
///
/// A page is a block of its own, because the page above it names its place. Leaves and content
/// pages share a pack; inner pages go into a pack apart, where they stand together: whoever
/// looks one file up reads all of them in one request.
pub(super) struct Pages {
    keys: Arc<Keyring>,
    dedup: Arc<Dedup>,
    progress: Arc<Progress>,
    options: BlockOptions,
    stored: StoredPages,
    leaves: Packer,
    spine: Packer,
}

/// Reads pages that are stored already, where it is doubted that they can be read.
pub(super) struct StoredPages {
    blocks: BlockReader,
    runtime: Handle,
}

impl StoredPages {
    pub(super) fn new(repository: Arc<Repository>, runtime: Handle) -> Self {
        Self {
            blocks: BlockReader::new(repository, BlockKind::Tree, DOUBTED),
            runtime,
        }
    }

    /// Whether a page can be read. What the store does not answer for is stored once more.
    fn reads(&self, page: &ChunkRef) -> bool {
        self.runtime.block_on(self.blocks.read(page)).is_ok()
    }
}

impl Pages {
    pub(super) fn new(
        keys: Arc<Keyring>,
        dedup: Arc<Dedup>,
        progress: Arc<Progress>,
        options: BlockOptions,
        stored: StoredPages,
        leaves: Packer,
        spine: Packer,
    ) -> Self {
        Self {
            keys,
            dedup,
            progress,
            options,
            stored,
            leaves,
            spine,
        }
    }

    /// Finishes the packs that are open.
    pub(super) fn close(&mut self) -> Result<(), BackupError> {
        self.leaves.close(PackEnd::Early)?;
        self.spine.close(PackEnd::Early)
    }
}

impl PageSink for Pages {
    type Error = BackupError;

    fn put_page(
        &mut self,
        inner: bool,
        bytes: Vec<u8>,
        id: ChunkId,
    ) -> Result<ChunkRef, BackupError> {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let reads = |page: &ChunkRef| self.stored.reads(page);
        if let Claim::Known(known) = self.dedup.claim_page(id, len, reads)? {
            return Ok(known);
        }
        self.progress.bytes_added.add(u64::from(len));
        let sealed = self
            .keys
            .seal_block(BlockKind::Tree, &[&bytes], self.options)
            .map_err(BackupError::Seal)?;
        let packer = if inner {
            &mut self.spine
        } else {
            &mut self.leaves
        };
        let places = packer.add(Bytes::from(sealed.bytes), &[(id, len)])?;
        let place = *places.first().ok_or(BackupError::PartGone)?;
        let page = ChunkRef { id, len, place };
        self.dedup.publish(page);
        Ok(page)
    }
}
