//! Every rule of FORMAT.md section 10.2 with what keeps it and what breaks it.

use super::*;
use crate::log::entry::{
    Begin, Body, Checkpoint, Close, Commit, Condemn, Feature, FoldAt, Forget, Found, Generation,
    Init, Lost, MergeIndex, Relocate, SlotAdd, SlotRemove, Sweep, Swept, Unforget,
};
use crate::log::testing::{hash, pack, packs, segment, session, snapshot, snapshot_id};

fn begin(id: u8) -> Begin {
    Begin {
        session: session(id),
        base: None,
        adopts: Vec::new(),
        owner: None,
        role: Role::Writer,
        client: "test".to_owned(),
        volume: None,
    }
}

fn checkpoint(id: u8, own: &[u32]) -> Checkpoint {
    Checkpoint {
        session: session(id),
        packs: packs(id, own),
        segments: Vec::new(),
        relied: PackSet::new(),
        partial: None,
        adopted: PackSet::new(),
    }
}

fn commit(id: u8, snapshot_number: u8) -> Commit {
    Commit {
        session: session(id),
        packs: PackSet::new(),
        segments: Vec::new(),
        relied: PackSet::new(),
        adopted: PackSet::new(),
        snapshot: snapshot(snapshot_number),
    }
}

fn condemn(packs: PackSet) -> Condemn {
    Condemn {
        packs,
        broken: Vec::new(),
        others: Vec::new(),
    }
}

fn sweep(packs: PackSet) -> Sweep {
    Sweep {
        packs,
        segments: Vec::new(),
        others: Vec::new(),
    }
}

fn relocate(id: u8, old: PackSet, keepers: PackSet) -> Relocate {
    Relocate {
        session: session(id),
        segments: Vec::new(),
        old,
        keepers,
    }
}

/// A state after `Init` with slots `a` and `b`.
fn start() -> State {
    let mut state = State::empty(1);
    state.then(Body::Init(Init {
        format: hash(1),
        slots: vec![("a".to_owned(), hash(2)), ("b".to_owned(), hash(3))],
    }));
    state
}

