//! Small values for the tests of the log.

use orlop_chunker::ChunkId;
use proptest::collection::vec;
use proptest::prelude::*;

use super::entry::{
    Begin, Body, Checkpoint, Close, Commit, Condemn, Feature, FoldAt, Forget, Found, Generation,
    Init, Lost, MergeIndex, Open, Relocate, Role, SegmentRef, SlotAdd, SlotRemove, Sweep, Swept,
    Unforget,
};
use crate::model::{
    ChunkRef, KeyCommitment, ObjectHash, PackName, PackSet, Place, SessionId, SnapshotId,
};
use crate::snapshot::{Problem, RootRef, Snapshot, Statistics, VolumeKind};

pub(super) fn session(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

pub(super) fn snapshot_id(n: u8) -> SnapshotId {
    SnapshotId::from_bytes([n; 16])
}

pub(super) fn hash(n: u8) -> ObjectHash {
    ObjectHash::from_bytes([n; 32])
}

pub(super) fn pack(of: u8, number: u32) -> PackName {
    PackName {
        session: session(of),
        number,
    }
}

pub(super) fn packs(of: u8, numbers: &[u32]) -> PackSet {
    numbers.iter().map(|&number| pack(of, number)).collect()
}

pub(super) fn segment(of: u8, number: u32) -> SegmentRef {
    SegmentRef {
        session: session(of),
        number,
        len: 100,
        hash: hash(of),
    }
}

pub(super) fn root(n: u8) -> RootRef {
    RootRef(ChunkRef {
        id: ChunkId::from_bytes([n; ChunkId::LEN]),
        len: 1000,
        place: Place {
            pack: pack(n, 0),
            block_offset: 16,
            block_len: 500,
            offset: 0,
        },
    })
}

pub(super) fn snapshot(n: u8) -> Snapshot {
    Snapshot {
        id: snapshot_id(n),
        started_ms: 1,
        finished_ms: 2,
        volume: "ns/claim".to_owned(),
        tags: [
            ("b".to_owned(), "1".to_owned()),
            ("aa".to_owned(), "2".to_owned()),
        ]
        .into(),
        parent: None,
        root: root(n),
        stats: Statistics::default(),
        problems: vec![Problem {
            path: b"a\xff".to_vec(),
            what: "changed".to_owned(),
        }],
        problem_count: 1,
        engine: "orlop test".to_owned(),
        owner: None,
        kind: VolumeKind::Folder,
        source: b"/data".to_vec(),
    }
}

fn pack_sets() -> impl Strategy<Value = PackSet> {
    vec((0u8..4, 0u32..20), 0..12)
        .prop_map(|all| all.into_iter().map(|(of, n)| pack(of, n)).collect())
}

fn segments() -> impl Strategy<Value = Vec<SegmentRef>> {
    vec(
        (0u8..4, any::<u32>()).prop_map(|(of, n)| segment(of, n)),
        0..4,
    )
}

fn names() -> impl Strategy<Value = Vec<String>> {
    vec("[a-z/-]{0,20}", 0..3)
}

fn ids() -> impl Strategy<Value = Vec<SnapshotId>> {
    vec((0u8..4).prop_map(snapshot_id), 0..3)
}

fn chunks() -> impl Strategy<Value = Vec<minicbor::bytes::ByteArray<16>>> {
    vec(any::<[u8; 16]>().prop_map(Into::into), 0..3)
}

prop_compose! {
    fn snapshots()(n in 0u8..4, ms in any::<u64>(), volume in ".{0,20}", parent in prop::option::of(0u8..4),
        owner in prop::option::of("[a-z]{1,3}"), files in any::<u64>(), source in vec(any::<u8>(), 0..9)) -> Snapshot {
        Snapshot {
            started_ms: ms,
            volume,
            parent: parent.map(snapshot_id),
            owner,
            stats: Statistics { files, ..Statistics::default() },
            source,
            kind: VolumeKind::Device,
            ..snapshot(n)
        }
    }
}

/// Bodies of every kind; few sessions and packs, so that they meet.
#[expect(clippy::too_many_lines, reason = "one strategy a kind")]
pub(super) fn bodies() -> impl Strategy<Value = Body> {
    let ended = (any::<bool>(), 0u8..4).prop_map(|(kill, n)| {
        if kill {
            Body::Kill(session(n))
        } else {
            Body::End(session(n))
        }
    });
    let begin = (
        0u8..4,
        prop::option::of(0u8..4),
        vec(0u8..4, 0..3),
        prop::option::of(".{0,9}"),
        prop::option::of(".{0,9}"),
    );
    let begin = begin.prop_map(|(n, base, adopts, owner, volume)| {
        Body::Begin(Begin {
            session: session(n),
            base: base.map(snapshot_id),
            adopts: adopts.into_iter().map(session).collect(),
            owner,
            role: Role::Maintainer,
            client: "c".to_owned(),
            volume,
        })
    });
    let named = || (0u8..4, pack_sets(), segments(), pack_sets(), pack_sets());
    let checkpoint =
        (named(), any::<bool>()).prop_map(|((n, packs, segments, relied, adopted), partial)| {
            Body::Checkpoint(Checkpoint {
                session: session(n),
                packs,
                segments,
                relied,
                partial: partial.then(|| root(n)),
                adopted,
            })
        });
    let commit =
        (named(), snapshots()).prop_map(|((n, packs, segments, relied, adopted), snapshot)| {
            Body::Commit(Box::new(Commit {
                session: session(n),
                packs,
                segments,
                relied,
                adopted,
                snapshot,
            }))
        });
    let unforget = (0u8..4, ids(), pack_sets()).prop_map(|(n, snapshots, relied)| {
        Body::Unforget(Unforget {
            session: session(n),
            snapshots,
            relied,
        })
    });
    let condemn = (pack_sets(), vec((0u8..4).prop_map(session), 0..3), names()).prop_map(
        |(packs, broken, others)| {
            Body::Condemn(Condemn {
                packs,
                broken,
                others,
            })
        },
    );
    let sweep = (pack_sets(), segments(), names()).prop_map(|(packs, segments, others)| {
        Body::Sweep(Sweep {
            packs,
            segments,
            others,
        })
    });
    let relocate =
        (0u8..4, segments(), pack_sets(), pack_sets()).prop_map(|(n, segments, old, keepers)| {
            Body::Relocate(Relocate {
                session: session(n),
                segments,
                old,
                keepers,
            })
        });
    let merge = (0u8..4, segments(), segments()).prop_map(|(n, added, removed)| {
        Body::MergeIndex(MergeIndex {
            session: session(n),
            added,
            removed,
        })
    });
    let name = || "[a-z/-]{1,20}";
    let small = prop_oneof![
        ended,
        ids().prop_map(|snapshots| Body::Forget(Forget { snapshots })),
        any::<u64>().prop_map(|sweep| Body::Swept(Swept { sweep })),
        (any::<u64>(), name()).prop_map(|(number, name)| Body::Fold(FoldAt {
            number,
            name,
            hash: hash(1)
        })),
        name().prop_map(|name| Body::SlotAdd(SlotAdd {
            name,
            hash: hash(2)
        })),
        name().prop_map(|name| Body::SlotRemove(SlotRemove { name })),
        (any::<u32>(), names()).prop_map(|(number, slots)| Body::Generation(Generation {
            number,
            hash: hash(3),
            commitment: KeyCommitment::from_bytes([6; 32]),
            slots: slots.into_iter().map(|name| (name, hash(2))).collect(),
        })),
        chunks().prop_map(|chunks| Body::Lost(Lost { chunks })),
        chunks().prop_map(|chunks| Body::Found(Found { chunks })),
        (names(), names(), names()).prop_map(|(read, write, collect)| Body::Feature(Feature {
            read,
            write,
            collect
        })),
        any::<u16>().prop_map(|next| Body::Close(Close { next })),
        (any::<u16>(), any::<u64>(), name()).prop_map(|(generation, number, fold)| Body::Open(
            Open {
                generation,
                number,
                close: hash(4),
                fold,
                fold_hash: hash(5),
            }
        )),
        (23u16..).prop_map(Body::Unknown),
        names().prop_map(|names| Body::Init(Init {
            format: hash(1),
            slots: names.into_iter().map(|name| (name, hash(2))).collect(),
        })),
    ];
    prop_oneof![
        begin, checkpoint, commit, unforget, condemn, sweep, relocate, merge, small
    ]
}
