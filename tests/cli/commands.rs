//! Each command, as a user would call it.

use std::fs;

use crate::bench::{Bench, contents, noise};

#[test]
fn the_first_backup_makes_the_users_own_repository_and_says_where() {
    use std::os::unix::fs::PermissionsExt as _;

    let bench = Bench::new();
    let run = bench.orlop(["backup"]).arg(bench.source()).run().done();
    let notes: Vec<_> = run.err.lines().collect();
    assert_eq!(notes.len(), 1, "{run:?}");
    assert!(notes[0].contains(bench.repository().to_str().unwrap()));
    assert!(notes[0].contains(bench.key().to_str().unwrap()));
    let mode = fs::metadata(bench.key()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    bench.orlop(["snapshots"]).run().done();
}

#[test]
fn what_was_saved_is_restored() {
    let bench = Bench::with_snapshot();
    let target = bench.path("target");
    bench
        .orlop(["restore", "latest", "--verify"])
        .arg(&target)
        .run()
        .done();
    assert_eq!(contents(&target), contents(&bench.source()));
}

#[test]
fn a_restore_takes_only_what_is_asked_for() {
    let bench = Bench::with_snapshot();
    let target = bench.path("target");
    let restore = ["restore", "latest", "--include", "*.conf"];
    bench.orlop(restore).arg(&target).run().done();
    let names: Vec<_> = contents(&target)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            std::path::Path::new("sub"),
            std::path::Path::new("sub/b.conf")
        ]
    );
}

#[test]
fn a_dry_run_changes_nothing() {
    let bench = Bench::with_snapshot();
    fs::write(bench.source().join("new"), "new").unwrap();
    bench
        .orlop(["backup", "--dry-run"])
        .arg(bench.source())
        .run()
        .done();
    let snapshots = bench.orlop(["snapshots", "--json"]).run().done().json();
    assert_eq!(snapshots.as_array().unwrap().len(), 1);
    let target = bench.path("target");
    bench
        .orlop(["restore", "latest", "--dry-run"])
        .arg(&target)
        .run()
        .done();
    assert!(!target.exists());
}

#[test]
fn patterns_leave_files_out() {
    let bench = Bench::new();
    fs::write(bench.path("patterns"), "# sizes\ndeep/\n").unwrap();
    bench
        .orlop(["backup", "--exclude", "*.txt", "--exclude-file", "patterns"])
        .arg(bench.source())
        .run()
        .done();
    let run = bench.orlop(["ls", "-R", "latest"]).run().done();
    assert_eq!(run.out, "/empty\n/link\n/same\n/sub\n/sub/b.conf\n");
}

#[test]
fn of_a_cache_only_the_tag_is_saved() {
    let bench = Bench::new();
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n";
    fs::write(bench.source().join("sub/CACHEDIR.TAG"), tag).unwrap();
    bench
        .orlop(["backup", "--exclude-caches"])
        .arg(bench.source())
        .run()
        .done();
    let run = bench.orlop(["ls", "-R", "latest:sub"]).run().done();
    assert_eq!(run.out, "/sub/CACHEDIR.TAG\n");
}

#[test]
fn a_file_and_a_folder_can_be_looked_at() {
    let bench = Bench::with_snapshot();
    let run = bench.orlop(["ls", "latest"]).run().done();
    assert_eq!(run.out, "a.txt\nempty\nlink\nsame\nsub\n");
    let run = bench.orlop(["ls", "-l", "latest:/sub/b.conf"]).run().done();
    assert!(run.out.starts_with("-rw"), "{run:?}");
    assert_eq!(bench.orlop(["cat", "latest:a.txt"]).bytes(), b"hello\n");
    let data = bench.orlop(["dump", "latest:/sub/deep/data"]).bytes();
    assert_eq!(data, noise(300_000, 1));
    assert!(bench.orlop(["cat", "latest:empty"]).bytes().is_empty());
}

#[test]
fn a_folder_comes_out_as_a_tar_that_tar_understands() {
    let bench = Bench::new();
    fs::write(bench.source().join("x".repeat(200)), "long").unwrap();
    bench.orlop(["backup"]).arg(bench.source()).run().done();
    fs::write(
        bench.path("all.tar"),
        bench.orlop(["cat", "latest"]).bytes(),
    )
    .unwrap();
    let target = bench.path("target");
    fs::create_dir(&target).unwrap();
    let status = std::process::Command::new("tar")
        .arg("-xf")
        .arg(bench.path("all.tar"))
        .arg("-C")
        .arg(&target)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(contents(&target), contents(&bench.source()));
}

#[test]
fn a_stream_is_saved_as_a_file() {
    let bench = Bench::new();
    let data = noise(2_000_000, 5);
    bench
        .orlop([
            "backup", "--stdin", "dump.sql", "--volume", "ns/db", "--tag", "app=db",
        ])
        .run_with(&data)
        .done();
    let cat = [
        "cat",
        "latest:dump.sql",
        "--volume",
        "ns/db",
        "--tag",
        "app=db",
    ];
    assert_eq!(bench.orlop(cat).bytes(), data);
}

#[test]
fn an_image_is_saved_as_a_device() {
    let bench = Bench::new();
    let image = noise(1_000_000, 3);
    fs::write(bench.path("disk.img"), &image).unwrap();
    bench
        .orlop(["backup", "--device", "disk.img", "--volume", "disk"])
        .run()
        .done();
    let snapshots = bench.orlop(["snapshots", "--json"]).run().done().json();
    assert_eq!(snapshots[0]["kind"], "device");
    let listed = bench.orlop(["ls", "latest"]).run().done().out;
    let cat = format!("latest:{}", listed.trim());
    assert_eq!(bench.orlop(["cat", &cat]).bytes(), image);
}

