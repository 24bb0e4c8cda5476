//! What can still be read of packs that are gone or damaged.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use minicbor::bytes::ByteArray;

use super::error::CheckError;
use super::report::Severity;
use super::resolve::Resolver;
use super::run::Notes;
use crate::index::{Found, IndexError};
use crate::model::PackName;
use crate::pack::ChunkPrefix;
use crate::seal::BlockKind;

/// What became of the chunks and pages in packs that are gone or damaged.
#[derive(Default)]
pub(crate) struct Examined {
    /// What can be read nowhere, whether or not some tree needs it: a backup would rely on it.
    pub(crate) gone: BTreeSet<ChunkPrefix>,
    /// What can be read in a damaged pack and nowhere else.
    pub(crate) salvage: BTreeMap<PackName, BTreeSet<(Offsets, ChunkPrefix, u32)>>,
}

/// Where a chunk stands in its pack: offset and stored length of its block, offset in that.
pub(crate) type Offsets = (u32, u32, u32);

/// A chunk that is listed in some bad pack, or was declared lost, with its places.
type Doubtful = (ChunkPrefix, Vec<Found>);

impl Resolver {
    /// Finds out which chunks that were declared lost can be read again.
    pub(super) fn look_for_lost(&mut self) -> Result<(), CheckError> {
        let lost: Vec<_> = self.state.lost.iter().map(|id| **id).collect();
        for prefix in lost {
            let packs = &self.state.packs;
            let places = self.index.lookup.lookup(&prefix, |p| packs.contains(p));
            for found in places.map_err(CheckError::Index)? {
                if self.holds(self.kind_of(found.place.pack), &prefix, &found)? {
                    self.back.insert(prefix);
                    break;
                }
            }
        }
        Ok(())
    }

    fn kind_of(&self, pack: PackName) -> BlockKind {
        let listed = self.index.packs.get(&pack);
        listed.map_or(BlockKind::Data, |listed| listed.info.kind)
    }

    /// Reads what is listed in bad packs and in no good one.
    pub(super) fn examine(&self, notes: &Notes) -> Result<Examined, CheckError> {
        let mut examined = Examined::default();
        examined.gone.extend(self.unresolved.keys());
        let bad: HashSet<PackName> = self
            .packs
            .missing
            .union(&self.packs.suspect)
            .copied()
            .collect();
        if bad.is_empty() {
            return Ok(examined);
        }
        for (prefix, places) in self.doubtful(&bad)? {
            notes.go_on()?;
            if places.iter().any(|found| !bad.contains(&found.place.pack)) {
                continue;
            }
            let mut readable = None;
            for found in &places {
                if self.holds(self.kind_of(found.place.pack), &prefix, found)? {
                    readable = Some(*found);
                    break;
                }
            }
            match readable {
                Some(found) => {
                    let place = found.place;
                    let offsets = (place.block_offset, place.block_len, place.offset);
                    let salvage = examined.salvage.entry(place.pack).or_default();
                    salvage.insert((offsets, prefix, found.len));
                }
                None => {
                    examined.gone.insert(prefix);
                }
            }
        }
        Ok(examined)
    }

    /// Every chunk that stands in a bad pack, as the index or the trees say, with all its places.
    fn doubtful(&self, bad: &HashSet<PackName>) -> Result<Vec<Doubtful>, CheckError> {
        let mut doubtful = Vec::new();
        self.index
            .lookup
            .scan(|prefix, places| {
                if places.iter().any(|found| bad.contains(&found.place.pack)) {
                    let live = |found: &&Found| self.state.packs.contains(found.place.pack);
                    doubtful.push((*prefix, places.iter().filter(live).copied().collect()));
                }
                Ok::<_, IndexError>(())
            })
            .map_err(CheckError::Index)?;
        let mut unlisted = HashMap::<ChunkPrefix, Vec<Found>>::new();
        for (prefix, found) in self.unlisted.values().flatten() {
            unlisted.entry(*prefix).or_default().push(*found);
        }
        for (prefix, mut places) in unlisted {
            let packs = &self.state.packs;
            let listed = self.index.lookup.lookup(&prefix, |p| packs.contains(p));
            places.extend(listed.map_err(CheckError::Index)?);
            doubtful.push((prefix, places));
        }
        Ok(doubtful)
    }

    /// Says of each bad pack how bad it is.
    pub(super) fn settle(&self, examined: &Examined, notes: &Notes) -> Result<(), CheckError> {
        let bad: HashSet<PackName> = self
            .packs
            .missing
            .union(&self.packs.suspect)
            .copied()
            .collect();
        if bad.is_empty() {
            return Ok(());
        }
        let (mut undeclared, mut declared) = (HashSet::new(), HashSet::new());
        for (prefix, places) in self.doubtful(&bad)? {
            if !examined.gone.contains(&prefix) {
                continue;
            }
            let is_declared = self.state.lost.contains(&ByteArray::from(prefix));
            for found in places {
                let set = if is_declared {
                    &mut declared
                } else {
                    &mut undeclared
                };
                set.insert(found.place.pack);
            }
        }
        for pack in bad {
            let (severity, what) = if undeclared.contains(&pack) {
                (Severity::Damage, Some("a part of it can be read nowhere"))
            } else if examined.salvage.contains_key(&pack) {
                let what = "all that it held can still be read, a part of it only there";
                (Severity::Repairable, Some(what))
            } else if declared.contains(&pack) {
                (
                    Severity::Lost,
                    Some("what cannot be read was declared lost"),
                )
            } else {
                let what = "other packs have all that it held; maintenance will delete it";
                (Severity::Note, Some(what))
            };
            notes.settle(&pack.to_string(), severity, what);
        }
        Ok(())
    }
}
