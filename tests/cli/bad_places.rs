//! Stores and folders that cannot do what is asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::{Bench, noise};

/// A small file system of its own; `None` where this user may not mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }

    fn make_read_only(&self) {
        let status = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.0)
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

#[test]
fn a_full_store_is_named_and_the_repository_stays_usable() {
    let bench = Bench::new();
    let Some(disk) = SmallDisk::mount(&bench.path("disk"), "3m") else {
        return;
    };
    let repository = disk.0.join("r");
    let with_repo = |args: &[&str]| {
        let options = ["--key-file", "key", "--repo"];
        bench
            .orlop(args.iter().chain(&options))
            .arg(&repository)
            .run()
    };
    with_repo(&["init"]).done();
    with_repo(&["backup", "source/sub/b.conf"]).done();
    fs::write(bench.source().join("big"), noise(8_000_000, 2)).unwrap();
    let run = with_repo(&["backup", "source"]).failed(1, "no space left");
    assert!(run.err.contains("next: free space"), "{run:?}");
    let listed = with_repo(&["snapshots", "-q"]).done();
    assert_eq!(listed.out.lines().count(), 1);
}

#[test]
fn a_read_only_store_can_be_read() {
    let bench = Bench::new();
    let Some(disk) = SmallDisk::mount(&bench.path("disk"), "30m") else {
        return;
    };
    let repository = disk.0.join("r");
    let with_repo = |args: &[&str]| {
        let options = ["--key-file", "key", "--repo"];
        bench
            .orlop(args.iter().chain(&options))
            .arg(&repository)
            .run()
    };
    with_repo(&["init"]).done();
    with_repo(&["backup", "source"]).done();
    disk.make_read_only();
    with_repo(&["ls", "latest"]).done();
    let run = with_repo(&["restore", "latest", "target"]).done();
    assert_eq!(run.err.matches("the log cannot say").count(), 1, "{run:?}");
    with_repo(&["check"]).done();
    let run = with_repo(&["backup", "source"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("read-only"), "{run:?}");
}

#[test]
fn a_path_that_is_no_folder_is_no_store() {
    let bench = Bench::new();
    let init = ["init", "--repo", "source/a.txt", "--key-file", "key"];
    let run = bench.orlop(init).run();
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("source/a.txt"), "{run:?}");
    let run = bench
        .orlop(["snapshots", "--repo", "source/a.txt", "--key-file", "key"])
        .run();
    assert_ne!(run.code, 0, "{run:?}");
}

#[test]
fn a_target_that_is_no_folder_is_refused() {
    let bench = Bench::with_snapshot();
    bench
        .orlop(["restore", "latest", "source/a.txt"])
        .run()
        .failed(1, "source/a.txt");
}

#[test]
fn an_endpoint_that_is_down_is_named() {
    let bench = Bench::new();
    fs::write(bench.path("key"), noise(32, 1)).unwrap();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let run = bench
        .orlop([
            "snapshots",
            "--repo",
            "s3://bucket/prefix",
            "--key-file",
            "key",
        ])
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "hunter2")
        .env("AWS_REGION", "us-east-1")
        .run()
        .failed(1, "cannot reach the store");
    assert!(run.err.contains("AWS_ENDPOINT_URL"), "{run:?}");
    assert!(!run.err.contains("hunter2"), "{run:?}");
}

#[test]
fn secrets_in_a_url_are_refused_and_not_repeated() {
    let bench = Bench::new();
    let run = bench
        .orlop(["snapshots", "--repo", "s3://user:hunter2@bucket"])
        .run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(!run.err.contains("hunter2"), "{run:?}");
}
