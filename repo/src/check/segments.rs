//! The index: every live segment opens, and what they say of each pack.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::digest::Digest;
use super::error::CheckError;
use super::options::CheckOptions;
use super::report::{Remedy, Severity};
use super::run::Notes;
use crate::explain::explain;
use crate::index::{CacheFolder, IndexError, LocalIndex, PackInfo, Segment, read_segment};
use crate::log::{SegmentRef, State};
use crate::model::{ObjectName, PackName};
use crate::repository::Repository;

/// What segments say of a pack.
pub(crate) struct Listed {
    pub(crate) info: PackInfo,
    /// Each segment that lists it, with the sum of its entries.
    pub(super) by: Vec<(SegmentRef, Digest)>,
}

/// What all segments say together.
pub(crate) struct Index {
    pub(crate) lookup: LocalIndex,
    pub(crate) packs: HashMap<PackName, Listed>,
    /// Whether some live segment cannot be read, so that entries are lacking.
    pub(crate) unreadable: bool,
    /// Those segments.
    pub(crate) broken: BTreeSet<SegmentRef>,
    /// Packs of which segments say different things.
    pub(crate) disputed: HashSet<PackName>,
}

/// An index segment that lists nothing.
const EMPTY: &[u8] = &[0; 8];

/// Reads every live segment once, into an index of the check's own.
pub(super) async fn check_segments(
    repository: &Repository,
    state: &State,
    options: &CheckOptions,
    notes: &Notes,
) -> Result<Index, CheckError> {
    let folder = CacheFolder::TemporaryIn(options.scratch.clone());
    let lookup = LocalIndex::open(&folder, None).map_err(CheckError::Index)?;
    let live: Vec<_> = state.segments.iter().copied().collect();
    let packs = Mutex::new(HashMap::new());
    let broken = Mutex::new(BTreeSet::new());
    let disputed = Mutex::new(HashSet::new());
    let (packs_ref, broken_ref, disputed_ref) = (&packs, &broken, &disputed);
    let fetch = |reference: SegmentRef| async move {
        let read = read_segment(repository.store(), repository.keys(), &reference).await;
        notes.step();
        match read {
            Ok(segment) => {
                let disputed =
                    note_packs(&reference, &segment, state, &mut packs_ref.lock(), notes);
                disputed_ref.lock().extend(disputed);
                Ok(segment)
            }
            Err(error) if is_broken(&error) => {
                broken_ref.lock().insert(reference);
                let name = reference.name();
                let remedy = Remedy::RepairIndex;
                notes.add(&name, Severity::Repairable, remedy, explain(&error));
                Segment::parse(Bytes::from_static(EMPTY)).map_err(|source| IndexError::Segment {
                    name: reference.name(),
                    source,
                })
            }
            Err(error) => Err(error),
        }
    };
    lookup
        .sync(&live, Arc::new(state.swept.clone()), fetch)
        .await
        .map_err(CheckError::Index)?;
    notes.count(|report| report.segments = live.len() as u64);
    let broken = broken.into_inner();
    Ok(Index {
        lookup,
        packs: packs.into_inner(),
        unreadable: !broken.is_empty(),
        broken,
        disputed: disputed.into_inner(),
    })
}

/// Whether the segment is at fault, and not the store or this machine.
fn is_broken(error: &IndexError) -> bool {
    match error {
        IndexError::Store { source, .. } => source.is_missing() || source.is_damage(),
        IndexError::Sealed { .. } => true,
        error => error.is_damage(),
    }
}

/// Adds up what a segment says of each live pack; gives those of which others say something else.
fn note_packs(
    reference: &SegmentRef,
    segment: &Segment,
    state: &State,
    packs: &mut HashMap<PackName, Listed>,
    notes: &Notes,
) -> Vec<PackName> {
    let mut disputed = Vec::new();
    let mut sums = HashMap::<PackName, Digest>::new();
    for pack in segment.packs() {
        sums.insert(pack.name, Digest::default());
    }
    for (prefix, found) in segment.chunks() {
        if let Some(sum) = sums.get_mut(&found.place.pack) {
            sum.add(&prefix, &found);
        }
    }
    for info in segment.packs() {
        // Segments outlive packs; and what a dead session left unnamed is nobody's.
        if !state.packs.contains(info.name) {
            continue;
        }
        let Some(sum) = sums.remove(&info.name) else {
            continue;
        };
        let listed = packs.entry(info.name).or_insert_with(|| Listed {
            info: *info,
            by: Vec::new(),
        });
        if listed.info != *info {
            disputed.push(info.name);
            let what = format!(
                "it says of {} that it has {} bytes and the hash {}, another segment says {} and {}",
                info.name, info.len, info.hash, listed.info.len, listed.info.hash
            );
            let remedy = Remedy::RepairIndex;
            notes.add(&reference.name(), Severity::Repairable, remedy, what);
        }
        listed.by.push((*reference, sum));
    }
    disputed
}

impl Listed {
    /// The segments that list the pack.
    pub(crate) fn segments(&self) -> impl Iterator<Item = SegmentRef> {
        self.by.iter().map(|(segment, _)| *segment)
    }

    /// The segments that list the pack otherwise than its directory does.
    pub(super) fn contradicting(&self, directory: &Digest) -> impl Iterator<Item = ObjectName> {
        self.by
            .iter()
            .filter(|(_, sum)| !sum.is_whole(directory))
            .map(|(segment, _)| segment.name())
    }
}
