//! Packs that a killed backup had stored after its last checkpoint.

use std::path::Component;

use orlop_repo::log::{Body, Condemn, Sweep};
use orlop_repo::model::{PackName, PackSet, SessionId};

use crate::bench::{Bench, bytes_of_all};
use crate::child::killed_at;
use crate::gate::Point;

/// A volume whose backup was killed when its second pack was stored and none was named, with the
/// names of the packs.
fn orphaned() -> (Bench, Vec<PackName>) {
    let bench = Bench::new();
    let point = Point {
        prefix: "packs/",
        number: 2,
        done: true,
    };
    assert!(killed_at(&bench, &point));
    let packs = bench.packs();
    let names = packs.iter().map(|path| {
        let mut parts = path.components().rev().map(Component::as_os_str);
        let number = parts.next().unwrap().to_str().unwrap();
        let session = parts.next().unwrap().to_str().unwrap();
        PackName {
            session: SessionId::from_hex(session).unwrap(),
            number: number.parse().unwrap(),
        }
    });
    let names: Vec<_> = names.collect();
    assert_eq!(names.len(), 2);
    assert!(bench.state().packs.is_empty());
    (bench, names)
}

#[test]
fn they_are_named_and_used() {
    let all = bytes_of_all();
    let (bench, orphans) = orphaned();
    let summary = bench.backup();
    let state = bench.state();
    assert!(orphans.iter().all(|&pack| state.is_reliable(pack)));
    // Without a checkpoint there is no tree to go on from: all is read, and less is stored.
    assert_eq!((summary.resumed.sessions, summary.resumed.files), (0, 0));
    let added = summary.snapshot.stats.added;
    assert!(added < all - (300 << 10), "{added} of {all}");
    bench.verify(&summary);
}

#[test]
fn a_damaged_one_is_left_alone() {
    let (bench, orphans) = orphaned();
    let (flipped, cut) = (&bench.packs()[0], &bench.packs()[1]);
    let mut bytes = std::fs::read(flipped).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(flipped, bytes).unwrap();
    let bytes = std::fs::read(cut).unwrap();
    std::fs::write(cut, &bytes[..bytes.len() - 9]).unwrap();
    let summary = bench.backup();
    let state = bench.state();
    assert!(!orphans.iter().any(|&pack| state.packs.contains(pack)));
    bench.verify(&summary);
}

#[test]
fn one_that_a_sweep_has_named_is_dead_for_ever() {
    let (bench, orphans) = orphaned();
    let state = bench.state();
    let (&session, _) = state.sessions.iter().next().unwrap();
    bench.append(&Body::Kill(session));
    let packs: PackSet = [orphans[1]].into_iter().collect();
    bench.append(&Body::Condemn(Condemn {
        packs: packs.clone(),
        broken: Vec::new(),
        others: Vec::new(),
    }));
    bench.append(&Body::Sweep(Sweep {
        packs,
        segments: Vec::new(),
        others: Vec::new(),
    }));
    let summary = bench.backup();
    let state = bench.state();
    assert!(
        !state.packs.contains(orphans[0]),
        "it comes before a swept one"
    );
    assert!(!state.packs.contains(orphans[1]));
    bench.verify(&summary);
}
