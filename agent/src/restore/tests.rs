//! Tests of whole restores: real backups, real folders.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::*;
use crate::testing::{TestRepository, differences, noise};

fn run(program: &str, args: &[&str], path: &Path) -> bool {
    let done = Command::new(program).args(args).arg(path).output();
    done.is_ok_and(|output| output.status.success())
}

/// Sets a file's times back, so that they are not those of the moment.
fn age(path: &Path, secs: &str) {
    assert!(run("touch", &["-h", "-d", secs], path));
}

fn complete(summary: &RestoreSummary) {
    assert!(summary.is_complete(), "{summary:?}");
    assert!(summary.warnings.is_empty(), "{:?}", summary.warnings);
}

#[test]
fn a_tree_comes_back_as_it_was() {
    let repo = TestRepository::new();
    repo.write("empty", b"");
    repo.write("tiny", b"hello");
    repo.write("small", &noise(1, 5000));
    repo.write("large", &noise(2, 3 << 20));
    repo.write("deep/er/and/deeper/file", &noise(3, 70_000));
    repo.write("bad\u{1}name %s", b"x");
    std::fs::create_dir(repo.source("nothing in it")).unwrap();
    symlink("tiny", repo.source("link")).unwrap();
    symlink("/nowhere/at/all", repo.source("dangling")).unwrap();
    assert!(run("mkfifo", &[], &repo.source("fifo")));
    assert!(
        Command::new("mknod")
            .arg(repo.source("dev"))
            .args(["c", "1", "3"])
            .status()
            .unwrap()
            .success()
    );
    std::fs::set_permissions(repo.source("small"), PermissionsExt::from_mode(0o4751)).unwrap();
    std::fs::set_permissions(repo.source("deep"), PermissionsExt::from_mode(0o2555)).unwrap();
    std::os::unix::fs::lchown(repo.source("tiny"), Some(1234), Some(4321)).unwrap();
    std::os::unix::fs::lchown(repo.source("link"), Some(7), Some(8)).unwrap();
    run(
        "setfattr",
        &["-n", "user.note", "-v", "kept"],
        &repo.source("small"),
    );
    run("setfacl", &["-m", "u:77:rw"], &repo.source("tiny"));
    run("setfacl", &["-d", "-m", "u:78:r"], &repo.source("deep"));
    run("setcap", &["cap_net_raw+ep"], &repo.source("large"));
    run("chattr", &["+d"], &repo.source("large"));
    age(&repo.source("large"), "1923-04-05 06:07:08.123456789");
    age(&repo.source("small"), "2300-04-05 06:07:08.000000001");
    age(&repo.source("link"), "2001-01-01 00:00:00.5");
    age(&repo.source("deep"), "2001-01-01 00:00:01");
    age(&repo.source(""), "2001-01-01 00:00:02");
    let snapshot = repo.backup();

    let summary = repo.restore(&snapshot, repo.options()).unwrap();
    complete(&summary);
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
    assert_eq!((summary.files, summary.folders, summary.others), (6, 5, 4));
    assert_eq!(summary.bytes, 5 + 5000 + (3 << 20) + 70_000 + 1);

    let again = repo.restore(&snapshot, repo.options()).unwrap();
    complete(&again);
    assert_eq!(
        (again.files, again.unchanged, again.bytes_written),
        (0, 6, 0)
    );
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
}
