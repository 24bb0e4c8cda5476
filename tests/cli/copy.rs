//! Copying to another repository, by the command line.

use std::fs;

use crate::bench::{Bench, Call, contents, noise};

/// A bench with a snapshot and another, empty repository.
fn bench() -> Bench {
    let bench = Bench::with_snapshot();
    bench
        .orlop(["init", "--repo", "other", "--key-file", "other.key"])
        .arg("--cipher=xaes")
        .run()
        .done();
    bench
}

fn copy(bench: &Bench) -> Call {
    bench.orlop(["copy", "--to", "other", "--to-key-file", "other.key"])
}

fn other(bench: &Bench, command: &str) -> Call {
    bench.orlop([command, "--repo", "other", "--key-file", "other.key"])
}

#[test]
fn a_snapshot_arrives_once_with_everything_that_is_said_of_it() {
    let bench = bench();
    let run = copy(&bench).arg("--json").run().done();
    let lines = run.json_lines();
    let summary = lines.last().unwrap();
    assert_eq!(summary["message_type"], "summary", "{run:?}");
    assert_eq!(summary["volume"], "v");
    let before = contents(&bench.path("other/packs"));
    let run = copy(&bench).arg("--json").run().done();
    let lines = run.json_lines();
    let skipped = lines.last().unwrap();
    assert_eq!(skipped["message_type"], "skipped", "{run:?}");
    assert_eq!(skipped["snapshot_id"], summary["snapshot_id"]);
    assert_eq!(skipped["original_id"], summary["original_id"]);
    assert!(contents(&bench.path("other/packs")) == before);
    let list = other(&bench, "snapshots").arg("--json").run().done().json();
    let own = bench.orlop(["snapshots", "--json"]).run().done().json();
    let (copied, own) = (&list[0], &own[0]);
    assert_eq!(copied["time"], own["time"], "{list}");
    assert_ne!(copied["id"], own["id"]);
    other(&bench, "restore")
        .arg("latest")
        .arg("restored")
        .run()
        .done();
    assert!(contents(&bench.path("restored")) == contents(&bench.source()));
    other(&bench, "check").arg("--read-data").run().done();
    // And back: it is there already.
    let run = bench
        .orlop(["copy", "--repo", "other", "--key-file", "other.key", "--to"])
        .arg(bench.repository())
        .arg("--to-key-file")
        .arg(bench.key())
        .run()
        .done();
    assert!(run.err.contains("is there already"), "{run:?}");
}

#[test]
fn options_pick_what_is_copied() {
    let bench = bench();
    bench
        .orlop(["backup", "source/sub", "--volume", "w", "--tag", "a=b"])
        .run()
        .done();
    copy(&bench).arg("--volume=w").arg("-q").run().done();
    let count = |bench: &Bench| {
        let list = other(bench, "snapshots").arg("--json").run().done().json();
        list.as_array().unwrap().len()
    };
    assert_eq!(count(&bench), 1);
    copy(&bench).arg("latest").run().done();
    assert_eq!(count(&bench), 1, "latest is that one");
    let run = copy(&bench).arg("--dry-run").run().done();
    assert!(run.out.contains("would copy"), "{run:?}");
    assert_eq!(count(&bench), 1);
    copy(&bench).run().done();
    assert_eq!(count(&bench), 2);
    copy(&bench)
        .arg("0123456789")
        .run()
        .failed(1, "no single snapshot");
}

#[test]
fn what_is_damaged_is_named_and_the_code_says_so() {
    let bench = bench();
    let pack = bench.packs().remove(0);
    let mut bytes = fs::read(&pack).unwrap();
    bytes[5000] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let run = copy(&bench).run().failed(3, "sub/deep/data");
    assert!(run.out.contains("incomplete"), "{run:?}");
    let run = other(&bench, "cat").arg("latest:a.txt").run().done();
    assert_eq!(run.out, "hello\n");
}

#[test]
fn a_repository_is_not_copied_into_itself_nor_to_nowhere() {
    let bench = bench();
    bench
        .orlop(["copy", "--to"])
        .arg(bench.repository())
        .arg("--to-key-file")
        .arg(bench.key())
        .run()
        .failed(2, "the same repository");
    bench
        .orlop(["copy", "--to", "nowhere", "--to-key-file", "other.key"])
        .run()
        .failed(10, "no repository");
    fs::write(bench.path("wrong"), noise(32, 9)).unwrap();
    bench
        .orlop(["copy", "--to", "other", "--to-key-file", "wrong"])
        .run()
        .failed(12, "no key opens");
    copy(&bench)
        .arg("--to-expect-id=00")
        .run()
        .failed(2, "--to-expect-id");
}
