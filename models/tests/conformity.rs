//! The model's rules are those of the program: both judge the same entries, and come to the same
//! state, over random histories.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use minicbor::bytes::ByteArray;
use orlop_chunker::ChunkId;
use orlop_models::entry::{Entry, Names, Role};
use orlop_models::log::{Log, SESSIONS, SNAPSHOTS, packs_of};
use orlop_models::sets::{members, pack};
use orlop_models::state::PACKS;
use orlop_repo::log::{self, Body, SegmentRef, State};
use orlop_repo::model::{ChunkRef, ObjectHash, PackName, PackSet, Place, SessionId, SnapshotId};
use orlop_repo::snapshot::{RootRef, Snapshot, Statistics, VolumeKind};

/// xorshift64*, so that a failure can be had again by its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap() % end
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    /// Some members of a set, mostly few.
    fn some(&mut self, of: u16) -> u16 {
        let mask = self.next() & self.next();
        of & u16::try_from(mask & 0xffff).unwrap()
    }
}

fn session(id: usize) -> SessionId {
    SessionId::from_bytes([u8::try_from(id).unwrap() + 1; 16])
}

fn snapshot_id(id: usize) -> SnapshotId {
    SnapshotId::from_bytes([u8::try_from(id).unwrap() + 1; 16])
}

fn pack_name(id: usize) -> PackName {
    PackName {
        session: session(id / 2),
        number: u32::try_from(id % 2).unwrap(),
    }
}

fn packs(set: u16) -> PackSet {
    members(set).map(pack_name).collect()
}

fn segment(id: usize) -> SegmentRef {
    let PackName { session, number } = pack_name(id);
    SegmentRef {
        session,
        number,
        len: 100,
        hash: ObjectHash::from_bytes([9; 32]),
    }
}

fn segments(set: u16) -> Vec<SegmentRef> {
    members(set).map(segment).collect()
}

fn names_of(set: u16) -> Vec<String> {
    let name = |s: SegmentRef| s.name().as_str().to_owned();
    members(set).map(segment).map(name).collect()
}

fn root(content: u8) -> RootRef {
    RootRef(ChunkRef {
        id: ChunkId::from_bytes([content; 32]),
        len: 10,
        place: Place {
            pack: pack_name(0),
            block_offset: 16,
            block_len: 10,
            offset: 0,
        },
    })
}

fn snapshot(id: usize) -> Snapshot {
    Snapshot {
        id: snapshot_id(id),
        started_ms: 0,
        finished_ms: 0,
        volume: String::new(),
        tags: BTreeMap::new(),
        parent: None,
        root: root(0),
        stats: Statistics::default(),
        problems: Vec::new(),
        problem_count: 0,
        engine: String::new(),
        owner: None,
        kind: VolumeKind::Folder,
        source: Vec::new(),
    }
}

fn chunks(set: u8) -> Vec<ByteArray<16>> {
    let id = |chunk| ByteArray::from([u8::try_from(chunk).unwrap(); 16]);
    members(set).map(id).collect()
}

fn body(entry: &Entry, next: u64) -> Body {
    match *entry {
        Entry::Begin {
            session: id,
            role,
            base,
            adopts,
        } => Body::Begin(log::Begin {
            session: session(id),
            base: base.map(snapshot_id),
            adopts: members(adopts).map(session).collect(),
            owner: None,
            role: match role {
                Role::Writer => log::Role::Writer,
                Role::Maintainer => log::Role::Maintainer,
                Role::Reader => log::Role::Reader,
            },
            client: String::new(),
            volume: None,
        }),
        Entry::Checkpoint(id, names, partial) => Body::Checkpoint(log::Checkpoint {
            session: session(id),
            packs: packs(names.own),
            segments: segments(names.segments),
            relied: packs(names.relied),
            partial: partial.map(root),
            adopted: packs(names.adopted),
        }),
        Entry::Commit(id, names, of) => Body::Commit(Box::new(log::Commit {
            session: session(id),
            packs: packs(names.own),
            segments: segments(names.segments),
            relied: packs(names.relied),
            adopted: packs(names.adopted),
            snapshot: snapshot(of),
        })),
        Entry::End(id) => Body::End(session(id)),
        Entry::Kill(id) => Body::Kill(session(id)),
        Entry::Forget(id) => Body::Forget(log::Forget {
            snapshots: vec![snapshot_id(id)],
        }),
        Entry::Unforget(id, snapshots, relied) => Body::Unforget(log::Unforget {
            session: session(id),
            snapshots: members(snapshots).map(snapshot_id).collect(),
            relied: packs(relied),
        }),
        Entry::Condemn(gone, broken, others) => Body::Condemn(log::Condemn {
            packs: packs(gone),
            broken: members(broken).map(session).collect(),
            others: names_of(others),
        }),
        Entry::Sweep(gone, live, others) => Body::Sweep(log::Sweep {
            packs: packs(gone),
            segments: segments(live),
            others: names_of(others),
        }),
        Entry::Swept(number) => Body::Swept(log::Swept {
            sweep: number.into(),
        }),
        Entry::Relocate {
            session: id,
            segments: added,
            old,
            keepers,
        } => Body::Relocate(log::Relocate {
            session: session(id),
            segments: segments(added),
            old: packs(old),
            keepers: packs(keepers),
        }),
        Entry::MergeIndex(id, added, removed) => Body::MergeIndex(log::MergeIndex {
            session: session(id),
            added: segments(added),
            removed: segments(removed),
        }),
        Entry::Fold => Body::Fold(log::FoldAt {
            number: next - 1,
            name: "meta/folds/x".to_owned(),
            hash: ObjectHash::from_bytes([0; 32]),
        }),
        Entry::Lost(set) => Body::Lost(log::Lost {
            chunks: chunks(set),
        }),
        Entry::Found(set) => Body::Found(log::Found {
            chunks: chunks(set),
        }),
    }
}

