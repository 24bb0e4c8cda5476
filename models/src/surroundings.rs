//! What befalls a world: kills, forgetting, folds, late requests, losses.

use crate::entry::Entry;
use crate::sets::{bit, members, pack};
use crate::state::State;
use crate::world::Steps;

pub(crate) fn steps(all: &mut Steps<'_>, state: &State) {
    if let Some(kills) = state.left.kills.checked_sub(1) {
        for (session, _) in state.log.all_open() {
            let entry = Entry::Kill(session);
            all.append(
                "somebody is taken for dead",
                entry,
                None,
                state.clone(),
                |next| {
                    next.left.kills = kills;
                },
            );
        }
    }
    if let Some(forgets) = state.left.forgets.checked_sub(1) {
        for snapshot in members(state.log.snapshots) {
            let entry = Entry::Forget(snapshot);
            all.append("forgets", entry, None, state.clone(), |next| {
                next.left.forgets = forgets;
                next.dropped |= bit(snapshot);
            });
        }
    }
    if let Some(folds) = state.left.folds.checked_sub(1)
        && state.log.swept != state.folded
    {
        all.append("folds", Entry::Fold, None, state.clone(), |next| {
            next.left.folds = folds;
            next.folded = next.log.swept;
        });
    }
    for (at, &(late, chunks)) in state.late_puts.iter().enumerate() {
        let mut next = state.clone();
        next.late_puts.remove(at);
        if let Some(content) = next.content.get_mut(usize::from(late)) {
            *content = chunks;
        }
        next.stored |= pack(late.into());
        all.add("a late put lands", pack(late.into()), next);
    }
    for late in members(state.late_deletes) {
        let mut next = state.clone();
        next.late_deletes &= !pack(late);
        next.stored &= !pack(late);
        all.add("a late delete lands", pack(late), next);
    }
    lose(all, state);
    let back = state.log.lost & state.of(state.usable() & state.stored);
    if back != 0 {
        all.append("finds", Entry::Found(back), None, state.clone(), |_| {});
    }
}

/// The store loses a pack, and repair names the chunks that stood only there.
fn lose(all: &mut Steps<'_>, state: &State) {
    let Some(losses) = state.left.losses.checked_sub(1) else {
        return;
    };
    let here = state.log.packs & state.stored & state.listed();
    for gone in members(here) {
        let lost = state.chunks(gone);
        if lost & state.of(here & !pack(gone)) != 0 {
            continue;
        }
        let entry = Entry::Lost(lost);
        all.append(
            "is repaired after a loss",
            entry,
            None,
            state.clone(),
            |next| {
                next.left.losses = losses;
                next.stored &= !pack(gone);
                let had = next.log.snapshots | next.dropped;
                for snapshot in members(had) {
                    if let Some(excused) = next.excused.get_mut(snapshot) {
                        *excused |= lost;
                    }
                }
            },
        );
    }
}
