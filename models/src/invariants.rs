//! What must hold in every state.

use crate::quiet;
use crate::sets::{bit, members};
use crate::state::{Doing, Phase, State};
use crate::world::{Actor, Setup};

/// What is wrong, if anything.
pub fn wrong(setup: &Setup, state: &State) -> Option<String> {
    readable(setup, state)
        .or_else(|| listed(state))
        .or_else(|| unhindered(setup, state))
        .or_else(|| setup.quiet.then(|| quiet::garbage(setup, state)).flatten())
}

/// I1: every chunk of a live snapshot, and of one that an open session pins, is in a pack that is
/// there and that the index lists.
fn readable(setup: &Setup, state: &State) -> Option<String> {
    let pinned = state.log.all_open().filter_map(|(_, s)| s.base);
    let roots = pinned.fold(state.log.snapshots, |all, base| all | bit(base.into()));
    let there = state.of(state.listed() & state.log.packs & state.stored);
    members(roots).find_map(|snapshot| {
        let excused = state.excused.get(snapshot).copied().unwrap_or(0);
        let gone = setup.content(snapshot) & !excused & !there;
        (gone != 0).then(|| format!("I1: chunks {gone:#b} of snapshot {snapshot} are gone"))
    })
}

/// I2: what was reported as done is live until it is forgotten.
fn listed(state: &State) -> Option<String> {
    let missing = state.reported & !state.dropped & !state.log.snapshots;
    (missing != 0).then(|| format!("I2: snapshots {missing:#b} were reported and are not there"))
}

/// I3: nobody fails because of somebody else; nothing that an open session relies on is swept.
fn unhindered(setup: &Setup, state: &State) -> Option<String> {
    if state.hindered {
        return Some("I3: somebody could not go on because of somebody else".to_owned());
    }
    setup
        .actors
        .iter()
        .zip(&state.actors)
        .find_map(|(actor, doing)| {
            let (Actor::Writer { sessions, .. }, Doing::Writer(writer)) = (actor, doing) else {
                return None;
            };
            let session = *sessions.get(usize::from(writer.run))?;
            let swept = writer.relied & state.log.swept;
            let works = writer.phase == Phase::Open && state.log.open(session).is_some();
            (works && swept != 0)
                .then(|| format!("I3: session {session} relied on {swept:#b}, which was swept"))
        })
}