/// An entry that mostly makes some sense.
fn draw(random: &mut Random, log: &Log) -> Entry {
    let any = (1_u16 << PACKS) - 1;
    let of = |set: u16, random: &mut Random| {
        let set = if random.chance(8) { any } else { set };
        random.some(set)
    };
    let id = random.below(SESSIONS);
    let id = match log.all_open().map(|(id, _)| id).nth(random.below(3)) {
        Some(open) if !random.chance(4) => open,
        _ => id,
    };
    let snapshot = random.below(SNAPSHOTS);
    let few = |random: &mut Random| u8::try_from(random.some(0b11_1111)).unwrap();
    let names = Names {
        own: of(packs_of(id), random),
        segments: of(any & !log.segments, random) & random.some(any),
        relied: of(log.packs, random),
        adopted: if random.chance(3) {
            random.some(any & !log.packs)
        } else {
            0
        },
    };
    match random.below(22) {
        0..=2 => Entry::Begin {
            session: random.below(SESSIONS),
            role: Role::Writer,
            base: random.chance(2).then_some(snapshot),
            adopts: if random.chance(2) { few(random) } else { 0 },
        },
        3..=5 => {
            let partial = random.chance(2).then(|| few(random));
            Entry::Checkpoint(id, names, partial)
        }
        6..=7 => Entry::Commit(id, names, snapshot),
        8 => Entry::End(id),
        9 => Entry::Kill(id),
        10 => Entry::Forget(snapshot),
        11 => {
            let back = random.below(1 << SNAPSHOTS);
            Entry::Unforget(id, u8::try_from(back).unwrap(), of(log.packs, random))
        }
        12..=14 => {
            let broken = if random.chance(3) { few(random) } else { 0 };
            let others = if random.chance(4) { of(any, random) } else { 0 };
            Entry::Condemn(of(log.packs, random), broken, others)
        }
        15..=16 => {
            let condemned = log.condemned.get(random.below(3)).copied();
            let (gone, orphans) = condemned.map_or((0, 0), |c| (c.packs, c.others));
            let live = if random.chance(2) {
                of(log.segments, random)
            } else {
                0
            };
            Entry::Sweep(of(gone, random), live, of(orphans, random))
        }
        17 => {
            let sweep = log.sweeps.get(random.below(2));
            let any = u8::try_from(random.below(40)).unwrap();
            Entry::Swept(sweep.map_or(any, |sweep| sweep.number))
        }
        18..=19 => Entry::Relocate {
            session: id,
            segments: random.some(any) & random.some(any) & random.some(any),
            old: of(log.packs, random),
            keepers: of(log.packs, random) & random.some(any),
        },
        20 => Entry::MergeIndex(
            id,
            random.some(any & !log.segments),
            of(log.segments, random),
        ),
        _ => match random.below(3) {
            0 => Entry::Fold,
            1 => Entry::Lost(few(random)),
            _ => Entry::Found(few(random)),
        },
    }
}

