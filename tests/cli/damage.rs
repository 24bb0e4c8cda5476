//! A store whose bytes have changed.

use std::fs;
use std::path::Path;

use crate::bench::{Bench, contents};

/// Flips a byte at a share of the file's length.
fn flip(file: &Path, share: f64) {
    let mut bytes = fs::read(file).unwrap();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "some byte near there"
    )]
    let at = (bytes.len() as f64 * share) as usize;
    bytes[at] ^= 1;
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_damaged_file_is_named_and_the_rest_restored() {
    let bench = Bench::with_snapshot();
    flip(&bench.packs()[0], 0.5);
    let target = bench.path("target");
    let run = bench.orlop(["restore", "latest"]).arg(&target).run();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.err.contains("sub/deep/data"), "{run:?}");
    assert_eq!(fs::read(target.join("a.txt")).unwrap(), b"hello\n");
    let cat = bench
        .orlop(["cat", "latest:sub/deep/data"])
        .into_command()
        .output()
        .unwrap();
    assert_eq!(cat.status.code(), Some(1), "{cat:?}");
    let tar = bench
        .orlop(["cat", "latest"])
        .into_command()
        .output()
        .unwrap();
    assert_eq!(tar.status.code(), Some(3), "{tar:?}");
}

#[test]
fn a_damaged_page_of_the_tree_is_named_and_the_rest_is_read() {
    let bench = Bench::new();
    for number in 0..900 {
        let folder = bench.source().join(format!("many-{}", number / 300));
        fs::create_dir_all(&folder).unwrap();
        let name = format!("a-name-that-takes-some-room-{number:04}");
        fs::write(folder.join(name), number.to_string()).unwrap();
    }
    let source = bench.source();
    let backup = || bench.orlop(["backup", "--volume", "v"]).arg(&source).run();
    backup().done();
    fs::write(bench.source().join("new"), "new").unwrap();
    backup().done();
    let run = bench.orlop(["snapshots", "--json"]).run().done();
    let snapshots: Vec<_> = run.json().as_array().unwrap().clone();
    let id = |at: usize| snapshots[at]["id"].as_str().unwrap().to_owned();
    let all = bench.orlop(["ls", "-R", &id(0)]).run().done();
    // The leaves of the first snapshot: the largest of the packs with pages.
    let packs = bench.packs();
    let tree = |pack: &&std::path::PathBuf| fs::read(pack).unwrap()[8] == 2;
    let len = |pack: &&std::path::PathBuf| fs::metadata(pack).unwrap().len();
    flip(packs.iter().filter(tree).max_by_key(len).unwrap(), 0.5);

    let run = bench.orlop(["ls", "-R", &id(0)]).run();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(
        run.err.contains("packs/") && run.err.contains(&id(0)[..8]),
        "{run:?}"
    );
    let lines = run.out.lines().count();
    // Leaves that share the damaged block are lost together: by the keys drawn, that may be all.
    assert!(lines < all.out.lines().count(), "{lines}");
    assert!(
        run.out
            .lines()
            .all(|line| all.out.lines().any(|other| other == line))
    );
    let run = bench.orlop(["ls", "-R", "--json", &id(0)]).run();
    let told: serde_json::Value = serde_json::from_str(run.err.lines().next().unwrap()).unwrap();
    assert_eq!(
        (told["message_type"].as_str(), run.code),
        (Some("error"), 3)
    );

    let run = bench.orlop(["find", "a-name-*"]).run();
    assert_eq!(run.code, 3, "{run:?}");
    let target = bench.path("target");
    let run = bench
        .orlop(["restore", "--json", &id(0)])
        .arg(&target)
        .run();
    assert_eq!(run.code, 3, "{run:?}");
    let summary = run.json_lines().pop().unwrap();
    assert_eq!(summary["pages_lost"], 1, "{run:?}");
    let tar = bench
        .orlop(["cat", &id(0)])
        .into_command()
        .output()
        .unwrap();
    assert_eq!(tar.status.code(), Some(3), "{tar:?}");

    // The next backup reads again what it cannot take over, and is whole.
    backup().done();
    let target = bench.path("whole");
    bench.orlop(["restore", "latest"]).arg(&target).run().done();
    assert_eq!(contents(&bench.source()), contents(&target));
    // Where the new snapshot has the same page, it was stored anew, and the older one has it again;
    // otherwise nobody can compare what stands below it, and nothing of it counts as a difference.
    let run = bench.orlop(["diff", &id(0), "latest"]).run();
    assert!(run.code == 0 || run.code == 3, "{run:?}");
    assert!(!run.out.contains("a-name-that"), "{run:?}");
}

#[test]
fn a_check_finds_a_flipped_byte_and_names_the_file() {
    let bench = Bench::with_snapshot();
    let run = bench.orlop(["check", "--read-data"]).run().done();
    assert!(run.out.contains("the repository is whole"), "{run:?}");
    flip(&bench.packs()[0], 0.5);
    let run = bench.orlop(["check", "--read-data"]).run();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.contains("/sub/deep/data"), "{run:?}");
    let run = bench.orlop(["check", "--read-data", "--json"]).run();
    let summary = run.json_lines().pop().unwrap();
    assert_eq!(summary["message_type"], "summary");
    assert_eq!(summary["hurt_files"], 1);
}

#[test]
fn a_check_names_what_is_gone() {
    let bench = Bench::with_snapshot();
    fs::remove_file(&bench.packs()[0]).unwrap();
    let run = bench.orlop(["check"]).run();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.contains("/sub/deep/data"), "{run:?}");
}

#[test]
fn a_format_that_is_newer_is_refused_by_its_name() {
    let bench = Bench::with_snapshot();
    for slot in fs::read_dir(bench.repository().join("meta/slots")).unwrap() {
        let file = slot.unwrap().path();
        let mut bytes = fs::read(&file).unwrap();
        assert!(bytes.starts_with(b"ORLPSLT1"));
        bytes[7] = b'2';
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
    }
    let run = bench.orlop(["snapshots"]).run();
    assert_ne!(run.code, 0);
    assert!(run.err.contains("version"), "{run:?}");
}

#[test]
fn a_store_that_was_rolled_back_is_noticed() {
    let bench = Bench::with_snapshot();
    let log = bench.repository().join("log/0001");
    let mut entries: Vec<_> = fs::read_dir(&log)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    fs::remove_file(entries.last().unwrap()).unwrap();
    bench.orlop(["snapshots"]).run().failed(1, "rolled back");
    let run = bench
        .orlop(["backup", "source"])
        .run()
        .failed(1, "rolled back");
    assert!(run.err.contains("next: "), "{run:?}");
}
