//! `format-spec/vectors/log.json`: entries, a stored object and a fold that every reader must open.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::entry::{
    Begin, Body, Checkpoint, Close, Commit, Condemn, Feature, FoldAt, Forget, Found, Generation,
    Init, Lost, MergeIndex, Open, Relocate, Role, SlotAdd, SlotRemove, Sweep, Swept, Unforget,
};
use super::fold::{self, FoldName};
use super::frame::{self, Header};
use super::state::State;
use super::testing::{hash, packs, root, segment, session, snapshot, snapshot_id};
use crate::entropy::SeededEntropy;
use crate::keys::{Keyring, Material, RootKey};
use crate::model::{KeyCommitment, ObjectHash, ObjectName};
use crate::seal::Suite;

const VECTORS: &str = include_str!("../../../format-spec/vectors/log.json");

fn keys() -> Keyring {
    let root = RootKey::from_bytes(Zeroizing::new([1; 32]));
    let material = |byte| Material::from_bytes(Zeroizing::new([byte; 32]));
    let entropy = Arc::new(SeededEntropy::new(3));
    let suite = Suite::XChaCha20Poly1305;
    Keyring::from_parts(entropy, suite, root, (2, material(4)), [(1, material(2))])
}

/// One entry of every kind, in the order of their numbers.
#[expect(clippy::too_many_lines, reason = "a table")]
fn bodies() -> Vec<Body> {
    let name = "meta/slots/raw-0000000000000001-0000000000000002".to_owned();
    let orphan = segment(1, 9).name().as_str().to_owned();
    let mut snapshot = snapshot(2);
    snapshot.parent = Some(snapshot_id(1));
    snapshot.owner = Some("uid-2".to_owned());
    vec![
        Body::Init(Init {
            format: hash(1),
            slots: vec![(name.clone(), hash(2))],
        }),
        Body::Begin(Begin {
            session: session(2),
            base: Some(snapshot_id(1)),
            adopts: vec![session(1)],
            owner: Some("uid-2".to_owned()),
            role: Role::Writer,
            client: "orlop 0.1.0".to_owned(),
            volume: Some("default/data".to_owned()),
        }),
        Body::Checkpoint(Checkpoint {
            session: session(2),
            packs: packs(2, &[0, 1, 2, 7, 300]),
            segments: vec![segment(2, 0)],
            relied: packs(1, &[0]),
            partial: Some(root(2)),
            adopted: packs(1, &[4]),
        }),
        Body::Commit(Box::new(Commit {
            session: session(2),
            packs: packs(2, &[301]),
            segments: vec![segment(2, 1)],
            relied: packs(1, &[1]),
            adopted: packs(1, &[]),
            snapshot,
        })),
        Body::End(session(3)),
        Body::Kill(session(4)),
        Body::Forget(Forget {
            snapshots: vec![snapshot_id(2)],
        }),
        Body::Unforget(Unforget {
            session: session(5),
            snapshots: vec![snapshot_id(2)],
            relied: packs(2, &[0]),
        }),
        Body::Condemn(Condemn {
            packs: packs(1, &[0, 1]),
            broken: vec![session(1)],
            others: vec![orphan.clone()],
        }),
        Body::Sweep(Sweep {
            packs: packs(1, &[0, 1]),
            segments: vec![segment(2, 0)],
            others: vec![orphan],
        }),
        Body::Swept(Swept { sweep: 9 }),
        Body::Relocate(Relocate {
            session: session(6),
            segments: vec![segment(6, 0)],
            old: packs(2, &[0]),
            keepers: packs(6, &[0]),
        }),
        Body::MergeIndex(MergeIndex {
            session: session(6),
            added: vec![segment(6, 1)],
            removed: vec![segment(6, 0)],
        }),
        Body::Fold(FoldAt {
            number: 12,
            name: "meta/folds/9998-18446744073709551603-0101010101010101".to_owned(),
            hash: hash(7),
        }),
        Body::SlotAdd(SlotAdd {
            name: name.clone(),
            hash: hash(8),
        }),
        Body::SlotRemove(SlotRemove { name }),
        Body::Generation(Generation {
            number: 2,
            hash: hash(9),
            commitment: KeyCommitment::from_bytes([10; 32]),
            slots: vec![(
                "meta/slots/raw-0000000000000001-0000000000000003".to_owned(),
                hash(11),
            )],
        }),
        Body::Lost(Lost {
            chunks: vec![[1; 16].into()],
        }),
        Body::Found(Found {
            chunks: vec![[1; 16].into()],
        }),
        Body::Feature(Feature {
            read: Vec::new(),
            write: vec!["example".to_owned()],
            collect: Vec::new(),
        }),
        Body::Close(Close { next: 2 }),
        Body::Open(Open {
            generation: 1,
            number: 20,
            close: hash(10),
            fold: "meta/folds/9998-18446744073709551595-0a0a0a0a0a0a0a0a".to_owned(),
            fold_hash: hash(11),
        }),
    ]
}

