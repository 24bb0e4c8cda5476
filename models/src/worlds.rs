//! The worlds.

use crate::entry::Role;
use crate::log::Session;
use crate::sets::pack;
use crate::state::{Budget, State};
use crate::world::Feature::{
    Adoption, Base, Crash, Delay, Fold, Kill, LostReply, Reader, Relocate, Rescue, Unforget,
};
use crate::world::{Actor, Feature, Setup};

/// Chunks 0, 1 and 2 are data; 3, 4 and 5 the pages of three snapshots.
const A: u8 = 0b00_1011;
const B: u8 = 0b01_0110;
const C: u8 = 0b10_0011;
const PAGES: &[(u8, u8)] = &[(0b1000, 0b0011), (0b01_0000, 0b0110), (0b10_0000, 0b0011)];

/// Snapshot 0 is there, in pack 0.
fn one_snapshot(state: &mut State) {
    state.content[0] = A;
    state.stored |= pack(0);
    state.log.packs |= pack(0);
    state.log.segments |= pack(0);
    state.log.snapshots = 1;
    state.reported = 1;
}

/// Snapshot 0 is forgotten, and of pack 0 only chunk 1 is needed, by snapshot 1.
fn half_a_pack(state: &mut State) {
    one_snapshot(state);
    state.content[1] = 0b01_0100;
    state.stored |= pack(1);
    state.log.packs |= pack(1);
    state.log.segments |= pack(1);
    state.log.snapshots = 0b10;
    state.log.forgotten[0] = Some(1);
    state.log.next = 2;
    state.reported = 0b11;
    state.dropped = 0b01;
}

/// Both together.
fn half_a_pack_and_a_dead_session(state: &mut State) {
    a_dead_session(state);
    half_a_pack(state);
    state.stored |= pack(2) | pack(3);
    state.log.packs |= pack(2);
    state.log.segments |= pack(2);
    state.log.next = 3;
}

/// Besides, a session died that had named pack 2 and relied on pack 0, with a tree of chunk 1; of
/// what it had stored, pack 3 is in no entry.
fn a_dead_session(state: &mut State) {
    one_snapshot(state);
    state.content[2] = 0b0100;
    state.content[3] = 0b01_0100;
    state.stored |= pack(2) | pack(3);
    state.log.packs |= pack(2);
    state.log.segments |= pack(2);
    state.log.sessions[1] = Some(Session {
        dead: true,
        role: Role::Writer,
        begun: 1,
        base: None,
        adopts: 0,
        packs: pack(2),
        relied: pack(0),
        partial: Some(0b0110),
        checkpoint: Some(2),
    });
    state.log.next = 3;
}

const fn plain(name: &'static str, about: &'static str, features: &'static [Feature]) -> Setup {
    Setup {
        name,
        about,
        features,
        contents: [A, B, C, 0],
        pages: PAGES,
        actors: Vec::new(),
        budget: Budget {
            kills: 0,
            crashes: 0,
            forgets: 0,
            folds: 0,
            delays: 0,
            lost_replies: 0,
            losses: 0,
            outages: 0,
        },
        start: one_snapshot,
        quiet: true,
        flaw: None,
    }
}

/// Who lives in a world that has `features`, and what befalls them. A writer and a collector
/// live everywhere; a writer whom somebody else's condemnation hits rescues what it relies on.
fn mix(name: &'static str, about: &'static str, features: &'static [Feature]) -> Setup {
    let has = |feature| features.contains(&feature);
    let once = |yes: bool| u8::from(yes);
    let relocates = has(Feature::Relocate);
    let mut actors = vec![
        Actor::Writer {
            sessions: if has(Feature::Adoption) { &[2] } else { &[1] },
            snapshot: if relocates { 2 } else { 1 },
        },
        Actor::Collector {
            session: relocates.then_some(3),
        },
    ];
    if has(Feature::Unforget) {
        actors.push(Actor::Unforgetter { session: 4 });
    }
    if has(Feature::Reader) {
        actors.push(Actor::Reader { session: 5 });
    }
    // Where much else happens, what is forgotten already must do.
    let forgets = match (relocates, has(Feature::Adoption)) {
        (true, adopts) => !adopts && !has(Feature::Unforget) && !has(Feature::Kill),
        (false, adopts) => !adopts || !has(Feature::Kill),
    };
    Setup {
        actors,
        budget: Budget {
            kills: once(has(Feature::Kill)),
            crashes: once(has(Feature::Crash) || has(Feature::Delay)),
            forgets: once(forgets),
            folds: once(has(Feature::Fold)),
            delays: once(has(Feature::Delay)),
            lost_replies: once(has(Feature::LostReply)),
            ..Budget::default()
        },
        start: match (relocates, has(Feature::Adoption)) {
            (false, false) => one_snapshot,
            (false, true) => a_dead_session,
            (true, false) => half_a_pack,
            (true, true) => half_a_pack_and_a_dead_session,
        },
        ..plain(name, about, features)
    }
}

