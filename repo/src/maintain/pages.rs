//! Reading the pages of trees from places that count.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::error::MaintainError;
use super::survey::{Standing, Survey};
use crate::explain::explain;
use crate::model::{ChunkRef, PackName, Place};
use crate::repository::{BlockReader, ReadError, Repository};
use crate::seal::BlockKind;

/// Opened tree blocks that are kept, in bytes: pages of one walk stand together.
const CACHE: u64 = 16 << 20;

/// Reads pages. Blocks; not to be used on the runtime's own threads.
pub(super) struct Pages {
    runtime: Handle,
    reader: BlockReader,
}

impl Pages {
    pub(super) fn new(repository: &Arc<Repository>, runtime: Handle) -> Self {
        Self {
            runtime,
            reader: BlockReader::new(Arc::clone(repository), BlockKind::Tree, CACHE),
        }
    }

    /// Says that these pages are wanted next.
    pub(super) fn prefetch(&self, pages: &[ChunkRef]) {
        self.runtime.block_on(self.reader.prefetch(pages));
    }

    /// The bytes of a page, verified, and the pack that they were read from: a live one if the
    /// page can be read from any, else one that is condemned and must be rescued.
    ///
    /// # Errors
    ///
    /// [`MaintainError::Stopped`] if it can be read nowhere.
    pub(super) fn read(
        &self,
        page: &ChunkRef,
        survey: &Survey,
        counts: impl Fn(PackName) -> Option<Standing>,
    ) -> Result<(Bytes, PackName), MaintainError> {
        let mut places = vec![page.place];
        let mut why = None;
        for standing in [Standing::Live, Standing::Condemned] {
            // The place in the tree first. The index is asked only if that does not do.
            let at_hint = counts(page.place.pack) == Some(standing);
            if at_hint && let Some(read) = self.read_at(page, page.place, &mut why)? {
                return Ok((read, page.place.pack));
            }
            let found = survey
                .index
                .lookup(&page.id.prefix(), |pack| counts(pack) == Some(standing))?;
            for found in found.iter().filter(|found| found.len == page.len) {
                if places.contains(&found.place) {
                    continue;
                }
                places.push(found.place);
                if let Some(read) = self.read_at(page, found.place, &mut why)? {
                    return Ok((read, found.place.pack));
                }
            }
        }
        Err(MaintainError::stopped(
            &page.place.pack,
            match why {
                Some(why) => format!("page {} of a tree cannot be read: {why}", page.id),
                None => format!("page {} of a tree is gone, and in no other pack", page.id),
            },
        ))
    }

    /// Reads a page at one place; nothing if it is damaged or gone there.
    fn read_at(
        &self,
        page: &ChunkRef,
        place: Place,
        why: &mut Option<String>,
    ) -> Result<Option<Bytes>, MaintainError> {
        let page = ChunkRef { place, ..*page };
        match self.runtime.block_on(self.reader.read(&page)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_broken(&error) => {
                *why = Some(explain(&error));
                Ok(None)
            }
            Err(error) => Err(MaintainError::Read(error)),
        }
    }
}

/// Whether stored bytes are at fault. All keys are at hand, so that a block of a generation which
/// is none of theirs is damaged too.
pub(super) fn is_broken(error: &ReadError) -> bool {
    error.is_damage() || matches!(error, ReadError::Open { .. })
}