fn header(number: u64, body: &Body) -> Header<'_> {
    Header {
        generation: 1,
        number,
        previous: hash(u8::try_from(number).unwrap()),
        nonce: [9; 16],
        time_ms: 1_700_000_000_000,
        key_generation: 1,
        body,
    }
}

/// The state after the first twenty.
fn state() -> State {
    let mut state = State::empty(1);
    for body in bodies().iter().take(20) {
        state.apply(body, hash(3));
    }
    state
}

fn hex_of(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// Prints the file: `cargo test -p orlop-repo --lib print_the_vectors -- --ignored --nocapture`.
#[test]
#[ignore = "prints format-spec/vectors/log.json"]
fn print_the_vectors() {
    let keys = keys();
    let entries: Vec<_> = (0..).zip(&bodies()).map(|(number, body)| {
        let core = frame::encode_core(&header(number, body)).unwrap();
        json!({"kind": body.kind(), "name": body.kind_name(), "says": format!("{body:?}"), "core": hex::encode(core)})
    }).collect();
    let end = &bodies()[4];
    let before = Bytes::from_static(b"a core of the tail");
    let stored = frame::encode(&keys, &header(4, end), &[before]).unwrap();
    let name = FoldName::new(1, 19, hash(3)).unwrap();
    let all = json!({
        "about": [
            "Keys: suite 1, `root_key` and, of key generations 1 and 2, `material` and `material_2` as in FORMAT.md section 3. Bytes are hexadecimal.",
            "`entries`: body of the core of one entry of each kind, numbers from 0; `says` is a description for people.",
            "`stored`: entry 4 as it stands in the store, with a tail of the one byte string `tail`. `fold`: the plain body and the stored object of a state after entry 19."
        ],
        "root_key": hex::encode([1; 32]),
        "material": hex::encode([2; 32]),
        "material_2": hex::encode([4; 32]),
        "entries": entries,
        "stored": {"name": ObjectName::log_entry(1, 4).as_str(), "object": hex::encode(stored), "tail": hex::encode("a core of the tail")},
        "fold": {
            "name": name.object.as_str(),
            "body": hex::encode(minicbor::to_vec(state()).unwrap()),
            "object": hex::encode(fold::encode(&keys, &name, &state()).unwrap()),
        },
    });
    println!("{}", serde_json::to_string_pretty(&all).unwrap());
}

#[test]
fn every_kind_of_entry_has_the_bytes_of_the_vectors() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let entries = vectors["entries"].as_array().unwrap();
    assert_eq!(entries.len(), bodies().len());
    for ((number, body), vector) in (0..).zip(&bodies()).zip(entries) {
        let core = hex_of(&vector["core"]);
        assert_eq!(vector["kind"], body.kind());
        let entry = frame::decode_core(&core, hash(0)).unwrap();
        assert_eq!((entry.number, &entry.body), (number, body));
        assert_eq!(frame::encode_core(&header(number, body)).unwrap(), core);
    }
}

#[test]
fn the_stored_objects_of_the_vectors_open() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let stored = &vectors["stored"];
    let name = ObjectName::parse(stored["name"].as_str().unwrap()).unwrap();
    let (core, tail) = frame::split(&name, &hex_of(&stored["object"]).into()).unwrap();
    let entry = frame::open_core(&keys(), 1, 4, &core).unwrap();
    assert_eq!(entry.body, Body::End(session(3)));
    assert_eq!(entry.hash, ObjectHash::of(&core));
    let tail = frame::open_tail(&keys(), &name, &tail).unwrap();
    assert_eq!(tail, [hex_of(&stored["tail"])]);

    let vector = &vectors["fold"];
    let name = ObjectName::parse(vector["name"].as_str().unwrap()).unwrap();
    let name = FoldName::parse(&name).unwrap();
    let opened = fold::open(&keys(), &name, &hex_of(&vector["object"])).unwrap();
    assert_eq!(opened, state());
    assert_eq!(minicbor::to_vec(&opened).unwrap(), hex_of(&vector["body"]));
}
