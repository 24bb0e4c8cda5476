//! Maintenance: mark, condemn, sweep, delete; repack.

use crate::entry::{Entry, Names, Role};
use crate::flaws::Flaw;
use crate::log::{PACKS_EACH, packs_of, session_of};
use crate::sets::{Chunks, Packs, Sessions, bit, meet, members, pack};
use crate::state::{Collector, Doing, Mark, Repack, State};
use crate::world::{Setup, Steps};

/// Everything that a maintenance run may do next.
pub(crate) fn steps(all: &mut Steps<'_>, state: &State, who: usize, session: Option<usize>) {
    let Some(Doing::Collector(me)) = state.actors.get(who).copied() else {
        return;
    };
    match me.mark {
        None => {
            let (candidates, broken) = mark(all.setup, state);
            if candidates | Packs::from(broken) != 0 {
                let mut next = state.clone();
                set(&mut next, who, |me| {
                    me.mark = Some(Mark {
                        candidates,
                        broken,
                        read: false,
                    });
                });
                all.add("marks on this prefix", candidates, next);
            }
        }
        Some(mark) if !mark.read => read(all, state, who, mark),
        Some(mark) => condemn(all, state, who, mark),
    }
    sweep(all, state);
    delete(all, state);
    if let Some(session) = session {
        repack(all, state, who, me, session);
    }
}

fn set(state: &mut State, who: usize, change: impl FnOnce(&mut Collector)) {
    if let Some(Doing::Collector(me)) = state.actors.get_mut(who) {
        change(me);
    }
}

/// All chunks that roots lead to.
fn live(setup: &Setup, state: &State) -> Chunks {
    let mut roots = state.log.snapshots;
    let mut live = 0;
    for (_, session) in state.log.all_open() {
        roots |= session.base.map_or(0, |base| bit(base.into()));
        live |= session.partial.unwrap_or_default();
        for id in members(session.adopts) {
            let adopted = state.log.sessions.get(id).copied().flatten();
            live |= adopted.and_then(|s| s.partial).unwrap_or_default();
        }
    }
    members(roots).fold(live, |all, snapshot| all | setup.content(snapshot))
}

/// Packs that open sessions use, or may have uploaded.
fn in_use(state: &State) -> Packs {
    state
        .log
        .all_open()
        .fold(0, |all, (id, s)| all | packs_of(id) | s.packs | s.relied)
}

/// Packs that nobody needs as of this prefix, and the dead checkpoints that go with them.
pub(crate) fn mark(setup: &Setup, state: &State) -> (Packs, Sessions) {
    let live = live(setup, state);
    dead_packs(state, live)
}

fn dead_packs(state: &State, live: Chunks) -> (Packs, Sessions) {
    let usable = state.usable();
    let mut needed = state.with(usable, live);
    // What was copied need not stay where it was.
    for bond in &state.log.bonds {
        let kept = state.of(bond.keepers & usable);
        for old in members(bond.old) {
            if state.chunks(old) & live & !kept == 0 {
                needed &= !pack(old);
            }
        }
    }
    let orphans = state.stored & !state.log.packs & !state.log.swept;
    let keepers = state.log.bonds.iter().fold(0, |all, b| all | b.keepers);
    let candidates = (state.log.reliable() | orphans) & !needed & !in_use(state) & !keepers;
    (candidates, broken(state, candidates))
}

/// Dead checkpoints that rest on `packs`, or that hold nothing that is left.
fn broken(state: &State, packs: Packs) -> Sessions {
    let carried_on = state.log.all_open().fold(0, |all, (_, s)| all | s.adopts);
    let rests = |id: &usize| {
        let dead = state.log.sessions.get(*id).copied().flatten();
        dead.is_some_and(|s| s.dead && meet(s.packs | s.relied, packs))
    };
    let sessions = (0..state.log.sessions.len()).filter(rests);
    sessions.fold(0, |all, id| all | bit(id)) & !carried_on
}

/// Reads the pages. What cannot be read stops the mark.
fn read(all: &mut Steps<'_>, state: &State, who: usize, mark: Mark) {
    let mut done = state.clone();
    set(&mut done, who, |me| {
        me.mark = Some(Mark { read: true, ..mark });
    });
    all.add("has read every page", 0, done);
    let Some(outages) = state.left.outages.checked_sub(1) else {
        return;
    };
    for &(page, below) in all.setup.pages {
        let live = live(all.setup, state);
        if live & page == 0 {
            continue;
        }
        let mut next = state.clone();
        next.left.outages = outages;
        let skips = all.setup.lacks(Flaw::MarkSkipsPages);
        let (more, _) = dead_packs(state, live & !below);
        set(&mut next, who, |me| {
            me.mark = skips.then_some(Mark {
                candidates: mark.candidates | more,
                read: true,
                ..mark
            });
        });
        all.add("cannot read a page", page.into(), next);
    }
}

fn condemn(all: &mut Steps<'_>, state: &State, who: usize, mark: Mark) {
    let bonded = state.log.bonds.iter().fold(0, |all, b| all | b.keepers);
    let gone = state.log.swept | state.log.all_condemned();
    let packs = mark.candidates & !bonded & !gone & !in_use(state);
    let mut next = state.clone();
    set(&mut next, who, |me| me.mark = None);
    if packs == 0 {
        all.add("has nothing to condemn", 0, next);
        return;
    }
    let entry = Entry::Condemn(packs, broken(state, packs), 0);
    let straight = all.setup.lacks(Flaw::DeletedWhenCondemned);
    all.append("condemns", entry, all.setup.flaw, next, |next| {
        if straight {
            next.stored &= !packs;
        }
    });
}

