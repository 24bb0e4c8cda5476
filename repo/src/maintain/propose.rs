//! From a mark to what may be condemned.

use super::mark::{Mark, open_sessions};
use crate::log::{Body, Condemn, State};
use crate::model::{ObjectName, PackName, PackSet, SessionId};

/// Packs that one entry names at the most: some 30 bytes each if all are of different sessions.
pub(super) const MAX_PACKS: usize = 10_000;
/// Other objects, and sessions, that one entry names at the most.
pub(super) const MAX_OTHERS: usize = 5_000;

/// What may be condemned in the state that the mark was brought up to, as much as one entry can
/// name; nothing if there is nothing left.
///
/// `folds` are those that nobody needs any more.
pub(super) fn propose(mark: &Mark, folds: &[ObjectName]) -> Option<Condemn> {
    let state = &mark.survey.state;
    let broken = broken(mark);
    // Checkpoints are broken before what they name is condemned, never after.
    let all_broken = broken.len() <= MAX_OTHERS;
    let packs = if all_broken {
        packs(mark).iter().take(MAX_PACKS).collect()
    } else {
        PackSet::new()
    };
    let condemn = Condemn {
        packs,
        broken: broken.into_iter().take(MAX_OTHERS).collect(),
        others: others(mark, state, folds),
    };
    let is_empty =
        condemn.packs.is_empty() && condemn.broken.is_empty() && condemn.others.is_empty();
    (!is_empty).then_some(condemn)
}

/// Dead sessions whose checkpoints nobody may adopt any more.
fn broken(mark: &Mark) -> Vec<SessionId> {
    let state = &mark.survey.state;
    let is_dead = |id: &&SessionId| state.sessions.get(id).is_some_and(|s| s.dead);
    let is_adopted =
        |id: &SessionId| open_sessions(state).any(|(_, session)| session.adopts.contains(id));
    let dead = mark.broken.iter().filter(is_dead);
    dead.filter(|id| !is_adopted(id)).copied().collect()
}

/// Packs that nothing live needs, and those that no entry names, without what must stay.
fn packs(mark: &Mark) -> PackSet {
    let state = &mark.survey.state;
    let mut packs = mark.garbage.clone();
    let unnamed = mark.survey.unnamed.keys().copied();
    packs.extend(
        &unnamed
            .filter(|pack| !state.packs.contains(*pack))
            .collect(),
    );
    for condemned in &state.condemned {
        packs.subtract(&condemned.packs);
    }
    packs.subtract(&state.swept);
    for bond in &state.bonds {
        packs.subtract(&bond.keepers);
    }
    for (_, session) in open_sessions(state) {
        packs.subtract(&session.packs);
        packs.subtract(&session.relied);
    }
    let of_open = |pack: &PackName| state.open_session(pack.session).is_ok();
    let in_work: PackSet = packs.iter().filter(of_open).collect();
    packs.subtract(&in_work);
    packs
}

/// Segments, side objects and folds that nobody needs.
fn others(mark: &Mark, state: &State, folds: &[ObjectName]) -> Vec<String> {
    let loose = mark.survey.loose.iter();
    loose
        .filter(|name| !name.as_str().starts_with("meta/") || folds.contains(name))
        .map(|name| name.as_str().to_owned())
        .filter(|name| !state.condemned.iter().any(|c| c.others.contains(name)))
        .filter(|name| {
            let alone = Condemn {
                packs: PackSet::new(),
                broken: Vec::new(),
                others: vec![name.clone()],
            };
            state.validate(&Body::Condemn(alone)).is_ok()
        })
        .take(MAX_OTHERS)
        .collect()
}