/// What the program's state is in the model's terms.
fn differs(state: &State, log: &Log) -> Option<String> {
    let mut wrong = Vec::new();
    let mut check = |what: &str, same: bool| {
        if !same {
            wrong.push(what.to_owned());
        }
    };
    check("next", state.next == u64::from(log.next));
    check("packs", state.packs == packs(log.packs));
    check("swept", state.swept == packs(log.swept));
    let live: Vec<_> = state.segments.iter().copied().collect();
    check("segments", live == segments(log.segments));
    check("lost", state.lost == chunks(log.lost).into_iter().collect());
    let dead = names_of(log.dead_segments).into_iter().collect();
    check("dead segments", state.dead_objects == dead);
    for id in 0..SNAPSHOTS {
        let key = snapshot_id(id);
        check(
            "live",
            state.snapshots.contains_key(&key) == log.is_live(id),
        );
        let forgotten = state.forgotten.get(&key).map(|f| f.number);
        check("forgotten", forgotten == log.forgotten[id].map(u64::from));
    }
    for id in 0..SESSIONS {
        let ours = log.sessions[id];
        let theirs = state.sessions.get(&session(id));
        check("sessions", ours.is_some() == theirs.is_some());
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            continue;
        };
        check("dead", ours.dead == theirs.dead);
        check("begun", u64::from(ours.begun) == theirs.begun);
        let base = ours.base.map(|base| snapshot_id(base.into()));
        check("base", base == theirs.base);
        let adopts: Vec<_> = members(ours.adopts).map(session).collect();
        check("adopts", adopts == theirs.adopts);
        check("own packs", packs(ours.packs) == theirs.packs);
        check("relied", packs(ours.relied) == theirs.relied);
        check("partial", ours.partial.map(root) == theirs.partial);
        check(
            "checkpoint",
            ours.checkpoint.map(u64::from) == theirs.checkpoint,
        );
    }
    let condemned = state
        .condemned
        .iter()
        .map(|c| (c.number, c.packs.clone(), c.others.clone()));
    let ours = log.condemned.iter().map(|c| {
        let others = names_of(c.others).into_iter().collect();
        (u64::from(c.number), packs(c.packs), others)
    });
    check("condemned", condemned.eq(ours));
    let sweeps = state.sweeps.iter().map(|s| (s.number, s.packs.clone()));
    let ours = log
        .sweeps
        .iter()
        .map(|s| (u64::from(s.number), packs(s.packs)));
    check("sweeps", sweeps.eq(ours));
    let bonds = state
        .bonds
        .iter()
        .map(|b| (b.old.clone(), b.keepers.clone()));
    let ours = log.bonds.iter().map(|b| (packs(b.old), packs(b.keepers)));
    check("bonds", bonds.eq(ours));
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

/// The state after `Init`.
fn begun() -> State {
    let mut state = State::empty(1);
    let init = Body::Init(log::Init {
        format: ObjectHash::from_bytes([0; 32]),
        slots: Vec::new(),
    });
    state.validate(&init).unwrap();
    state.apply(&init, ObjectHash::from_bytes([0; 32]));
    state
}

#[test]
fn the_model_and_the_program_judge_alike() {
    let (mut allowed, mut refused) = ([0_u32; 24], [0_u32; 24]);
    for seed in 1..=6_000_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (mut state, mut log) = (begun(), Log::new());
        let mut history = Vec::new();
        for _ in 0..60 {
            let entry = draw(&mut random, &log);
            let body = body(&entry, state.next);
            let (theirs, ours) = (state.validate(&body), log.allows(&entry, None));
            assert_eq!(
                theirs.is_ok(),
                ours,
                "seed {seed}: {entry:?}: {theirs:?}\nafter {history:#?}\n{log:?}"
            );
            let kind = usize::from(body.kind());
            if !ours {
                refused[kind] += 1;
                continue;
            }
            allowed[kind] += 1;
            state.apply(&body, ObjectHash::from_bytes([0; 32]));
            log.apply(&entry, None);
            history.push(entry);
            if let Some(what) = differs(&state, &log) {
                panic!("seed {seed}: {what} after {history:#?}\n{log:#?}");
            }
            if log.next > 200 {
                break;
            }
        }
    }
    println!("allowed by kind {allowed:?}\nrefused by kind {refused:?}");
    // Both verdicts were met for every kind that can be refused.
    for kind in [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13] {
        assert!(allowed[kind] > 100 && refused[kind] > 100, "kind {kind}");
    }
}

#[test]
fn packs_are_numbered_by_their_sessions() {
    assert_eq!(packs_of(2), pack(4) | pack(5));
}
