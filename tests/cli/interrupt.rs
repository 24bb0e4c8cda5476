//! Ctrl-C.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use crate::bench::Bench;

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
    // Kept open and silent: the work waits for more, and only a second interrupt ends that.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"some").unwrap();
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
