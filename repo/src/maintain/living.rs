//! What lives in some packs, chunk by chunk.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::error::MaintainError;
use super::join::{Live, best, by_len, each};
use super::mark::Mark;
use crate::model::PackName;
use crate::pack::ChunkPrefix;

/// The living chunks of a pack with their lengths, by offset of the block and offset in it.
pub(super) type InPack = BTreeMap<(u32, u32), (ChunkPrefix, u32)>;

/// The living chunks of some packs.
pub(super) type Living = HashMap<PackName, InPack>;

impl Mark {
    /// The chunks whose live places are in `packs`; some 60 bytes of memory each.
    ///
    /// A pack in which a chunk stands that was declared lost is left out: which of its copies can
    /// be read is not known.
    pub(super) fn living_in(&self, packs: &[PackName]) -> Result<Living, MaintainError> {
        let wanted: BTreeSet<_> = packs.iter().copied().collect();
        let lost: BTreeSet<ChunkPrefix> = self.survey.state.lost.iter().map(|id| **id).collect();
        let mut living: Living = packs.iter().map(|pack| (*pack, InPack::new())).collect();
        each(&self.survey, &self.references, |prefix, refs, places| {
            for group in by_len(refs) {
                let (pack, found) = match Live::of(&self.survey, group, places) {
                    Live::Read(pack) => {
                        let len = group.first().map(|first| first.len);
                        let mut there = places
                            .iter()
                            .filter(|found| found.place.pack == pack && Some(found.len) == len);
                        (pack, there.next().copied())
                    }
                    Live::At(found) if lost.contains(prefix) => {
                        for found in found {
                            living.remove(&found.place.pack);
                        }
                        continue;
                    }
                    Live::At(found) => match best(&self.survey, &self.uses, &found) {
                        Some(best) => (best.place.pack, Some(*best)),
                        None => continue,
                    },
                    Live::Condemned(_) | Live::Nowhere => continue,
                };
                if !wanted.contains(&pack) {
                    continue;
                }
                match found {
                    Some(found) => {
                        if let Some(chunks) = living.get_mut(&pack) {
                            let at = (found.place.block_offset, found.place.offset);
                            chunks.insert(at, (*prefix, found.len));
                        }
                    }
                    // A page that the index does not list, but that could be read.
                    None => {
                        living.remove(&pack);
                    }
                }
            }
            Ok(())
        })?;
        Ok(living)
    }
}
