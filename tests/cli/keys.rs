//! Who can open a repository.

use std::fs;

use crate::bench::{Bench, noise};

/// An identity that is published, so that nobody uses it, and its public key.
const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

#[test]
fn a_repository_opens_with_each_of_its_keys() {
    let bench = Bench::new();
    fs::write(bench.path("passphrase"), "correct horse\n").unwrap();
    fs::write(bench.path("identity"), format!("# recovery\n{IDENTITY}\n")).unwrap();
    bench
        .orlop([
            "init",
            "--repo",
            "r",
            "--key-file",
            "key",
            "--passphrase-file",
            "passphrase",
        ])
        .arg("--recipient")
        .arg(RECIPIENT)
        .run()
        .done();
    for (option, file) in [
        ("--key-file", "key"),
        ("--passphrase-file", "passphrase"),
        ("--identity", "identity"),
    ] {
        bench
            .orlop(["snapshots", "--repo", "r", option, file])
            .run()
            .done();
    }
    let snapshots = ["snapshots", "--repo", "r", "--identity", "identity"];
    let run = bench.orlop(snapshots).run().done();
    assert!(run.err.contains("--expect-id"), "{run:?}");
}

#[test]
fn another_repository_than_the_expected_one_is_not_opened() {
    let bench = Bench::new();
    let run = bench.orlop(["init", "-q"]).run().done();
    let id = run.out.trim();
    bench.orlop(["snapshots", "--expect-id", id]).run().done();
    let other = "0".repeat(64);
    let run = bench.orlop(["snapshots", "--expect-id", &other]).run();
    assert_ne!(run.code, 0, "{run:?}");
}

#[test]
fn a_key_is_added_used_and_removed() {
    let bench = Bench::with_snapshot();
    let added = bench
        .orlop(["key", "add", "--new-key-file", "second", "-q"])
        .run()
        .done();
    bench
        .orlop(["snapshots", "--key-file", "second"])
        .run()
        .done();
    let run = bench.orlop(["key", "list", "--json"]).run().done();
    assert_eq!(run.json().as_array().unwrap().len(), 2);
    bench
        .orlop(["key", "remove", added.out.trim()])
        .run()
        .done();
    bench
        .orlop(["snapshots", "--key-file", "second"])
        .run()
        .failed(12, "no key opens");
}

#[test]
fn the_key_that_is_in_use_and_the_last_one_stay() {
    let bench = Bench::with_snapshot();
    let only = bench.orlop(["key", "list", "-q"]).run().done().out;
    bench
        .orlop(["key", "remove", only.trim()])
        .run()
        .failed(1, "is the only slot");
    bench
        .orlop(["key", "add", "--new-key-file", "second"])
        .run()
        .done();
    bench
        .orlop(["key", "remove", only.trim()])
        .run()
        .failed(1, "opened the repository with");
    bench.orlop(["snapshots"]).run().done();
}

#[test]
fn a_rotated_key_opens_no_more() {
    let bench = Bench::with_snapshot();
    bench
        .orlop(["key", "rotate", "slot", "--new-key-file", "new"])
        .run()
        .done();
    bench.orlop(["snapshots"]).run().failed(12, "no key opens");
    bench.orlop(["snapshots", "--key-file", "new"]).run().done();
}

#[test]
fn a_removed_key_still_reads_with_a_copy_of_its_slot_until_new_keys_are_started() {
    let bench = Bench::with_snapshot();
    let added = bench
        .orlop(["key", "add", "--new-key-file", "second", "-q"])
        .run()
        .done();
    let slots = bench.repository().join("meta/slots");
    let id = added.out.trim().to_owned();
    let name = |id: &str| {
        let mut names = fs::read_dir(&slots).unwrap().map(|e| e.unwrap().path());
        names
            .find(|path| path.to_str().unwrap().ends_with(id))
            .unwrap()
    };
    let (slot, copy) = (name(&id), bench.path("copy"));
    fs::copy(&slot, &copy).unwrap();
    let run = bench.orlop(["key", "remove", &id]).run().done();
    assert!(run.err.contains("rotate generation"), "{run:?}");
    // The program obeys the log, ...
    fs::copy(&copy, &slot).unwrap();
    bench
        .orlop(["snapshots", "--key-file", "second"])
        .run()
        .failed(12, "the log does not name it");
    fs::remove_file(&slot).unwrap();
    // ... and new keys make what was kept worthless.
    let run = bench
        .orlop(["key", "rotate", "generation", "--json"])
        .run()
        .done();
    assert_eq!(run.json()["generation"], 2);
    fs::write(bench.source().join("new"), noise(70_000, 5)).unwrap();
    bench.orlop(["backup", "source"]).run().done();
    bench.orlop(["check", "--read-data"]).run().done();
    fs::copy(&copy, &slot).unwrap();
    bench
        .orlop(["snapshots", "--key-file", "second"])
        .run()
        .failed(12, "no key at hand opens one of its slots");
    let run = bench.orlop(["stats", "--json"]).run().done();
    let packs = run.json()["key_generations"].as_array().unwrap().len();
    assert_eq!(packs, 2, "{run:?}");
    bench
        .orlop(["prune", "--reseal", "--grace", "0s"])
        .run()
        .done();
    bench.orlop(["prune", "--grace", "0s"]).run().done();
    let run = bench.orlop(["stats", "--json"]).run().done();
    let keys = &run.json()["key_generations"];
    assert_eq!(keys[0]["generation"], 2, "{run:?}");
    let run = bench.orlop(["cat", "latest:a.txt"]).run().done();
    assert_eq!(run.out, "hello\n");
}

