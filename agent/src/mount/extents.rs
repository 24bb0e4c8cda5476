//! The extents of an open file, a stretch of them at a time.

use orlop_repo::model::{ChunkRef, Extent};
use orlop_repo::tree::Content;

use super::trees::SnapshotTree;
use super::trouble::Trouble;

/// Extents with where they begin, without gaps.
#[derive(Clone, Default)]
pub(super) struct Stretch {
    /// Where they end.
    end: u64,
    extents: Vec<(u64, Extent)>,
}

impl Stretch {
    /// Those of a file of `size` bytes from `offset` up to `end` at least. Up to `hoped` they are
    /// found too, if that can be.
    ///
    /// # Errors
    ///
    /// Of the pages where they stand; [`Trouble::Short`] if they end before they should.
    pub(super) fn load(
        tree: &SnapshotTree,
        content: &Content,
        offset: u64,
        end: u64,
        hoped: u64,
    ) -> Result<Self, Trouble> {
        let mut list = tree.extents(content, offset);
        let mut stretch = Self {
            end: offset,
            extents: Vec::new(),
        };
        while stretch.end < hoped.max(end) {
            match list.next() {
                Some(Ok(extent)) => {
                    stretch.end = list.position();
                    let start = stretch.end.saturating_sub(extent.len());
                    stretch.extents.push((start, extent));
                }
                Some(Err(_)) | None if stretch.end >= end => break,
                Some(Err(error)) => return Err(error.into()),
                None => {
                    let (end, size) = (stretch.end, end);
                    return Err(Trouble::Short { end, size });
                }
            }
        }
        Ok(stretch)
    }

    /// Whether it has all of them from `start` to `end`.
    pub(super) fn covers(&self, start: u64, end: u64) -> bool {
        let first = self.extents.first();
        first.is_some_and(|(first, _)| *first <= start) && end <= self.end
    }

    /// Those that have bytes from `start` to before `end`, and where they begin.
    pub(super) fn between(&self, start: u64, end: u64) -> &[(u64, Extent)] {
        let from = self
            .extents
            .partition_point(|(at, extent)| at.saturating_add(extent.len()) <= start);
        let to = self.extents.partition_point(|(at, _)| *at < end);
        self.extents.get(from..to).unwrap_or_default()
    }

    /// The chunks among those.
    pub(super) fn chunks(&self, start: u64, end: u64) -> Vec<ChunkRef> {
        let extents = self.between(start, end).iter();
        extents
            .filter_map(|(_, extent)| match extent {
                Extent::Data(chunk) => Some(*chunk),
                _ => None,
            })
            .collect()
    }
}
