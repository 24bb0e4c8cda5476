//! What scripts rely on.

use crate::bench::{Bench, noise};

#[test]
fn a_command_line_that_makes_no_sense_is_2() {
    let bench = Bench::new();
    bench.orlop(["backup"]).run().failed(2, "PATH");
    bench.orlop(["nonsense"]).run().failed(2, "nonsense");
    bench
        .orlop(["backup", "--memory", "5 apples", "x"])
        .run()
        .failed(2, "64MiB");
    bench
        .orlop(["ls", "latest:/a/../b"])
        .run()
        .failed(2, "SNAPSHOT:PATH");
    bench
        .orlop(["backup", "--exclude", "[", "."])
        .run()
        .failed(2, "because: ");
    bench
        .orlop(["snapshots", "--repo", "ftp://x"])
        .run()
        .failed(2, "ftp");
    let two = ["backup", "--volume", "v", "source", "home"];
    bench.orlop(two).run().failed(2, "--volume");
}

#[test]
fn no_repository_is_10_for_every_command_that_opens_one() {
    let bench = Bench::new();
    for args in [
        &["snapshots"][..],
        &["ls", "latest"],
        &["stats"],
        &["log"],
        &["key", "list"],
    ] {
        let run = bench.orlop(args).run().failed(10, "there is no repository");
        assert!(run.err.contains("next: "), "{run:?}");
    }
    std::fs::write(bench.path("key"), noise(32, 1)).unwrap();
    let backup = ["backup", "--repo", "nowhere", "--key-file", "key", "source"];
    bench.orlop(backup).run().failed(10, "orlop init");
    assert!(!bench.path("nowhere").exists());
}

#[test]
fn a_wrong_key_is_12_and_names_the_slots() {
    let bench = Bench::with_snapshot();
    std::fs::write(bench.path("wrong"), noise(32, 1)).unwrap();
    bench
        .orlop(["snapshots", "--key-file", "wrong"])
        .run()
        .failed(12, "meta/slots/raw-");
    std::fs::write(bench.path("passphrase"), "guess\n").unwrap();
    bench
        .orlop(["snapshots", "--passphrase-file", "passphrase"])
        .run()
        .failed(12, "meta/slots/");
    std::fs::remove_file(bench.key()).unwrap();
    bench
        .orlop(["snapshots"])
        .run()
        .failed(12, "no key was given");
}

#[test]
fn a_file_that_is_no_key_is_an_error_of_its_own() {
    let bench = Bench::with_snapshot();
    std::fs::write(bench.path("short"), "abc").unwrap();
    bench
        .orlop(["snapshots", "--key-file", "short"])
        .run()
        .failed(1, "holds no key");
    bench
        .orlop(["snapshots", "--key-file", "nowhere"])
        .run()
        .failed(1, "nowhere");
}

#[test]
fn what_is_not_there_is_1_and_says_what_to_do() {
    let bench = Bench::with_snapshot();
    bench
        .orlop(["backup", "nowhere"])
        .run()
        .failed(1, "cannot back up nowhere");
    bench
        .orlop(["ls", "latest:nope"])
        .run()
        .failed(1, "there is no /nope");
    bench
        .orlop(["ls", "ffffffffffffffff"])
        .run()
        .failed(1, "orlop snapshots");
    bench
        .orlop(["ls", "latest", "--volume", "none"])
        .run()
        .failed(1, "that volume");
    bench
        .orlop(["init"])
        .run()
        .failed(1, "there is a repository already");
}

#[test]
fn an_error_is_said_once_and_only_on_standard_error() {
    let bench = Bench::new();
    let run = bench.orlop(["snapshots"]).run().failed(10, "error: ");
    assert_eq!(run.err.matches("error: ").count(), 1, "{run:?}");
    assert_eq!(run.out, "");
    let run = bench
        .orlop(["snapshots", "--json"])
        .run()
        .failed(10, "exit_error");
    let message: serde_json::Value = serde_json::from_str(&run.err).unwrap();
    assert_eq!(message["code"], 10);
    assert_eq!(run.out, "");
}

#[test]
fn a_reader_that_leaves_is_nothing_to_complain_about() {
    let bench = Bench::with_snapshot();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = bench.orlop(["ls", "-R", "latest"]).into_command();
    let output = command.stdout(writer).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