#[test]
fn new_keys_name_the_slots_that_only_their_owners_can_renew() {
    let bench = Bench::with_snapshot();
    fs::write(bench.path("passphrase"), "correct horse\n").unwrap();
    let run = bench
        .orlop(["key", "add", "--new-passphrase-file", "passphrase"])
        .arg("--label=Ann")
        .run()
        .done();
    let id = run.out.trim().rsplit(' ').next().unwrap().to_owned();
    let run = bench
        .orlop(["key", "rotate", "generation", "--dry-run"])
        .run()
        .done();
    assert!(
        run.out.contains(&format!("{id} (Ann): its key is not")),
        "{run:?}"
    );
    let run = bench.orlop(["key", "rotate", "generation"]).run();
    let run = run.failed(1, "the keys of these slots are not at hand");
    assert!(run.err.contains(&format!("{id} (Ann)")), "{run:?}");
    bench
        .orlop([
            "key",
            "rotate",
            "generation",
            "--with-passphrase-file",
            "passphrase",
        ])
        .run()
        .done();
    bench
        .orlop(["snapshots", "--passphrase-file", "passphrase"])
        .run()
        .done();
    bench
        .orlop(["key", "rotate", "generation", "--drop-others"])
        .run()
        .done();
    bench
        .orlop(["snapshots", "--passphrase-file", "passphrase"])
        .run()
        .failed(12, "no key opens");
}

#[test]
fn a_recovery_file_opens_the_repository_after_its_slots_are_lost() {
    let bench = Bench::with_snapshot();
    bench.orlop(["key", "export", "recovery"]).run().done();
    bench
        .orlop(["key", "export", "recovery"])
        .run()
        .failed(1, "exists already");
    bench
        .orlop(["snapshots", "--key-file", "recovery"])
        .run()
        .done();
    fs::remove_dir_all(bench.repository().join("meta/slots")).unwrap();
    fs::remove_file(bench.repository().join("meta/format")).unwrap();
    assert_ne!(
        bench
            .orlop(["snapshots", "--key-file", "recovery"])
            .run()
            .code,
        0
    );
    bench.orlop(["key", "import", "recovery"]).run().done();
    let run = bench
        .orlop(["cat", "latest:a.txt", "--key-file", "recovery"])
        .run()
        .done();
    assert_eq!(run.out, "hello\n");
}

#[test]
fn a_damaged_recovery_file_is_refused() {
    let bench = Bench::with_snapshot();
    fs::write(bench.path("recovery"), noise(32, 4)).unwrap();
    bench
        .orlop(["key", "import", "recovery"])
        .run()
        .failed(1, "cannot use the recovery file");
}

#[test]
fn a_shredded_repository_opens_for_nobody() {
    let bench = Bench::with_snapshot();
    let run = bench.orlop(["key", "shred"]).run().done();
    assert!(run.out.contains("nothing was removed"), "{run:?}");
    let id = run.out.split_whitespace().last().unwrap().to_owned();
    let wrong = "0".repeat(64);
    bench
        .orlop(["key", "shred", "--confirm", &wrong])
        .run()
        .failed(2, "nothing was removed");
    bench.orlop(["snapshots"]).run().done();
    bench.orlop(["key", "shred", "--confirm", &id]).run().done();
    bench.orlop(["snapshots"]).run().failed(12, "");
}
