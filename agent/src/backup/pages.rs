//! Pages of the tree: identified, deduplicated, sealed one by one, packed.

use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;
use orlop_repo::keys::{BlockOptions, Keyring};
use orlop_repo::model::ChunkRef;
use orlop_repo::seal::BlockKind;
use orlop_repo::tree::PageSink;

use super::dedup::{Claim, Dedup};
use super::error::BackupError;
use super::packer::Packer;
use crate::progress::Progress;

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
    leaves: Packer,
    spine: Packer,
}

impl Pages {
    pub(super) fn new(
        keys: Arc<Keyring>,
        dedup: Arc<Dedup>,
        progress: Arc<Progress>,
        options: BlockOptions,
        leaves: Packer,
        spine: Packer,
    ) -> Self {
        Self {
            keys,
            dedup,
            progress,
            options,
            leaves,
            spine,
        }
    }

    /// Finishes the packs that are open.
    pub(super) fn close(&mut self) -> Result<(), BackupError> {
        self.leaves.close()?;
        self.spine.close()
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
        if let Claim::Known(known) = self.dedup.claim_page(id, len)? {
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
