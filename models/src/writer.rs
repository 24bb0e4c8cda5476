//! A writer: begins, takes over, relies, uploads, names, commits; dies and starts again.

use crate::entry::{Entry, Names, Role};
use crate::flaws::Flaw;
use crate::log::{PACKS_EACH, packs_of};
use crate::sets::{Chunks, bit, members, pack};
use crate::state::{Doing, PACKS, Phase, State, Writer};
use crate::world::Steps;

/// Everything that a writer may do next.
pub(crate) fn steps(
    all: &mut Steps<'_>,
    state: &State,
    who: usize,
    sessions: &[usize],
    snapshot: usize,
) {
    let Some(Doing::Writer(me)) = state.actors.get(who).copied() else {
        return;
    };
    let Some(&session) = sessions.get(usize::from(me.run)) else {
        return;
    };
    let at = At {
        who,
        me,
        session,
        snapshot,
    };
    match me.phase {
        Phase::Off => begin(all, state, &at),
        Phase::BeginInDoubt => find_begin(all, state, &at),
        Phase::Open => {
            if me.have == all.setup.content(snapshot) && me.prepared.is_none() {
                commit(all, state, &at);
            }
            work(all, state, &at);
            checkpoint(all, state, &at);
            crash(all, state, &at);
        }
        Phase::CommitInDoubt => {
            let mut next = state.clone();
            if state.log.is_live(snapshot) {
                next.reported |= bit(snapshot);
            }
            set(&mut next, who, |me| me.phase = Phase::Over);
            all.add("finds its commit", 0, next);
            crash(all, state, &at);
        }
        Phase::Over => restart(all, state, &at, sessions),
    }
}

/// A writer in its place.
struct At {
    who: usize,
    me: Writer,
    session: usize,
    snapshot: usize,
}

fn set(state: &mut State, who: usize, change: impl FnOnce(&mut Writer)) {
    if let Some(Doing::Writer(me)) = state.actors.get_mut(who) {
        change(me);
    }
}

fn begin(all: &mut Steps<'_>, state: &State, at: &At) {
    let setup = all.setup;
    let unchecked = setup.lacks(Flaw::BeginChecksNothing);
    let ever = state.log.snapshots | if unchecked { state.dropped } else { 0 };
    let mut bases = vec![None];
    bases.extend(members(ever).map(Some));
    let dead = (0..state.log.sessions.len()).filter(|&id| {
        let checkpointed = |s: &crate::log::Session| s.dead && s.partial.is_some();
        let slot = state.log.sessions.get(id).copied().flatten();
        slot.is_some_and(|s| checkpointed(&s)) && (unchecked || state.log.adoptable(id))
    });
    let dead = dead.fold(0, |all, id| all | bit(id));
    let mut adoptions = vec![0];
    if dead != 0 {
        adoptions.push(dead);
    }
    for &base in &bases {
        for &adopts in &adoptions {
            let entry = Entry::Begin {
                session: at.session,
                role: Role::Writer,
                base,
                adopts,
            };
            let mut heritage = base.map_or(0, |base| setup.content(base));
            for id in members(adopts) {
                let adopted = state.log.sessions.get(id).copied().flatten();
                heritage |= adopted.and_then(|s| s.partial).unwrap_or_default();
            }
            if !setup.lacks(Flaw::LostInherited) {
                heritage &= !state.log.lost;
            }
            let begun = |next: &mut State, phase| {
                let view = next.usable();
                let lost = next.log.lost;
                set(next, at.who, |me| {
                    me.phase = phase;
                    me.view = view;
                    me.heritage = heritage;
                    me.lost = lost;
                });
            };
            all.append("begins", entry, setup.flaw, state.clone(), |next| {
                begun(next, Phase::Open);
            });
            if let Some(left) = state.left.lost_replies.checked_sub(1) {
                all.append(
                    "begins, reply lost",
                    entry,
                    setup.flaw,
                    state.clone(),
                    |next| {
                        next.left.lost_replies = left;
                        begun(next, Phase::BeginInDoubt);
                    },
                );
            }
        }
    }
}

/// Reads the log up to its end and finds the own `Begin` there.
fn find_begin(all: &mut Steps<'_>, state: &State, at: &At) {
    let killed = state.log.open(at.session).is_none();
    let blind = killed && all.setup.lacks(Flaw::KillInPrefixNotLookedFor);
    let mut next = state.clone();
    set(&mut next, at.who, |me| {
        me.blind = blind;
        me.phase = if killed && !blind {
            Phase::Over
        } else {
            Phase::Open
        };
    });
    all.add("finds its begin", 0, next);
    crash(all, state, at);
}

