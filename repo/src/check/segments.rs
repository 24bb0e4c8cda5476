//! The index: every live segment opens, and what they say of each pack.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use super::digest::Digest;
use super::error::CheckError;
use super::options::CheckOptions;
use super::report::Severity;
use super::run::Notes;
use crate::explain::explain;
use crate::index::{CacheFolder, IndexError, LocalIndex, PackInfo, Segment, read_segment};
use crate::log::{SegmentRef, State};
use crate::model::{ObjectName, PackName};
use crate::repository::Repository;

/// What segments say of a pack.
pub(super) struct Listed {
    pub(super) info: PackInfo,
    /// Each segment that lists it, with the sum of its entries.
    pub(super) by: Vec<(SegmentRef, Digest)>,
}

/// What all segments say together.
pub(super) struct Index {
    pub(super) lookup: LocalIndex,
    pub(super) packs: HashMap<PackName, Listed>,
    /// Whether some live segment cannot be read, so that entries are lacking.
    pub(super) unreadable: bool,
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
    let unreadable = AtomicBool::new(false);
    let (packs_ref, unreadable_ref) = (&packs, &unreadable);
    let fetch = |reference: SegmentRef| async move {
        let read = read_segment(repository.store(), repository.keys(), &reference).await;
        notes.step();
        match read {
            Ok(segment) => {
                note_packs(&reference, &segment, state, &mut packs_ref.lock(), notes);
                Ok(segment)
            }
            Err(error) if is_broken(&error) => {
                unreadable_ref.store(true, Ordering::Relaxed);
                notes.add(&reference.name(), Severity::Repairable, explain(&error));
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
    Ok(Index {
        lookup,
        packs: packs.into_inner(),
        unreadable: unreadable.into_inner(),
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

/// Adds up what a segment says of each live pack.
fn note_packs(
    reference: &SegmentRef,
    segment: &Segment,
    state: &State,
    packs: &mut HashMap<PackName, Listed>,
    notes: &Notes,
) {
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
            let what = format!(
                "it says of {} that it has {} bytes and the hash {}, another segment says {} and {}",
                info.name, info.len, info.hash, listed.info.len, listed.info.hash
            );
            notes.add(&reference.name(), Severity::Repairable, what);
        }
        listed.by.push((*reference, sum));
    }
}

impl Listed {
    /// The segments that list the pack otherwise than its directory does.
    pub(super) fn contradicting(&self, directory: &Digest) -> impl Iterator<Item = ObjectName> {
        self.by
            .iter()
            .filter(|(_, sum)| !sum.is_whole(directory))
            .map(|(segment, _)| segment.name())
    }
}
