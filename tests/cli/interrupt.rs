//! Ctrl-C, and processes that are killed.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use crate::bench::{Bench, noise};

/// A backup of a stream that does not end, of which a pack is stored.
struct Running {
    child: Child,
    stdin: ChildStdin,
    stderr: Lines<BufReader<ChildStderr>>,
    /// Bytes that it was given.
    given: usize,
}

impl Running {
    fn new(bench: &Bench, stream: &[u8]) -> Self {
        let mut command = backup(bench).into_command();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut given = 0;
        for part in stream.chunks(256 << 10) {
            stdin.write_all(part).unwrap();
            given += part.len();
            if has_pack(bench) {
                break;
            }
        }
        assert!(has_pack(bench) && given < stream.len(), "no pack came");
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        Self {
            child,
            stdin,
            stderr,
            given,
        }
    }
}

/// A user whose own repository is there, and empty.
fn empty() -> Bench {
    let bench = Bench::new();
    bench.orlop(["init"]).run().done();
    bench
}

fn backup(bench: &Bench) -> crate::bench::Call {
    let args = ["backup", "--json", "--memory", "48M", "--stdin", "stream"];
    bench.orlop(args).arg("--volume").arg("s")
}

fn has_pack(bench: &Bench) -> bool {
    let sessions = std::fs::read_dir(bench.repository().join("packs"));
    let mut packs = sessions
        .into_iter()
        .flatten()
        .flat_map(|session| std::fs::read_dir(session.unwrap().path()).unwrap());
    packs.any(|pack| pack.unwrap().file_name().len() == 10)
}

/// Plain bytes that the last snapshot of the whole stream has added.
fn added(bench: &Bench, stream: &[u8]) -> u64 {
    let run = backup(bench).run_with(stream).done();
    let lines = run.json_lines();
    let summary = lines.iter().find(|line| line["message_type"] == "summary");
    let back = bench.orlop(["cat", "latest:stream"]).bytes();
    assert!(back == stream);
    bench.orlop(["check", "--read-data"]).run().done();
    summary.unwrap()["data_added"].as_u64().unwrap()
}

/// The kinds of the entries of the log, in order.
fn history(bench: &Bench) -> Vec<String> {
    let run = bench.orlop(["log", "--json"]).run().done();
    let kind = |line: &serde_json::Value| line["kind"].as_str().unwrap().to_owned();
    run.json_lines().iter().map(kind).collect()
}

#[test]
fn the_first_interrupt_names_what_is_stored_and_the_next_run_uses_it() {
    let bench = empty();
    let stream = noise(200 << 20, 7);
    let mut running = Running::new(&bench, &stream);
    interrupt(running.child.id());
    let said = running.stderr.next().unwrap().unwrap();
    assert!(said.contains("Ctrl-C again"), "{said}");
    // It waits for more of the stream, and looks up when some comes. It may be gone by then.
    let more = &stream[running.given..running.given + (4 << 20)];
    drop(running.stdin.write_all(more));
    drop(running.stdin);
    assert_eq!(running.child.wait().unwrap().code(), Some(130));
    let entries = history(&bench);
    assert!(
        entries.ends_with(&["begin", "checkpoint", "end"].map(str::to_owned)),
        "{entries:?}"
    );
    let stream = &stream[..running.given + (4 << 20)];
    let added = added(&bench, stream);
    assert!(
        added + (2 << 20) < stream.len() as u64,
        "{added} of {}",
        stream.len()
    );
    assert!(!history(&bench).contains(&"kill".to_owned()));
}

#[test]
fn a_killed_backup_is_declared_dead_by_the_next_one_which_uses_its_packs() {
    let bench = empty();
    let stream = noise(200 << 20, 8);
    let mut running = Running::new(&bench, &stream);
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    assert_eq!(history(&bench).last().unwrap(), "begin");
    let stream = &stream[..running.given + (4 << 20)];
    let added = added(&bench, stream);
    assert!(
        added + (2 << 20) < stream.len() as u64,
        "{added} of {}",
        stream.len()
    );
    let entries = history(&bench);
    // The last two are of the check, a reader.
    let expected = ["kill", "begin", "checkpoint", "commit", "begin", "end"];
    assert!(
        entries.ends_with(&expected.map(str::to_owned)),
        "{entries:?}"
    );
}

fn interrupt(pid: u32) {
    let status = Command::new("kill")
        .args(["-INT", &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn the_second_interrupt_ends_at_once_and_nothing_is_listed() {
    let bench = Bench::with_snapshot();
    let mut command = bench
        .orlop(["backup", "--stdin", "endless", "--volume", "s"])
        .into_command();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Kept open and silent: the work waits for more, and only a second interrupt ends that. A pipe
    // holds 64 KiB: when all of this is written, the work reads, and before that one interrupt ends it.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&vec![b'e'; 256 << 10]).unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let opened = lines.next().unwrap().unwrap();
    assert!(opened.contains("using your repository"), "{opened}");
    interrupt(child.id());
    let said = lines.next().unwrap().unwrap();
    assert!(said.contains("Ctrl-C again"), "{said}");
    interrupt(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(stdin);
    let listed = bench.orlop(["snapshots", "-q"]).run().done();
    assert_eq!(listed.out.lines().count(), 1);
}