fn work(all: &mut Steps<'_>, state: &State, at: &At) {
    let At { who, me, .. } = *at;
    let want = all.setup.content(at.snapshot);
    let missing = want & !me.have;
    if missing == 0 {
        return;
    }
    let chunk = missing & missing.wrapping_neg();
    let heir = me.heritage & missing;
    if heir != 0 {
        let mut next = state.clone();
        set(&mut next, who, |me| me.have |= heir);
        all.add("takes over", heir.into(), next);
    }
    let trusted = all.setup.lacks(Flaw::LostInherited) || me.lost & chunk == 0;
    for p in members(me.view).filter(|_| trusted) {
        if state.chunks(p) & chunk == 0 {
            continue;
        }
        let mut next = state.clone();
        let found = state.chunks(p) & missing & !me.lost;
        set(&mut next, who, |me| {
            me.have |= found | chunk;
            me.relied |= pack(p);
            me.relied_unnamed |= pack(p);
        });
        all.add("relies on", pack(p), next);
    }
    adopt_orphans(all, state, at, missing);
    if usize::from(me.own) < PACKS_EACH {
        upload(all, state, at, missing);
    }
}

fn upload(all: &mut Steps<'_>, state: &State, at: &At, missing: Chunks) {
    let At {
        who, me, session, ..
    } = *at;
    let own = session * PACKS_EACH + usize::from(me.own);
    let mut next = state.clone();
    if let Some(content) = next.content.get_mut(own) {
        *content = missing;
    }
    let mut sent = next.clone();
    next.stored |= pack(own);
    set(&mut next, who, |me| {
        me.own += 1;
        me.own_unnamed |= pack(own);
        me.have |= missing;
    });
    all.add("uploads", pack(own), next);
    // A first part of it goes by itself, so that a checkpoint has only that.
    let first = missing & missing.wrapping_neg();
    if first != missing && me.own == 0 {
        let mut part = state.clone();
        if let Some(content) = part.content.get_mut(own) {
            *content = first;
        }
        part.stored |= pack(own);
        set(&mut part, who, |me| {
            me.own += 1;
            me.own_unnamed |= pack(own);
            me.have |= first;
        });
        all.add("uploads a part", pack(own), part);
    }
    let (delays, crashes) = (state.left.delays, state.left.crashes);
    if let (Some(delays), Some(crashes)) = (delays.checked_sub(1), crashes.checked_sub(1)) {
        // Until it lands, whatever had that name is there.
        sent.content = state.content;
        if state.stored & pack(own) == 0 {
            sent.content = next_content(&sent.content, own, missing);
        }
        sent.left.delays = delays;
        sent.left.crashes = crashes;
        sent.late_puts
            .push((u8::try_from(own).unwrap_or(0), missing));
        set(&mut sent, who, |me| me.phase = Phase::Over);
        all.add("sends a pack and dies", pack(own), sent);
    }
}

fn next_content(before: &[Chunks; PACKS], own: usize, chunks: Chunks) -> [Chunks; PACKS] {
    let mut content = *before;
    if let Some(content) = content.get_mut(own) {
        *content = chunks;
    }
    content
}

/// Takes packs of dead sessions that no entry names: verifies and names them, and refers to them
/// from then on.
fn adopt_orphans(all: &mut Steps<'_>, state: &State, at: &At, missing: Chunks) {
    let mut known = state.log.swept;
    match all.setup.flaw {
        Some(Flaw::FoldForgetsSwept) => known &= !state.folded,
        Some(Flaw::LateDeleteHits) => known &= !state.late_deletes,
        Some(Flaw::LatePutAdopted) => known &= state.late_deletes,
        _ => {}
    }
    let nobodys = members(state.stored & !state.log.packs & !known).filter(|p| {
        state.log.open(crate::log::session_of(*p)).is_none() && packs_of(at.session) & pack(*p) == 0
    });
    let orphans = nobodys.fold(0, |all, p| all | pack(p));
    let orphans = state.with(orphans, missing);
    if orphans == 0 || at.me.prepared.is_some() {
        return;
    }
    let mut names = unnamed(&at.me);
    names.segments |= orphans;
    names.adopted = orphans;
    let mut view = state.clone();
    // What the client does not know of was never swept, to its mind.
    let forgotten = state.log.swept & !known;
    view.log.swept &= !forgotten;
    view.log.dead_segments &= !forgotten;
    let entry = Entry::Checkpoint(at.session, names, None);
    all.append("adopts packs", entry, all.setup.flaw, view, |next| {
        next.log.swept |= forgotten;
        let found = next.of(orphans) & missing;
        let view = next.usable();
        set(next, at.who, |me| {
            me.have |= found;
            me.named = true;
            me.own_unnamed = 0;
            me.relied_unnamed = 0;
            me.view = view;
        });
    });
}

/// What stands in no entry yet.
fn unnamed(me: &Writer) -> Names {
    Names {
        own: me.own_unnamed,
        segments: me.own_unnamed,
        relied: me.relied_unnamed,
        adopted: 0,
    }
}

