//! Sources that cannot be read whole.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::bench::Bench;

/// Nobody's number.
const NOBODY: u32 = 65534;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs the program as somebody who is not root.
fn as_nobody(bench: &Bench, args: &[&str]) -> Output {
    let program = bench.path("orlop");
    if !program.exists() {
        // The build folder may be closed to others.
        fs::copy(env!("CARGO_BIN_EXE_orlop"), &program).unwrap();
        mode(&program, 0o755);
    }
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("HOME", bench.path("home"))
        .current_dir(bench.path(""));
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.output().unwrap()
}

#[test]
fn what_may_not_be_read_is_named_and_the_rest_is_saved() {
    let bench = Bench::new();
    mode(&bench.path(""), 0o755);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        chown(bench.path("home"), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    fs::write(bench.path("source/closed"), "1").unwrap();
    fs::create_dir(bench.path("source/locked")).unwrap();
    fs::write(bench.path("source/locked/within"), "2").unwrap();
    mode(&bench.path("source/closed"), 0);
    mode(&bench.path("source/locked"), 0);

    let output = as_nobody(&bench, &["backup", "source", "--volume", "v"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    for name in ["closed", "locked"] {
        let line = said.lines().find(|line| line.starts_with(name));
        assert!(line.is_some_and(|line| line.contains("denied")), "{said}");
    }
    let output = as_nobody(&bench, &["ls", "-R", "latest"]);
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(
        listed.contains("deep/data") && !listed.contains("within"),
        "{listed}"
    );

    // Once it may be read it is.
    mode(&bench.path("source/closed"), 0o644);
    mode(&bench.path("source/locked"), 0o755);
    let output = as_nobody(&bench, &["backup", "source", "--volume", "v"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = as_nobody(&bench, &["cat", "latest:/locked/within"]);
    assert_eq!(output.stdout, b"2");
}
