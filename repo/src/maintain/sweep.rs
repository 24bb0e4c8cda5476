//! From what is condemned to what may go.

use std::collections::{BTreeMap, BTreeSet};

use super::mark::open_sessions;
use super::propose::{MAX_OTHERS, MAX_PACKS};
use crate::flaws::{Flaw, is_left_out};
use crate::log::{SegmentRef, State, Sweep};
use crate::model::{PackSet, SessionId};

/// Segments that one entry names at the most, of some 80 bytes each.
const MAX_SEGMENTS: usize = 2_000;

/// What is left of one `Condemn`.
pub(super) struct Held {
    /// What may go.
    pub(super) packs: PackSet,
    /// Other objects that may go.
    pub(super) others: BTreeSet<String>,
    /// What may not, because of sessions.
    pub(super) kept: PackSet,
    /// Other objects that may not.
    pub(super) kept_others: BTreeSet<String>,
    /// Sessions that may still rely on it.
    pub(super) sessions: Vec<SessionId>,
}

/// Divides what the `Condemn` number `number` has left into what may go and what may not.
///
/// A session that was opened before and has appended nothing since may rely on anything; any
/// other one on what it has named.
pub(super) fn held(state: &State, number: u64) -> Held {
    let mut held = Held {
        packs: PackSet::new(),
        others: BTreeSet::new(),
        kept: PackSet::new(),
        kept_others: BTreeSet::new(),
        sessions: Vec::new(),
    };
    for condemned in state.condemned.iter().filter(|c| c.number == number) {
        held.packs.extend(&condemned.packs);
        held.others.extend(condemned.others.iter().cloned());
    }
    for (id, session) in open_sessions(state) {
        let idle = !is_left_out(Flaw::SweepIgnoresIdleSessions)
            && session.begun < number
            && session.checkpoint.is_none_or(|at| at < number);
        let used = if idle {
            held.kept_others.append(&mut held.others);
            std::mem::take(&mut held.packs)
        } else {
            let mut used = held.packs.intersection(&session.packs);
            used.extend(&held.packs.intersection(&session.relied));
            held.packs.subtract(&used);
            used
        };
        if idle || !used.is_empty() {
            held.sessions.push(id);
        }
        held.kept.extend(&used);
    }
    held
}

/// What may be swept of the `Condemn`s in `due`, as much as one entry can name, with the segments
/// that list nothing else any more; nothing if there is nothing.
pub(super) fn sweepable(
    state: &State,
    due: &BTreeSet<u64>,
    segments: &BTreeMap<SegmentRef, PackSet>,
) -> Option<Sweep> {
    let (mut packs, mut others) = (PackSet::new(), BTreeSet::new());
    let mut not_yet = PackSet::new();
    for condemned in &state.condemned {
        if due.contains(&condemned.number) {
            let held = held(state, condemned.number);
            packs.extend(&held.packs);
            others.extend(held.others);
            not_yet.extend(&held.kept);
        } else {
            not_yet.extend(&condemned.packs);
        }
    }
    // Condemned more than once: the last one counts.
    packs.subtract(&not_yet);
    let packs: PackSet = packs.iter().take(MAX_PACKS).collect();
    let is_empty = |listed: &PackSet| {
        let mut left = listed.clone();
        left.subtract(&state.swept);
        left.subtract(&packs);
        left.is_empty() && !listed.is_empty()
    };
    let segments: Vec<_> = segments
        .iter()
        .filter(|(segment, listed)| state.segments.contains(segment) && is_empty(listed))
        .map(|(segment, _)| *segment)
        .take(MAX_SEGMENTS)
        .collect();
    let sweep = Sweep {
        packs,
        segments,
        others: others.into_iter().take(MAX_OTHERS).collect(),
    };
    let nothing = sweep.packs.is_empty() && sweep.segments.is_empty() && sweep.others.is_empty();
    (!nothing).then_some(sweep)
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
