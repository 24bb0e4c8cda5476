//! The pages of a repository's trees, for readers that run outside the async runtime.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::{BlockReader, ReadError, Repository};
use crate::model::ChunkRef;
use crate::seal::BlockKind;
use crate::tree::{PageError, PageSource};

/// A page of a tree could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// It could not be read.
    #[error("cannot read a page of the tree")]
    Read(#[from] ReadError),
    /// It was read and is not what the format allows.
    #[error("a page of the tree makes no sense")]
    Page(#[from] PageError),
}

impl TreeError {
    /// Whether stored bytes are wrong or gone, as opposed to a store that does not answer.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Read(error) => error.is_damage(),
            Self::Page(_) => true,
        }
    }
}

/// Reads pages. Blocks; must not be used on the runtime's own threads.
pub struct TreePages {
    blocks: BlockReader,
    runtime: Handle,
}

impl TreePages {
    /// Pages that are read by way of `runtime`; up to `cache` bytes of them are kept.
    pub fn new(repository: Arc<Repository>, runtime: Handle, cache: u64) -> Self {
        Self {
            blocks: BlockReader::new(repository, BlockKind::Tree, cache),
            runtime,
        }
    }

    /// Reads what stands before a root in its pack along with it: writers put the inner pages of
    /// a tree there, so that looking one file up takes one request for all of them.
    ///
    /// A hint: what fails here fails again, and is reported, when it is read.
    pub fn open_root(&self, root: &ChunkRef) {
        self.runtime.block_on(self.blocks.read_around(root.place));
    }
}

impl PageSource for TreePages {
    type Error = TreeError;

    fn page(&self, page: &ChunkRef) -> Result<Bytes, TreeError> {
        match self.blocks.cached(page) {
            Some(bytes) => Ok(bytes?),
            None => Ok(self.runtime.block_on(self.blocks.read_alone(page))?),
        }
    }

    fn prefetch(&self, pages: &[ChunkRef]) {
        self.runtime.block_on(self.blocks.prefetch(pages));
    }
}
