//! Readers, mergers, and those who bring snapshots back.

use crate::entry::{Entry, Role};
use crate::flaws::Flaw;
use crate::log::merged_segment;
use crate::sets::{bit, members, pack};
use crate::state::{Doing, Other, PACKS, Phase, State};
use crate::world::{Actor, Steps};

/// Everything that one of them may do next.
pub(crate) fn steps(all: &mut Steps<'_>, state: &State, who: usize, session: usize) {
    let Some(Doing::Other(me)) = state.actors.get(who).copied() else {
        return;
    };
    let Some(actor) = all.setup.actors.get(who).copied() else {
        return;
    };
    match me.phase {
        Phase::Off => begin(all, state, who, session, actor),
        Phase::Open => {
            if state.log.open(session).is_none() {
                let mut next = state.clone();
                set(&mut next, who, over);
                all.add("finds itself killed", 0, next);
                return;
            }
            if !me.done {
                match actor {
                    Actor::Merger { .. } => merge(all, state, who, session, me),
                    Actor::Unforgetter { .. } => unforget(all, state, who, session, me),
                    _ => {}
                }
            }
            all.append("ends", Entry::End(session), None, state.clone(), |next| {
                set(next, who, over);
            });
            if let Some(crashes) = state.left.crashes.checked_sub(1) {
                let mut next = state.clone();
                next.left.crashes = crashes;
                set(&mut next, who, over);
                all.add("dies", 0, next);
            }
        }
        _ => {}
    }
}

fn set(state: &mut State, who: usize, change: impl FnOnce(&mut Other)) {
    if let Some(Doing::Other(me)) = state.actors.get_mut(who) {
        change(me);
    }
}

fn over(me: &mut Other) {
    *me = Other {
        phase: Phase::Over,
        snapshot: 0,
        found: 0,
        done: true,
    };
}

fn begin(all: &mut Steps<'_>, state: &State, who: usize, session: usize, actor: Actor) {
    let mut begin = |role, base: Option<usize>, about: usize| {
        let entry = Entry::Begin {
            session,
            role,
            base,
            adopts: 0,
        };
        all.append("begins", entry, None, state.clone(), |next| {
            set(next, who, |me| {
                me.phase = Phase::Open;
                me.snapshot = u8::try_from(about).unwrap_or(0);
            });
        });
    };
    match actor {
        Actor::Reader { .. } => {
            for snapshot in members(state.log.snapshots) {
                begin(Role::Reader, Some(snapshot), snapshot);
            }
        }
        Actor::Unforgetter { .. } => {
            for (snapshot, forgotten) in state.log.forgotten.iter().enumerate() {
                if forgotten.is_some() {
                    begin(Role::Maintainer, None, snapshot);
                }
            }
        }
        _ => begin(Role::Maintainer, None, 0),
    }
}

/// Lists what two segments list in one: first the reading, then the entry.
fn merge(all: &mut Steps<'_>, state: &State, who: usize, session: usize, me: Other) {
    let added = merged_segment(session);
    if me.found == 0 {
        let small: Vec<_> = members(state.log.segments).take(3).collect();
        for (at, &one) in small.iter().enumerate() {
            for &other in small.iter().skip(at + 1) {
                let mut next = state.clone();
                let lists = state.listing(one) | state.listing(other);
                let kept = if all.setup.lacks(Flaw::MergeDropsCondemned) {
                    state.log.reliable()
                } else {
                    state.log.packs
                };
                if let Some(merged) = next.merged.get_mut(added - PACKS) {
                    *merged = lists & kept;
                }
                set(&mut next, who, |me| me.found = pack(one) | pack(other));
                all.add("merges segments", pack(one) | pack(other), next);
            }
        }
        return;
    }
    let entry = Entry::MergeIndex(session, pack(added), me.found);
    let done = |next: &mut State| set(next, who, |me| me.done = true);
    if !all.append("appends", entry, None, state.clone(), done) {
        // Somebody was first: this merge is dropped.
        let mut next = state.clone();
        done(&mut next);
        all.add("drops its merge", 0, next);
    }
}

fn unforget(all: &mut Steps<'_>, state: &State, who: usize, session: usize, me: Other) {
    let snapshot = usize::from(me.snapshot);
    let want = all.setup.content(snapshot);
    let careless = all.setup.lacks(Flaw::UnforgetWithoutObligations);
    if me.found == 0 && !careless {
        // Condemned packs count: to name them is to rescue them.
        let here = state.log.packs & state.listed() & state.stored;
        let found = state.with(here, want);
        let whole = want & !state.of(found) == 0;
        if whole
            && state
                .log
                .forgotten
                .get(snapshot)
                .is_some_and(Option::is_some)
        {
            let mut next = state.clone();
            set(&mut next, who, |me| me.found = found);
            all.add("verifies", found, next);
        }
        return;
    }
    if careless {
        // Not even whether it may still come back.
        if state.dropped & bit(snapshot) != 0 && !state.log.is_live(snapshot) {
            let mut next = state.clone();
            next.log.forgotten[snapshot] = Some(next.log.next);
            let entry = Entry::Unforget(session, bit(snapshot), 0);
            all.append("appends", entry, None, next, |next| {
                set(next, who, |me| me.done = true);
            });
        }
        return;
    }
    let entry = Entry::Unforget(session, bit(snapshot), me.found);
    let done = |next: &mut State| set(next, who, |me| me.done = true);
    if !all.append("appends", entry, None, state.clone(), done) {
        let mut next = state.clone();
        set(&mut next, who, |me| me.found = 0);
        all.add("verifies anew", 0, next);
    }
}