fn checkpoint(all: &mut Steps<'_>, state: &State, at: &At) {
    let At {
        who, me, session, ..
    } = *at;
    let Some((names, tree)) = me.prepared else {
        if !me.named && unnamed(&me).all() != 0 {
            let mut next = state.clone();
            set(&mut next, who, |me| {
                me.prepared = Some((unnamed(me), me.have));
            });
            all.add("prepares a checkpoint", 0, next);
        }
        return;
    };
    let mut names = names;
    if !all.setup.lacks(Flaw::CheckpointOvertaken) {
        // Whatever it relies on by now; from here on it looks chunks up in this state.
        names.relied = me.relied_unnamed;
    }
    let refreshes = !all.setup.lacks(Flaw::CheckpointOvertaken);
    attempt(
        all,
        state,
        at,
        Entry::Checkpoint(session, names, Some(tree)),
        |next| {
            let view = next.usable();
            set(next, who, |me| {
                me.prepared = None;
                me.named = true;
                me.own_unnamed &= !names.own;
                me.relied_unnamed &= !names.relied;
                if refreshes {
                    me.view = view;
                }
            });
        },
    );
}

fn commit(all: &mut Steps<'_>, state: &State, at: &At) {
    let At {
        who,
        me,
        session,
        snapshot,
    } = *at;
    let entry = Entry::Commit(session, unnamed(&me), snapshot);
    if all.setup.lacks(Flaw::CommitSkipsFence) {
        let mut next = state.clone();
        let swept = next.log.swept;
        next.log.swept &= !me.relied_unnamed;
        let known = next.log.packs;
        next.log.packs |= me.relied_unnamed;
        all.append(
            "commits",
            entry,
            Some(Flaw::KillNotLookedFor),
            next,
            |next| {
                next.log.swept = swept;
                next.log.packs &= known | me.own_unnamed;
                set(next, who, |me| me.phase = Phase::Over);
            },
        );
        return;
    }
    attempt(all, state, at, entry, |next| {
        next.reported |= bit(snapshot);
        set(next, who, |me| me.phase = Phase::Over);
    });
    if let Some(left) = state.left.lost_replies.checked_sub(1)
        && may_go_on(state, at)
    {
        all.append("commits, reply lost", entry, None, state.clone(), |next| {
            next.left.lost_replies = left;
            set(next, who, |me| me.phase = Phase::CommitInDoubt);
        });
    }
}

/// Whether nothing was declared lost since it began: else it has to begin anew.
fn may_go_on(state: &State, at: &At) -> bool {
    state.log.lost & !at.me.lost == 0
}

/// Appends an entry of the writer's, or finds out that it cannot.
fn attempt(
    all: &mut Steps<'_>,
    state: &State,
    at: &At,
    entry: Entry,
    then: impl FnOnce(&mut State),
) {
    let blind = at.me.blind || all.setup.lacks(Flaw::KillNotLookedFor);
    let flaw = if blind {
        Some(Flaw::KillNotLookedFor)
    } else {
        all.setup.flaw
    };
    let lost = !may_go_on(state, at) && !all.setup.lacks(Flaw::LostInherited);
    if !lost && all.append("appends", entry, flaw, state.clone(), then) {
        return;
    }
    let mut next = state.clone();
    // Killed by somebody who took it for dead, or data was lost: no fault of the protocol.
    let killed = state.log.open(at.session).is_none();
    let done = state.log.is_live(at.snapshot) || state.dropped & bit(at.snapshot) != 0;
    next.hindered |= !(killed || lost || done);
    set(&mut next, at.who, |me| me.phase = Phase::Over);
    all.add("gives up", 0, next);
}

fn crash(all: &mut Steps<'_>, state: &State, at: &At) {
    if let Some(crashes) = state.left.crashes.checked_sub(1) {
        let mut next = state.clone();
        next.left.crashes = crashes;
        set(&mut next, at.who, |me| me.phase = Phase::Over);
        all.add("dies", 0, next);
    }
}

/// The next run declares the one before it dead, if it is open still, and begins.
fn restart(all: &mut Steps<'_>, state: &State, at: &At, sessions: &[usize]) {
    let done = state.log.is_live(at.snapshot) || state.dropped & bit(at.snapshot) != 0;
    let run = at.me.run + 1;
    if done || usize::from(run) >= sessions.len() {
        // What it did is over: nothing of it matters any more.
        if at.me != over(at.me.run) {
            let mut next = state.clone();
            set(&mut next, at.who, |me| *me = over(me.run));
            all.add("is over", 0, next);
        }
        return;
    }
    let again = |next: &mut State| set(next, at.who, |me| *me = Writer::new(run));
    if state.log.open(at.session).is_some() {
        let kill = Entry::Kill(at.session);
        all.append(
            "declares its last run dead",
            kill,
            None,
            state.clone(),
            again,
        );
    } else {
        let mut next = state.clone();
        again(&mut next);
        all.add("starts again", 0, next);
    }
}

fn over(run: u8) -> Writer {
    Writer {
        phase: Phase::Over,
        ..Writer::new(run)
    }
}
