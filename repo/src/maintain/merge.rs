//! Which index segments are worth merging.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::{SegmentRef, State};
use crate::model::PackSet;

/// A segment of fewer stored bytes counts as small: some 50,000 chunks.
const SMALL: u64 = 1 << 20;
/// More small segments than this are merged (engine design, section 5).
const MANY: usize = 16;
/// Segments that are merged at once: bounds the memory of a merge.
const AT_ONCE: usize = 32;

/// Segments that one merge replaces: small ones if there are many of them, and those of whose
/// packs most are gone. None if nothing is worth it.
///
/// `reseal` are segments that are to be sealed anew, one after the other.
pub(super) fn mergeable(
    state: &State,
    listed: &BTreeMap<SegmentRef, PackSet>,
    reseal: &BTreeSet<SegmentRef>,
) -> Vec<SegmentRef> {
    let small = state.segments.iter().filter(|segment| segment.len < SMALL);
    if small.clone().count() > MANY {
        return small.take(AT_ONCE).copied().collect();
    }
    let mostly_gone = listed.iter().filter(|(segment, packs)| {
        let gone = packs.intersection(&state.swept).len();
        state.segments.contains(segment) && gone * 2 > packs.len()
    });
    let anew = reseal
        .iter()
        .filter(|segment| state.segments.contains(segment));
    let mostly_gone = mostly_gone.map(|(segment, _)| segment);
    mostly_gone.chain(anew).take(1).copied().collect()
}