#[test]
fn names_are_found_in_all_snapshots() {
    let bench = Bench::with_snapshot();
    let run = bench.orlop(["find", "b.*", "--quiet"]).run().done();
    assert_eq!(run.out, "/sub/b.conf\n");
    let run = bench
        .orlop(["find", "*", "--type", "dir", "--quiet"])
        .run()
        .done();
    assert_eq!(run.out, "/sub\n/sub/deep\n");
    let run = bench
        .orlop(["find", "*", "--older-than", "1d", "--quiet"])
        .run()
        .done();
    assert_eq!(run.out, "");
}

#[test]
fn two_snapshots_are_compared() {
    let bench = Bench::with_snapshot();
    fs::write(bench.source().join("a.txt"), "other\n").unwrap();
    fs::write(bench.source().join("new"), noise(1000, 9)).unwrap();
    fs::remove_file(bench.source().join("sub/b.conf")).unwrap();
    bench
        .orlop(["backup", "--volume", "v"])
        .arg(bench.source())
        .run()
        .done();
    let ids = bench.orlop(["snapshots", "-q"]).run().done().out;
    let first = ids.lines().next().unwrap();
    let run = bench.orlop(["diff", first, "latest"]).run().done();
    assert_eq!(
        run.out,
        "M  /a.txt\n+  /new\nM  /same\n-  /sub/b.conf\n1 file added, 1 removed, 2 changed\n\
         1012 B added, 18 B removed\n"
    );
    let run = bench.orlop(["diff", first, first]).run().done();
    assert!(
        run.out.starts_with("0 files added, 0 removed, 0 changed\n"),
        "{run:?}"
    );
}

#[test]
fn figures_and_history_can_be_read() {
    let bench = Bench::with_snapshot();
    bench
        .orlop(["backup", "--volume", "v", "--force"])
        .arg(bench.source())
        .run()
        .done();
    let stats = bench.orlop(["stats", "--json"]).run().done().json();
    assert_eq!(stats["snapshots_count"], 2);
    assert!(
        stats["deduplication_ratio"].as_f64().unwrap() > 1.9,
        "{stats}"
    );
    let kinds: Vec<_> = bench
        .orlop(["log", "--json"])
        .run()
        .done()
        .json_lines()
        .into_iter()
        .map(|entry| entry["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["init", "begin", "commit", "begin", "commit"]);
    let run = bench.orlop(["log", "--last", "1"]).run().done();
    assert_eq!(run.out.lines().count(), 2, "{run:?}");
}

#[test]
fn quiet_commands_print_only_the_id() {
    let bench = Bench::new();
    let run = bench
        .orlop(["backup", "-q"])
        .arg(bench.source())
        .run()
        .done();
    assert_eq!((run.out.len(), run.err.as_str()), (33, ""), "{run:?}");
    let listed = bench.orlop(["snapshots", "-q"]).run().done();
    assert_eq!(listed.out, run.out);
}

#[test]
fn a_second_backup_stores_nothing_again() {
    let bench = Bench::with_snapshot();
    let run = bench
        .orlop(["backup", "--json", "--force", "--volume", "v"])
        .arg(bench.source())
        .run()
        .done();
    let summary = run.json_lines().pop().unwrap();
    assert_eq!(summary["files_new"], 0);
    assert!(
        summary["data_added"].as_u64().unwrap() < 10_000,
        "{summary}"
    );
}

#[test]
fn a_store_can_be_tried() {
    let bench = Bench::new();
    fs::create_dir(bench.path("store")).unwrap();
    let run = bench
        .orlop(["store", "check", "--repo", "store"])
        .run()
        .done();
    assert!(run.out.ends_with("can hold a repository\n"), "{run:?}");
    assert_eq!(contents(&bench.path("store")), []);
}

#[test]
fn completions_name_the_commands() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let run = bench.orlop(["completions", shell]).run().done();
        assert!(run.out.contains("restore"), "{shell}");
    }
}

#[test]
fn what_reads_for_long_says_so_in_the_log() {
    let bench = Bench::with_snapshot();
    let entries = || {
        let run = bench.orlop(["log", "--json"]).run().done();
        let kind = |entry: &serde_json::Value| {
            let text = entry["text"].as_str().unwrap().to_owned();
            (entry["kind"].as_str().unwrap().to_owned(), text)
        };
        run.json_lines().iter().map(kind).collect::<Vec<_>>()
    };
    let before = entries().len();
    bench.orlop(["ls", "latest"]).run().done();
    bench.orlop(["cat", "latest:/a.txt"]).run().done();
    bench
        .orlop(["restore", "latest", "-n", "target"])
        .run()
        .done();
    assert_eq!(entries().len(), before, "nothing of it takes long");
    bench.orlop(["restore", "latest", "target"]).run().done();
    bench.orlop(["check"]).run().done();
    drop(bench.orlop(["cat", "latest"]).bytes());
    // A restore that fails ends its session, too.
    let run = bench.orlop(["restore", "latest:/nothing", "other"]).run();
    assert_eq!(run.code, 1, "{run:?}");
    let entries = entries();
    let new = entries.get(before..).unwrap();
    let kinds: Vec<_> = new.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["begin", "end"].repeat(4));
    for (_, text) in new.iter().step_by(2) {
        assert!(text.starts_with("reader session"), "{text}");
    }
}

#[test]
fn a_snapshot_is_not_described_by_more_than_fits_its_record() {
    let bench = Bench::new();
    let tag = format!("key={}", "v".repeat(70_000));
    let run = bench.orlop(["backup", "source", "--tag", &tag]).run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("tags of a snapshot"), "{run:?}");
    let run = bench
        .orlop(["backup", "source", "--volume", &"v".repeat(5000)])
        .run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(!bench.repository().exists(), "nothing was begun");
}
