//! The examples in the help run as they stand.

use std::process::Command;

use crate::bench::Bench;

/// Commands in an order in which each finds what it needs: the first makes the repository and a
/// snapshot, the last ones change the key.
const ORDER: [&[&str]; 28] = [
    &["backup"],
    &["snapshots"],
    &["ls"],
    &["find"],
    &["diff"],
    &["cat"],
    &["stats"],
    &["log"],
    &["check"],
    &["prune"],
    &["restore"],
    &["forget"],
    &["unforget"],
    &["store", "check"],
    &["restore-wait"],
    &["completions"],
    &["crds"],
    &["version"],
    &["init"],
    &["copy"],
    &["key", "list"],
    &["key", "export"],
    &["key", "import"],
    &["key", "add"],
    &["key", "remove"],
    &["key", "shred"],
    &["key", "rotate", "generation"],
    &["key", "rotate", "slot"],
];

#[test]
fn every_example_runs() {
    let bench = Bench::new();
    std::fs::write(bench.source().join("hostname"), "here\n").unwrap();
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_orlop"))
        .parent()
        .unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    for command in ORDER {
        let help = bench
            .orlop(command.iter().chain(&["--help"]))
            .run()
            .done()
            .out;
        let (_, example) = help.split_once("EXAMPLE\n    ").unwrap();
        let example = example.lines().next().unwrap();
        if command == ["unforget"] {
            bench.orlop(["forget", "latest"]).run().done();
        }
        // What the agent of a node would have written.
        if command == ["restore-wait"] {
            let uid = example.split(' ').nth(2).unwrap();
            let folder = bench.path("tmp/restores/data/.velero");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(uid), "").unwrap();
        }
        // The same with folders of this test's own.
        let here = bench.path("tmp");
        std::fs::create_dir_all(&here).unwrap();
        let line = example
            .replace("/etc", "{source}")
            .replace("/tmp", "{tmp}")
            .replace("{source}", bench.source().to_str().unwrap())
            .replace("{tmp}", here.to_str().unwrap());
        let output = Command::new("sh")
            .args(["-c", &line])
            .env_clear()
            .env("HOME", bench.path("home"))
            .env("PATH", format!("{}:{path}", folder.display()))
            .current_dir(&here)
            .output()
            .unwrap();
        assert!(output.status.success(), "{example}: {output:?}");
    }
}
