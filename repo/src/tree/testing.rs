//! Pages in memory, for tests and for making the golden vectors.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use orlop_chunker::ChunkId;

use super::build::PageSink;
use super::page_error::PageError;
use super::read::PageSource;
use crate::model::{ChunkRef, PackName, Place, SessionId};

/// Holds pages by id. A page that comes again keeps its place.
///
/// Each page is a block of its own, 16 blocks a pack, one after the other in made-up packs.
#[derive(Default)]
pub struct MemoryPages {
    pages: HashMap<ChunkId, (ChunkRef, Bytes)>,
    /// Ids in the order in which they came first.
    order: Vec<ChunkId>,
    reads: AtomicU64,
}

/// A page could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryPagesError {
    /// Nobody stored it.
    #[error("no page {id}")]
    NotFound {
        /// Its id.
        id: ChunkId,
    },
    /// It makes no sense.
    #[error("a page makes no sense")]
    Page(#[from] PageError),
}

impl MemoryPages {
    /// Holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many different pages it holds.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The pages in the order in which they came first.
    pub fn iter(&self) -> impl Iterator<Item = (&ChunkRef, &Bytes)> {
        let pages = self.order.iter().filter_map(|id| self.pages.get(id));
        pages.map(|(page, bytes)| (page, bytes))
    }

    /// Puts other bytes in the place of a page, as somebody who holds the keys could.
    pub fn replace(&mut self, id: ChunkId, bytes: Vec<u8>) {
        if let Some((_, stored)) = self.pages.get_mut(&id) {
            *stored = bytes.into();
        }
    }

    /// Loses a page; gives what [`Self::restore`] takes.
    pub fn remove(&mut self, id: ChunkId) -> Option<(ChunkRef, Bytes)> {
        self.pages.remove(&id)
    }

    /// Puts a page back that was removed.
    pub fn restore(&mut self, page: (ChunkRef, Bytes)) {
        self.pages.insert(page.0.id, page);
    }

    /// How many pages were read since the last call.
    pub fn take_reads(&self) -> u64 {
        self.reads.swap(0, Ordering::Relaxed)
    }
}

impl PageSink for MemoryPages {
    type Error = std::convert::Infallible;

    fn put_page(
        &mut self,
        _inner: bool,
        bytes: Vec<u8>,
        id: ChunkId,
    ) -> Result<ChunkRef, Self::Error> {
        let count = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let (page, _) = self.pages.entry(id).or_insert_with(|| {
            self.order.push(id);
            let place = Place {
                pack: PackName {
                    session: SessionId::from_bytes([0x5e; 16]),
                    number: count / 16,
                },
                block_offset: 16 + (count % 16) * 65_536,
                block_len: len.saturating_add(49),
                offset: 0,
            };
            (ChunkRef { id, len, place }, bytes.into())
        });
        Ok(*page)
    }
}

impl PageSource for MemoryPages {
    type Error = MemoryPagesError;

    fn page(&self, page: &ChunkRef) -> Result<Bytes, MemoryPagesError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        match self.pages.get(&page.id) {
            Some((_, bytes)) => Ok(bytes.clone()),
            None => Err(MemoryPagesError::NotFound { id: page.id }),
        }
    }
}