/// A writer that dies and starts again, with what the store does late.
fn starts_again(name: &'static str, about: &'static str, budget: Budget) -> Setup {
    Setup {
        actors: vec![
            Actor::Writer {
                sessions: &[1, 2],
                snapshot: 1,
            },
            Actor::Collector { session: None },
        ],
        budget,
        ..plain(name, about, &[])
    }
}

/// The worlds of every run.
pub fn all() -> Vec<Setup> {
    let mut all = mixed();
    all.extend(particular());
    all
}

/// Worlds made of features, so that every pair of those meets.
fn mixed() -> Vec<Setup> {
    vec![
        mix(
            "relocate, adopt",
            "a dead session rests on a pack that is being repacked",
            &[Base, Rescue, Relocate, Adoption],
        ),
        mix(
            "unforget, adopt",
            "a snapshot comes back that a dead session rests on",
            &[Base, Rescue, Unforget, Adoption],
        ),
        mix(
            "read, adopt",
            "a snapshot is read and forgotten while a dead session is carried on",
            &[Base, Rescue, Reader, Adoption],
        ),
        mix(
            "relocate, late",
            "a repack while requests take effect late and writers die",
            &[Base, Rescue, Relocate, Crash, Delay, Fold, LostReply],
        ),
        mix(
            "relocate, read",
            "a snapshot is read while its packs are moved",
            &[Base, Rescue, Relocate, Reader],
        ),
        mix(
            "relocate, unforget",
            "a snapshot comes back while its packs are moved",
            &[Base, Rescue, Relocate, Unforget],
        ),
        mix(
            "relocate, kill",
            "a maintainer that repacks is taken for dead",
            &[Base, Rescue, Relocate, Kill],
        ),
        mix(
            "unforget, read, late",
            "snapshots are read and come back while requests take effect late",
            &[
                Base, Rescue, Unforget, Reader, Crash, Delay, Fold, LostReply,
            ],
        ),
        mix(
            "kill, unforget",
            "whoever brings a snapshot back is taken for dead",
            &[Base, Rescue, Kill, Unforget, Crash],
        ),
        mix(
            "kill, read",
            "a reader is taken for dead",
            &[Base, Rescue, Kill, Reader, Crash],
        ),
        mix(
            "kill, adopt",
            "a writer that carries a dead session on is taken for dead",
            &[Base, Rescue, Kill, Adoption, LostReply],
        ),
        mix(
            "adopt, late",
            "a dead session is carried on while requests take effect late",
            &[Base, Rescue, Adoption, Crash, Delay, Fold, LostReply],
        ),
        mix(
            "kill, late",
            "a writer is taken for dead while requests take effect late",
            &[Base, Rescue, Kill, Crash, Delay, Fold, LostReply],
        ),
    ]
}

/// Worlds made for one thing each.
fn particular() -> Vec<Setup> {
    let nothing = Budget::default();
    vec![
        Setup {
            quiet: false,
            ..starts_again(
                "lost",
                "the store loses a pack; the writer begins anew and stores its chunks again",
                Budget {
                    losses: 1,
                    forgets: 1,
                    ..nothing
                },
            )
        },
        starts_again(
            "pages",
            "a page cannot be read for a while",
            Budget {
                outages: 1,
                forgets: 1,
                ..nothing
            },
        ),
        starts_again(
            "again",
            "a writer dies, its pack comes late, and it starts again",
            Budget {
                crashes: 1,
                delays: 1,
                folds: 1,
                ..nothing
            },
        ),
        Setup {
            actors: vec![
                Actor::Writer {
                    sessions: &[2],
                    snapshot: 1,
                },
                Actor::Collector { session: None },
                Actor::Merger { session: 4 },
            ],
            budget: Budget {
                forgets: 1,
                ..nothing
            },
            start: a_dead_session,
            ..plain(
                "merge",
                "segments are merged while packs go and come back",
                &[],
            )
        },
        Setup {
            actors: vec![
                Actor::Writer {
                    sessions: &[1],
                    snapshot: 2,
                },
                Actor::Collector { session: Some(3) },
                Actor::Collector { session: None },
            ],
            start: half_a_pack,
            ..plain("two collectors", "one repacks, both condemn and sweep", &[])
        },
        Setup {
            actors: vec![
                Actor::Writer {
                    sessions: &[1],
                    snapshot: 1,
                },
                Actor::Writer {
                    sessions: &[2],
                    snapshot: 2,
                },
                Actor::Collector { session: None },
                Actor::Collector { session: None },
            ],
            budget: Budget {
                forgets: 1,
                ..nothing
            },
            ..plain("two by two", "two writers and two collectors", &[])
        },
    ]
}

/// Worlds that take longer: minutes, and gigabytes of memory.
pub fn larger() -> Vec<Setup> {
    vec![
        mix(
            "relocate, unforget, adopt",
            "everything that moves packs",
            &[Base, Rescue, Relocate, Unforget, Adoption],
        ),
        mix(
            "relocate, kill, late",
            "a repack among deaths",
            &[Base, Rescue, Relocate, Kill, Crash, Delay, LostReply],
        ),
    ]
}
