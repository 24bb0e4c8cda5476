//! The pages of a repository's trees, for readers that run outside the async runtime.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::{BlockReader, Elsewhere, ElsewhereError, ReadError, Repository};
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
    /// It is not where the tree says, and could not be looked for.
    #[error("cannot find a page of the tree")]
    Elsewhere(#[source] ElsewhereError),
}

impl TreeError {
    /// Whether stored bytes are wrong or gone, as opposed to a store that does not answer.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Read(error) => error.is_damage(),
            Self::Page(_) => true,
            Self::Elsewhere(_) => false,
        }
    }

    /// Whether the snapshot is gone that the page belongs to.
    pub fn is_forgotten(&self) -> bool {
        matches!(self, Self::Elsewhere(ElsewhereError::Forgotten { .. }))
    }
}

/// Reads pages. Blocks; must not be used on the runtime's own threads.
pub struct TreePages {
    blocks: Arc<BlockReader>,
    runtime: Handle,
    elsewhere: Arc<Elsewhere>,
}

impl TreePages {
    /// Pages that are read by way of `runtime`; up to `cache` bytes of them are kept. Those that
    /// are not where the tree says are looked for `elsewhere`.
    pub fn new(
        repository: Arc<Repository>,
        runtime: Handle,
        cache: u64,
        elsewhere: Arc<Elsewhere>,
    ) -> Self {
        let blocks = BlockReader::new(repository, BlockKind::Tree, cache);
        Self::sharing(Arc::new(blocks), runtime, elsewhere)
    }

    /// Pages read by `blocks`, a reader of blocks of trees, which others use as well: several
    /// trees share what is kept.
    pub fn sharing(blocks: Arc<BlockReader>, runtime: Handle, elsewhere: Arc<Elsewhere>) -> Self {
        Self {
            blocks,
            runtime,
            elsewhere,
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
        let read = match self.blocks.cached(page) {
            Some(read) => read,
            None => self.runtime.block_on(self.blocks.read_alone(page)),
        };
        let error = match read {
            Ok(bytes) => return Ok(bytes),
            Err(error) => error,
        };
        if !error.is_damage() {
            return Err(error.into());
        }
        let other = self
            .elsewhere
            .read(BlockKind::Tree, page.id, page.len, &page.place);
        match self.runtime.block_on(other) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(error.into()),
            Err(error) => Err(TreeError::Elsewhere(error)),
        }
    }

    fn prefetch(&self, pages: &[ChunkRef]) {
        self.runtime.block_on(self.blocks.prefetch(pages));
    }
}
