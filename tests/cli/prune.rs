//! Freeing the space of what was forgotten.

use std::fs;

use crate::bench::{Bench, contents, noise};

/// Stored bytes of all packs.
fn stored(bench: &Bench) -> u64 {
    let lengths = bench.packs();
    lengths.iter().map(|p| fs::metadata(p).unwrap().len()).sum()
}

/// Three snapshots of a folder in which 400 kB are new each time and gone the next.
fn with_changing_snapshots(bench: &Bench) {
    for number in 0..3 {
        fs::write(bench.source().join("new"), noise(400_000, 100 + number)).unwrap();
        let args = ["backup", "source", "--volume", "v"];
        bench.orlop(args).run().done();
    }
}

#[test]
fn the_space_of_forgotten_snapshots_is_freed_and_the_rest_restores() {
    let bench = Bench::new();
    with_changing_snapshots(&bench);
    let before = stored(&bench);
    bench.orlop(["forget", "--keep-last", "1"]).run().done();
    assert_eq!(stored(&bench), before, "forgetting deletes nothing");

    let dry = ["prune", "--grace", "0s", "--dry-run"];
    let run = bench.orlop(dry).run().done();
    assert!(run.out.contains("would have condemned"), "{run:?}");
    assert_eq!(stored(&bench), before);

    for _ in 0..2 {
        bench.orlop(["prune", "--grace", "0s"]).run().done();
    }
    let after = stored(&bench);
    assert!(after + 700_000 < before, "{before} bytes, then {after}");
    bench.orlop(["check", "--read-data"]).run().done();
    bench.orlop(["restore", "latest", "target"]).run().done();
    assert_eq!(contents(&bench.path("target")), contents(&bench.source()));
    let args = ["snapshots", "--forgotten", "-q"];
    let run = bench.orlop(args).run().done();
    assert_eq!(run.out, "", "what was swept does not come back");
}

#[test]
fn forget_with_prune_condemns_what_a_later_run_deletes() {
    let bench = Bench::new();
    with_changing_snapshots(&bench);
    let before = stored(&bench);
    let args = ["forget", "--keep-last", "1", "--prune"];
    let run = bench.orlop(args).run().done();
    assert!(run.out.contains("forgot 2 snapshots"), "{run:?}");
    assert!(run.out.contains("condemned"), "{run:?}");
    assert!(run.out.contains("wait until"), "{run:?}");
    assert!(stored(&bench) >= before, "within the time of grace");
    bench.orlop(["prune", "--grace", "0s"]).run().done();
    assert!(stored(&bench) < before);
    bench.orlop(["check", "--read-data"]).run().done();
}
