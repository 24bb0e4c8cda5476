//! The init container of a restored pod: the program under the tenant's account, and the agent's
//! part beside it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use orlop_agent::fs::Root;
use orlop_agent::node::done_files::{DoneFiles, Outcome};
use orlop_agent::node::progress::DataProgress;

use crate::bench::Bench;

/// The account that Velero gives the init container where nothing else is said.
const TENANT: u32 = 1000;
const UID: &str = "8d7a1c9e-5a0f-4c64-9a53-2f6f0c3c1b11";

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A pod with the volumes that are named, each the tenant's, and the agent of each.
fn pod<const N: usize>(bench: &Bench, volumes: [&str; N]) -> [DoneFiles; N] {
    mode(&bench.path(""), 0o755);
    volumes.map(|name| {
        let volume = bench.path("restores").join(name);
        fs::create_dir_all(&volume).unwrap();
        if is_root() {
            chown(&volume, Some(TENANT), Some(TENANT)).unwrap();
        }
        DoneFiles::new(&Root::open(&volume).unwrap(), UID).unwrap()
    })
}

/// The program as the pod calls it, under an account of the tenant's.
fn helper(bench: &Bench, args: &[&str]) -> Command {
    let program = bench.path("orlop");
    if !program.exists() {
        // The build folder may be closed to others.
        fs::copy(env!("CARGO_BIN_EXE_orlop"), &program).unwrap();
        mode(&program, 0o755);
    }
    let mut command = Command::new(program);
    command
        .arg0("/velero-restore-helper")
        .arg(UID)
        .arg("--volumes-dir")
        .arg(bench.path("restores"))
        .args(args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null());
    if is_root() {
        command.uid(TENANT).gid(TENANT);
    }
    command
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn done_file(bench: &Bench, volume: &str) -> PathBuf {
    bench
        .path("restores")
        .join(volume)
        .join(".velero")
        .join(UID)
}

#[test]
fn the_pod_goes_on_when_the_last_volume_is_done() {
    let bench = Bench::new();
    let [mut data, mut logs] = pod(&bench, ["data", "logs"]);
    data.done().unwrap();
    let progress = DataProgress {
        total_bytes: 2 << 20,
        bytes_done: 1 << 20,
    };
    logs.begin(progress).unwrap();
    let mut child = helper(&bench, &[]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut first = [
        lines.next().unwrap().unwrap(),
        lines.next().unwrap().unwrap(),
    ];
    first.sort();
    assert_eq!(first, ["data: restored", "logs: 1.00 MiB of 2.00 MiB, 50%"]);
    assert!(child.try_wait().unwrap().is_none());
    logs.done().unwrap();
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    assert_eq!(rest[0], "logs: restored");
    if is_root() {
        // The folders are the agent's, and the tenant may not remove what is in them.
        assert!(rest[1].starts_with("data: .velero stays: "), "{rest:?}");
        assert!(done_file(&bench, "data").exists());
        // So that the pod's node may start it again.
        assert!(helper(&bench, &[]).output().unwrap().status.success());
    }
}

#[test]
fn an_account_that_may_remove_the_folders_does() {
    let bench = Bench::new();
    let [mut data] = pod(&bench, ["data"]);
    data.done().unwrap();
    if is_root() {
        chown(
            done_file(&bench, "data").parent().unwrap(),
            Some(TENANT),
            None,
        )
        .unwrap();
    }
    let output = helper(&bench, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(!done_file(&bench, "data").parent().unwrap().exists());
}

#[test]
fn the_pod_does_not_start_on_a_volume_that_was_not_restored() {
    let bench = Bench::new();
    let [mut data, mut logs] = pod(&bench, ["data", "logs"]);
    data.done().unwrap();
    for (outcome, words) in [
        (Outcome::Failed, "failed: no space left"),
        (Outcome::Cancelled, "cancelled: no space left"),
    ] {
        logs.failed(outcome, "no space left").unwrap();
        let output = helper(&bench, &[]).output().unwrap();
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let wanted = format!("volume logs was not restored: {words}");
        assert!(said.contains(&wanted), "{said}");
        assert!(said.contains("next: "), "{said}");
    }
    assert!(done_file(&bench, "data").exists());
}

#[test]
fn programs_are_told_line_by_line() {
    let bench = Bench::new();
    let [mut data, mut logs] = pod(&bench, ["data", "logs"]);
    data.done().unwrap();
    logs.begin(DataProgress::default()).unwrap();
    logs.failed(Outcome::Failed, "x").unwrap();
    let output = helper(&bench, &["--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let out = String::from_utf8(output.stdout).unwrap();
    let states: Vec<String> = out
        .lines()
        .map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(message["message_type"], "volume");
            format!("{} {}", message["volume"], message["state"])
        })
        .collect();
    assert_eq!(states, [r#""data" "done""#, r#""logs" "failed""#]);
}

#[test]
fn a_pod_that_nothing_is_mounted_in_is_not_started() {
    let bench = Bench::new();
    let wait = ["restore-wait", UID, "--volumes-dir", "home"];
    bench
        .orlop(wait)
        .run()
        .failed(1, "there is no volume in home");
    let wait = ["restore-wait", "../x", "--volumes-dir", "home"];
    bench.orlop(wait).run().failed(2, "no UID of a Restore");
}