/// Snapshot 1 in pack 0 of session 1, which has ended.
fn one_snapshot() -> State {
    let mut state = start();
    state.then(Body::Begin(begin(1)));
    state.then(Body::Checkpoint(checkpoint(1, &[0])));
    state.then(Body::Commit(Box::new(commit(1, 1))));
    state
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at the calls")]
impl State {
    /// Appends an entry that must be valid.
    #[track_caller]
    fn then(&mut self, body: Body) {
        assert_eq!(self.validate(&body), Ok(()), "{body:?}");
        let hash = ObjectHash::of(&self.next.to_le_bytes());
        self.apply(&body, hash);
    }

    #[track_caller]
    fn refuses(&self, body: Body, why: &Invalid) {
        assert_eq!(self.validate(&body).as_ref(), Err(why), "{body:?}");
    }
}

#[test]
fn init_stands_first_and_only_there() {
    let init = Init {
        format: hash(1),
        slots: Vec::new(),
    };
    State::empty(1).refuses(Body::Begin(begin(1)), &Invalid::Init);
    start().refuses(Body::Init(init), &Invalid::Init);
}

#[test]
fn a_session_begins_once_with_a_live_base() {
    let mut state = one_snapshot();
    let with_base = |n| Begin {
        base: Some(snapshot_id(n)),
        ..begin(2)
    };
    state.refuses(
        Body::Begin(with_base(9)),
        &Invalid::NoSnapshot(snapshot_id(9)),
    );
    state.then(Body::Begin(with_base(1)));
    state.refuses(Body::Begin(begin(2)), &Invalid::SessionExists(session(2)));
    state.then(Body::Forget(Forget {
        snapshots: vec![snapshot_id(1)],
    }));
    let late = Begin {
        session: session(3),
        ..with_base(1)
    };
    state.refuses(Body::Begin(late), &Invalid::NoSnapshot(snapshot_id(1)));
}

#[test]
fn only_dead_checkpoints_with_intact_packs_are_adopted() {
    let adopting = |n| Begin {
        adopts: vec![session(1)],
        ..begin(n)
    };
    let gone = Invalid::NotAdoptable(session(1));
    let mut state = start();
    state.refuses(Body::Begin(adopting(2)), &gone);
    state.then(Body::Begin(begin(1)));
    state.then(Body::Checkpoint(checkpoint(1, &[0, 1])));
    state.refuses(Body::Begin(adopting(2)), &gone);
    state.then(Body::Kill(session(1)));
    let mut condemned = state.clone();
    condemned.then(Body::Condemn(condemn(packs(1, &[1]))));
    condemned.refuses(Body::Begin(adopting(2)), &gone);
    condemned.then(Body::Sweep(sweep(packs(1, &[1]))));
    condemned.refuses(Body::Begin(adopting(2)), &gone);
    assert!(condemned.sessions.is_empty());
    state.then(Body::Begin(adopting(2)));
    state.then(Body::Begin(adopting(3)));
}

#[test]
fn what_an_adopted_checkpoint_names_is_pinned_and_stays_so_down_the_line() {
    let mut state = start();
    state.then(Body::Begin(begin(1)));
    state.then(Body::Checkpoint(checkpoint(1, &[0])));
    state.then(Body::Kill(session(1)));
    state.then(Body::Begin(Begin {
        adopts: vec![session(1)],
        ..begin(2)
    }));
    let pinned = Invalid::InUse {
        pack: pack(1, 0),
        session: session(2),
    };
    state.refuses(Body::Condemn(condemn(packs(1, &[0]))), &pinned);
    let breaking = Condemn {
        broken: vec![session(1)],
        ..condemn(PackSet::new())
    };
    state.refuses(
        Body::Condemn(breaking.clone()),
        &Invalid::Adopted(session(1)),
    );
    state.then(Body::Checkpoint(checkpoint(2, &[0])));
    state.then(Body::Kill(session(2)));
    // The second dead checkpoint rests on the first: with its pack, it goes too.
    state.then(Body::Condemn(Condemn {
        packs: packs(1, &[0]),
        ..breaking
    }));
    let third = Begin {
        adopts: vec![session(2)],
        ..begin(3)
    };
    state.refuses(Body::Begin(third), &Invalid::NotAdoptable(session(2)));
}

#[test]
fn a_commit_forgets_what_it_carried_on_unless_another_still_does() {
    let mut state = start();
    state.then(Body::Begin(begin(1)));
    state.then(Body::Checkpoint(checkpoint(1, &[0])));
    state.then(Body::Kill(session(1)));
    let adopting = |n| Begin {
        adopts: vec![session(1)],
        ..begin(n)
    };
    state.then(Body::Begin(adopting(2)));
    state.then(Body::Begin(adopting(3)));
    state.then(Body::Commit(Box::new(commit(2, 1))));
    assert!(state.sessions.contains_key(&session(1)));
    let mut killed = state.clone();
    killed.then(Body::Kill(session(3)));
    assert_eq!(killed.adoptable(session(1)), Ok(()));
    state.then(Body::Commit(Box::new(commit(3, 2))));
    assert!(state.sessions.is_empty());
    let late = Invalid::NotAdoptable(session(1));
    state.refuses(Body::Begin(adopting(4)), &late);
}

#[test]
fn a_checkpoint_names_own_known_unswept_packs_of_an_open_session() {
    let mut state = one_snapshot();
    let checked = Body::Checkpoint;
    state.refuses(
        checked(checkpoint(2, &[0])),
        &Invalid::SessionNotOpen(session(2)),
    );
    state.then(Body::Begin(begin(2)));
    let foreign = Checkpoint {
        packs: packs(1, &[5]),
        ..checkpoint(2, &[])
    };
    assert!(state.validate(&checked(foreign)).is_err());
    let relying = |on: PackSet| Checkpoint {
        relied: on,
        ..checkpoint(2, &[])
    };
    state.refuses(
        checked(relying(packs(1, &[7]))),
        &Invalid::UnknownPack(pack(1, 7)),
    );
    state.then(checked(relying(packs(1, &[0]))));
    state.then(Body::Kill(session(2)));
    state.refuses(
        checked(checkpoint(2, &[0])),
        &Invalid::SessionNotOpen(session(2)),
    );
}

#[test]
fn orphans_of_dead_sessions_are_adopted_and_those_of_open_ones_are_not() {
    let mut state = start();
    state.then(Body::Begin(begin(1)));
    state.then(Body::Begin(begin(2)));
    let adopting = Body::Checkpoint(Checkpoint {
        adopted: packs(1, &[0]),
        ..checkpoint(2, &[])
    });
    state.refuses(adopting.clone(), &Invalid::NotAdoptable(session(1)));
    state.then(Body::Kill(session(1)));
    state.then(Body::Condemn(condemn(packs(1, &[0]))));
    state.then(adopting);
    assert!(state.is_reliable(pack(1, 0)));
}

#[test]
fn a_segment_is_named_once() {
    let mut state = start();
    state.then(Body::Begin(begin(1)));
    let with = |segments: &[SegmentRef]| {
        Body::Checkpoint(Checkpoint {
            segments: segments.to_vec(),
            ..checkpoint(1, &[])
        })
    };
    let (first, second) = (segment(1, 0), segment(1, 1));
    state.refuses(with(&[first, first]), &Invalid::Segment(first));
    state.then(with(&[first]));
    let renamed = SegmentRef {
        hash: hash(99),
        len: 1,
        ..first
    };
    state.refuses(with(&[renamed]), &Invalid::Segment(renamed));
    let merge = |added: &[SegmentRef], removed: &[SegmentRef]| {
        Body::MergeIndex(MergeIndex {
            session: session(1),
            added: added.to_vec(),
            removed: removed.to_vec(),
        })
    };
    state.refuses(merge(&[], &[second]), &Invalid::Segment(second));
    state.refuses(merge(&[first], &[first]), &Invalid::Segment(first));
    state.then(merge(&[second], &[first]));
    assert_eq!(state.segments, BTreeSet::from([second]));
}

#[test]
fn one_owner_gets_one_snapshot_even_after_it_was_forgotten() {
    let mut state = start();
    let owned = |session, number| {
        let mut commit = commit(session, number);
        commit.snapshot.owner = Some("uid".to_owned());
        Body::Commit(Box::new(commit))
    };
    for id in 1..=3 {
        state.then(Body::Begin(begin(id)));
    }
    state.then(owned(1, 1));
    state.refuses(owned(2, 2), &Invalid::AlreadyCommitted(snapshot_id(1)));
    state.then(Body::Forget(Forget {
        snapshots: vec![snapshot_id(1)],
    }));
    state.refuses(owned(2, 2), &Invalid::OwnerForgotten("uid".to_owned()));
    let back = |id| {
        Body::Unforget(Unforget {
            session: session(id),
            snapshots: vec![snapshot_id(1)],
            relied: PackSet::new(),
        })
    };
    state.refuses(back(9), &Invalid::SessionNotOpen(session(9)));
    state.then(back(3));
    state.refuses(back(3), &Invalid::NoSnapshot(snapshot_id(1)));
    state.refuses(owned(2, 2), &Invalid::AlreadyCommitted(snapshot_id(1)));
    state.then(Body::Commit(Box::new(commit(2, 2))));
    state.refuses(
        Body::Commit(Box::new(commit(3, 2))),
        &Invalid::AlreadyCommitted(snapshot_id(2)),
    );
}

#[test]
fn open_sessions_keep_their_packs_named_or_not() {
    let mut state = one_snapshot();
    state.then(Body::Begin(begin(2)));
    state.then(Body::Checkpoint(Checkpoint {
        relied: packs(1, &[0]),
        ..checkpoint(2, &[0])
    }));
    for wanted in [pack(1, 0), pack(2, 0), pack(2, 77)] {
        state.refuses(
            Body::Condemn(condemn([wanted].into_iter().collect())),
            &Invalid::InUse {
                pack: wanted,
                session: session(2),
            },
        );
    }
    state.then(Body::End(session(2)));
    state.then(Body::Condemn(condemn(packs(2, &[0, 77]))));
}

#[test]
fn a_sweep_waits_for_every_session_that_was_open_at_the_condemnation() {
    let mut state = one_snapshot();
    let garbage = packs(1, &[0]);
    let swept = || Body::Sweep(sweep(packs(1, &[0])));
    state.refuses(swept(), &Invalid::NotCondemned(pack(1, 0)));
    state.then(Body::Begin(begin(2)));
    state.then(Body::Begin(begin(3)));
    state.then(Body::Condemn(condemn(garbage)));
    state.then(Body::Begin(begin(4)));
    let waits = |id| Invalid::InUse {
        pack: pack(1, 0),
        session: session(id),
    };
    state.refuses(swept(), &waits(2));
    state.then(Body::Checkpoint(checkpoint(2, &[])));
    state.refuses(swept(), &waits(3));
    let mut rescued = state.clone();
    rescued.then(Body::Checkpoint(Checkpoint {
        relied: packs(1, &[0]),
        ..checkpoint(3, &[])
    }));
    rescued.refuses(swept(), &Invalid::NotCondemned(pack(1, 0)));
    assert!(rescued.is_reliable(pack(1, 0)));
    state.then(Body::Kill(session(3)));
    state.then(swept());
    let relying = Body::Checkpoint(Checkpoint {
        relied: packs(1, &[0]),
        ..checkpoint(4, &[])
    });
    state.refuses(relying, &Invalid::Swept(pack(1, 0)));
    state.refuses(
        Body::Condemn(condemn(packs(1, &[0]))),
        &Invalid::Swept(pack(1, 0)),
    );
    let number = state.next - 1;
    state.refuses(Body::Swept(Swept { sweep: 0 }), &Invalid::NoSweep(0));
    state.then(Body::Swept(Swept { sweep: number }));
    state.refuses(
        Body::Swept(Swept { sweep: number }),
        &Invalid::NoSweep(number),
    );
}

#[test]
fn a_forgotten_snapshot_may_come_back_until_a_sweep_may_have_broken_it() {
    let forget = |n| {
        Body::Forget(Forget {
            snapshots: vec![snapshot_id(n)],
        })
    };
    let mut state = start();
    for id in 1..=4 {
        state.then(Body::Begin(begin(id)));
        state.then(Body::Checkpoint(checkpoint(id, &[0])));
        state.then(Body::Commit(Box::new(commit(id, id))));
    }
    state.then(Body::Begin(Begin {
        base: Some(snapshot_id(4)),
        role: Role::Reader,
        ..begin(9)
    }));
    state.then(forget(4));
    state.then(Body::Condemn(condemn(packs(1, &[0]))));
    state.then(forget(2));
    state.then(Body::Condemn(condemn(packs(2, &[0]))));
    state.then(forget(3));
    state.then(Body::Checkpoint(checkpoint(9, &[])));
    let only_others = Sweep {
        segments: Vec::new(),
        ..sweep(PackSet::new())
    };
    state.then(Body::Sweep(only_others));
    assert_eq!(state.forgotten.len(), 3);
    let mut both = packs(1, &[0]);
    both.extend(&packs(2, &[0]));
    state.then(Body::Sweep(sweep(both)));
    // 3 was live at both condemnations, 4 is pinned by a reader, 2 lost its pack.
    let left: Vec<_> = state.forgotten.keys().copied().collect();
    assert_eq!(left, [snapshot_id(3), snapshot_id(4)]);
}

#[test]
fn keepers_are_bound_until_the_old_packs_are_swept_or_rescued() {
    let mut state = one_snapshot();
    state.then(Body::Begin(begin(2)));
    state.then(Body::Checkpoint(checkpoint(2, &[0])));
    let (old, keeper) = (packs(1, &[0]), packs(2, &[0]));
    let moved = |old: &PackSet, to: &PackSet| Body::Relocate(relocate(2, old.clone(), to.clone()));
    state.refuses(
        moved(&packs(1, &[9]), &keeper),
        &Invalid::UnknownPack(pack(1, 9)),
    );
    state.refuses(
        moved(&old, &packs(2, &[9])),
        &Invalid::UnknownPack(pack(2, 9)),
    );
    state.refuses(moved(&old, &old), &Invalid::Bonded(pack(1, 0)));
    state.then(moved(&old, &keeper));
    state.refuses(moved(&keeper, &old), &Invalid::Bonded(pack(2, 0)));
    state.then(Body::Condemn(condemn(old.clone())));
    state.refuses(moved(&keeper, &old), &Invalid::Condemned(pack(1, 0)));
    state.then(Body::End(session(2)));
    state.refuses(
        Body::Condemn(condemn(keeper.clone())),
        &Invalid::Bonded(pack(2, 0)),
    );
    let mut rescued = state.clone();
    rescued.then(Body::Begin(begin(3)));
    rescued.then(Body::Checkpoint(Checkpoint {
        relied: old.clone(),
        ..checkpoint(3, &[])
    }));
    assert!(rescued.bonds.is_empty());
    rescued.then(Body::Condemn(condemn(keeper.clone())));
    state.then(Body::Sweep(sweep(old.clone())));
    state.then(Body::Begin(begin(3)));
    let late = Body::Relocate(relocate(3, old, keeper.clone()));
    state.refuses(late, &Invalid::Swept(pack(1, 0)));
    state.then(Body::Condemn(condemn(keeper)));
}

#[test]
fn nothing_but_orphans_and_folds_is_collected_beside_packs() {
    let mut state = start();
    state.then(Body::Begin(begin(1)));
    state.then(Body::Checkpoint(Checkpoint {
        segments: vec![segment(1, 0)],
        ..checkpoint(1, &[])
    }));
    let orphan = segment(1, 1);
    let objects = |names: &[&str]| {
        Body::Condemn(Condemn {
            others: names.iter().map(|&n| n.to_owned()).collect(),
            ..condemn(PackSet::new())
        })
    };
    let not = |name: &str| Invalid::NotCollectable(name.to_owned());
    let name = orphan.name();
    state.refuses(objects(&[name.as_str()]), &not(name.as_str()));
    state.then(Body::End(session(1)));
    for bad in [
        "meta/format",
        "log/0001/00000000000000000000",
        "meta/slots/raw-0-0",
        "index/x/0",
        "packs/0/0",
        "",
        segment(1, 0).name().as_str(),
    ] {
        state.refuses(objects(&[bad]), &not(bad));
    }
    state.then(objects(&[name.as_str(), "meta/folds/x"]));
    let sweeping = |names: &[&str]| {
        Body::Sweep(Sweep {
            others: names.iter().map(|&n| n.to_owned()).collect(),
            ..sweep(PackSet::new())
        })
    };
    state.refuses(sweeping(&["meta/folds/y"]), &not("meta/folds/y"));
    let mut rescued = state.clone();
    rescued.then(Body::Begin(begin(2)));
    rescued.then(Body::Checkpoint(Checkpoint {
        segments: vec![orphan],
        ..checkpoint(2, &[])
    }));
    rescued.refuses(sweeping(&[name.as_str()]), &not(name.as_str()));
    state.then(sweeping(&[name.as_str(), "meta/folds/x"]));
    assert!(state.condemned.is_empty());
    state.then(Body::Begin(begin(2)));
    let naming = Body::Checkpoint(Checkpoint {
        segments: vec![orphan],
        ..checkpoint(2, &[])
    });
    state.refuses(naming, &Invalid::Segment(orphan));
}

#[test]
fn slots_generations_folds_and_losses() {
    let mut state = start();
    let slot = |name: &str| Invalid::Slot(name.to_owned());
    let add = |name: &str| {
        Body::SlotAdd(SlotAdd {
            name: name.to_owned(),
            hash: hash(4),
        })
    };
    let remove = |name: &str| {
        Body::SlotRemove(SlotRemove {
            name: name.to_owned(),
        })
    };
    state.refuses(add("a"), &slot("a"));
    state.refuses(remove("c"), &slot("c"));
    state.then(remove("a"));
    state.refuses(remove("b"), &slot("b"));
    state.then(add("c"));
    state.then(remove("b"));
    for (number, slots, fits) in [
        (1, &["d"][..], false),
        (3, &["d"], false),
        (2, &[], false),
        (2, &["c"], false),
        (2, &["d", "d"], false),
        (2, &["d", "e"], true),
    ] {
        let body = generation(number, slots);
        assert_eq!(state.validate(&body).is_ok(), fits, "{number} {slots:?}");
    }
    state.then(generation(2, &["d", "e"]));
    assert!(state.slots.keys().eq(["d", "e"]));
    let fold = |number| {
        Body::Fold(FoldAt {
            number,
            name: "meta/folds/x".to_owned(),
            hash: hash(6),
        })
    };
    state.refuses(fold(state.next), &Invalid::Fold(state.next));
    state.then(fold(state.next - 1));
    let chunks = vec![[7; 16].into(), [8; 16].into()];
    state.then(Body::Lost(Lost { chunks }));
    state.then(Body::Found(Found {
        chunks: vec![[7; 16].into()],
    }));
    assert_eq!(state.lost, BTreeSet::from([[8; 16].into()]));
}

fn generation(number: u32, slots: &[&str]) -> Body {
    Body::Generation(Generation {
        number,
        hash: hash(5),
        commitment: crate::model::KeyCommitment::from_bytes([6; 32]),
        slots: slots
            .iter()
            .map(|&name| (name.to_owned(), hash(2)))
            .collect(),
    })
}

#[test]
fn the_state_knows_which_packs_may_be_of_an_older_generation_of_keys() {
    let mut state = start();
    let named = |session: u8, numbers: &[u32]| Body::Checkpoint(checkpoint(session, numbers));
    state.then(Body::Begin(begin(2)));
    state.then(named(2, &[0, 1]));
    assert_eq!(state.key_generation_of(pack(2, 0)), 1);
    state.then(generation(2, &["x"]));
    // It may have sealed this before.
    state.then(named(2, &[2]));
    state.then(Body::Begin(begin(3)));
    state.then(named(3, &[0]));
    state.then(generation(3, &["y"]));
    state.then(named(3, &[1]));
    state.then(named(2, &[3]));
    state.then(Body::Begin(begin(4)));
    state.then(Body::Checkpoint(Checkpoint {
        // Of a session that nobody remembers.
        adopted: packs(9, &[5]),
        ..checkpoint(4, &[0])
    }));
    let of = |state: &State, session, number| state.key_generation_of(pack(session, number));
    for number in 0..4 {
        assert_eq!(of(&state, 2, number), 1, "{number}");
    }
    for number in 0..2 {
        assert_eq!(of(&state, 3, number), 2, "{number}");
    }
    assert_eq!((of(&state, 4, 0), of(&state, 9, 5)), (3, 2));
    let decoded: State = minicbor::decode(&minicbor::to_vec(&state).unwrap()).unwrap();
    assert_eq!(decoded.older_keys, state.older_keys);
}

#[test]
fn what_this_version_does_not_know_makes_it_read_only() {
    let kinds = [
        (true, false, false),
        (false, true, false),
        (false, false, true),
    ];
    for (read, write, collect) in kinds {
        let names = |raised: bool| raised.then(|| "new".to_owned()).into_iter().collect();
        let mut state = start();
        state.then(Body::Feature(Feature {
            read: names(read),
            write: names(write),
            collect: names(collect),
        }));
        assert_eq!(state.is_readable(), !read);
        assert_eq!(state.validate(&Body::Begin(begin(1))).is_ok(), collect);
        state.refuses(Body::Condemn(condemn(PackSet::new())), &Invalid::ReadOnly);
    }
    let mut state = start();
    state.refuses(Body::Unknown(99), &Invalid::ReadOnly);
    state.apply(&Body::Unknown(99), hash(1));
    state.refuses(Body::Begin(begin(1)), &Invalid::ReadOnly);
    let mut state = start();
    state.refuses(Body::Close(Close { next: 1 }), &Invalid::ReadOnly);
    state.then(Body::Close(Close { next: 2 }));
    state.refuses(Body::Begin(begin(1)), &Invalid::ReadOnly);
}