/// What of a condemnation may be swept now.
pub(crate) fn sweepable(state: &State, setup: &Setup, number: u8, packs: Packs) -> Packs {
    let idle = state.log.all_open().any(|(_, s)| {
        s.begun < number && s.checkpoint.is_none_or(|checkpoint| checkpoint < number)
    });
    let used = state
        .log
        .all_open()
        .fold(0, |all, (_, s)| all | s.packs | s.relied);
    if idle && !setup.lacks(Flaw::SweepIgnoresIdleSessions) {
        0
    } else {
        packs & !used
    }
}

/// Segments that list nothing but `gone`.
pub(crate) fn empty_segments(state: &State, gone: Packs) -> Packs {
    members(state.log.segments)
        .filter(|&segment| state.listing(segment) & !gone == 0)
        .fold(0, |all, segment| all | pack(segment))
}

fn sweep(all: &mut Steps<'_>, state: &State) {
    for condemned in &state.log.condemned {
        let packs = sweepable(state, all.setup, condemned.number, condemned.packs);
        if packs == 0 {
            continue;
        }
        let segments = empty_segments(state, packs | state.log.swept);
        let entry = Entry::Sweep(packs, segments, 0);
        all.append("sweeps", entry, all.setup.flaw, state.clone(), |_| {});
    }
}

fn delete(all: &mut Steps<'_>, state: &State) {
    for sweep in &state.log.sweeps {
        let entry = Entry::Swept(sweep.number);
        let packs = sweep.packs;
        all.append("deletes", entry, None, state.clone(), |next| {
            next.stored &= !packs;
        });
        if let Some(delays) = state.left.delays.checked_sub(1)
            && meet(packs, state.stored)
        {
            all.append("sends deletes", entry, None, state.clone(), |next| {
                next.left.delays = delays;
                next.late_deletes |= packs & next.stored;
            });
        }
    }
    let risen = state.stored & state.log.swept & !open_sweeps(state);
    if risen != 0 && state.late_deletes & risen == 0 {
        let mut next = state.clone();
        next.stored &= !risen;
        all.add("deletes what came back", risen, next);
    }
    if all.setup.lacks(Flaw::OrphanWithoutSweep) {
        let orphans = state.stored & !state.log.packs & !state.log.swept;
        let orphans = members(orphans).filter(|p| state.log.open(session_of(*p)).is_none());
        let orphans = orphans.fold(0, |all, p| all | pack(p));
        if orphans & !state.late_deletes != 0 {
            let mut next = state.clone();
            next.late_deletes |= orphans;
            all.add("sends deletes of orphans", orphans, next);
        }
    }
}

fn open_sweeps(state: &State) -> Packs {
    state.log.sweeps.iter().fold(0, |all, s| all | s.packs)
}

fn repack(all: &mut Steps<'_>, state: &State, who: usize, me: Collector, session: usize) {
    let killed = me.repack != Repack::Off && state.log.open(session).is_none();
    if killed && me.repack != Repack::Over {
        let mut next = state.clone();
        set(&mut next, who, |me| me.repack = Repack::Over);
        all.add("finds itself killed", 0, next);
        return;
    }
    match me.repack {
        Repack::Off => {
            let entry = Entry::Begin {
                session,
                role: Role::Maintainer,
                base: None,
                adopts: 0,
            };
            all.append("begins to repack", entry, None, state.clone(), |next| {
                set(next, who, |me| me.repack = Repack::Open);
            });
        }
        Repack::Open => {
            let live = live(all.setup, state);
            let bonded = state
                .log
                .bonds
                .iter()
                .fold(0, |all, b| all | b.keepers | b.old);
            let keeper = session * PACKS_EACH;
            for old in members(state.usable() & state.stored & !bonded) {
                let copied = state.chunks(old) & live;
                if copied == 0 || copied == state.chunks(old) {
                    continue;
                }
                let names = Names {
                    own: pack(keeper),
                    segments: pack(keeper),
                    ..Names::default()
                };
                let mut next = state.clone();
                if let Some(content) = next.content.get_mut(keeper) {
                    *content = copied;
                }
                next.stored |= pack(keeper);
                let entry = Entry::Checkpoint(session, names, None);
                all.append("copies and names", entry, None, next, |next| {
                    let old = u8::try_from(old).unwrap_or(0);
                    set(next, who, |me| me.repack = Repack::Copied(old));
                });
            }
            end(all, state, who, session);
        }
        Repack::Copied(old) => {
            let entry = Entry::Relocate {
                session,
                segments: 0,
                old: pack(old.into()),
                keepers: pack(session * PACKS_EACH),
            };
            let flaw = all.setup.flaw;
            let done = |next: &mut State| set(next, who, |me| me.repack = Repack::Related);
            if !all.append("relocates", entry, flaw, state.clone(), done) {
                end(all, state, who, session);
            }
        }
        Repack::Related => end(all, state, who, session),
        Repack::Over => {}
    }
}

fn end(all: &mut Steps<'_>, state: &State, who: usize, session: usize) {
    all.append("ends", Entry::End(session), None, state.clone(), |next| {
        set(next, who, |me| me.repack = Repack::Over);
    });
}
