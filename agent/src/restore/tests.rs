//! Tests of whole restores: real backups, real folders.

use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
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

#[test]
fn holes_zeros_and_reserved_space_come_back_as_they_were() {
    let repo = TestRepository::new();
    let file = std::fs::File::create(repo.source("holes")).unwrap();
    file.write_all_at(&noise(1, 100_000), 1 << 20).unwrap();
    file.write_all_at(&vec![0; 1 << 20], 3 << 20).unwrap();
    file.set_len(6 << 20).unwrap();
    repo.write("only a hole", b"");
    let hole = std::fs::File::options()
        .write(true)
        .open(repo.source("only a hole"))
        .unwrap();
    hole.set_len(5 << 20).unwrap();
    run("fallocate", &["-l", "2M"], &repo.source("reserved"));
    let snapshot = repo.backup();
    complete(&repo.restore(&snapshot, repo.options()).unwrap());
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");

    let mut options = repo.options();
    options.target = repo.folder.path().join("sparse");
    options.sparse = true;
    complete(&repo.restore(&snapshot, options).unwrap());
    let blocks = |path: &Path| path.metadata().unwrap().blocks();
    let sparse = blocks(&repo.folder.path().join("sparse/holes"));
    assert!(sparse + 2000 < blocks(&repo.target("holes")), "{sparse}");
}

#[test]
fn names_of_one_inode_come_back_as_names_of_one_inode() {
    let repo = TestRepository::new();
    repo.write("z/first", &noise(1, 200_000));
    repo.write("other", b"alone");
    std::fs::create_dir(repo.source("a")).unwrap();
    for n in 0..50 {
        std::fs::hard_link(repo.source("z/first"), repo.source(&format!("a/{n}"))).unwrap();
    }
    symlink("gone", repo.source("link")).unwrap();
    std::fs::hard_link(repo.source("link"), repo.source("z/link")).unwrap();
    assert!(run("mkfifo", &[], &repo.source("fifo")));
    std::fs::hard_link(repo.source("fifo"), repo.source("a/fifo")).unwrap();
    let snapshot = repo.backup();
    let summary = repo.restore(&snapshot, repo.options()).unwrap();
    complete(&summary);
    assert_eq!((summary.files, summary.hard_links), (2, 52));
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");

    let again = repo.restore(&snapshot, repo.options()).unwrap();
    complete(&again);
    assert_eq!(again.bytes_written, 0);
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");

    let mut part = repo.options();
    part.path = b"z".to_vec();
    part.target = repo.folder.path().join("part");
    complete(&repo.restore(&snapshot, part).unwrap());
    let part = repo.folder.path().join("part/first");
    assert_eq!(std::fs::read(part).unwrap(), noise(1, 200_000));
}

#[test]
fn a_damaged_block_costs_exactly_the_files_that_need_it() {
    let repo = TestRepository::new();
    for n in 0..40 {
        repo.write(&format!("file {n:02}"), &noise(n, 300_000));
    }
    let snapshot = repo.backup();
    let packs = repo.packs(1);
    let pack = packs.first().unwrap();
    let good = std::fs::read(pack).unwrap();
    let mut bad = good.clone();
    bad[3_000_000] ^= 1;
    std::fs::set_permissions(pack, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(pack, &bad).unwrap();

    let summary = repo.restore(&snapshot, repo.options()).unwrap();
    assert!(!summary.is_complete());
    assert_eq!(summary.failed, [], "damage is named once");
    assert!(
        (1..=6).contains(&summary.damaged_count),
        "{:?}",
        summary.damaged
    );
    assert_eq!(summary.files, 40);
    for n in 0..40_u64 {
        let name = format!("file {n:02}");
        let found = std::fs::read(repo.target(&name)).unwrap();
        let content = noise(n, 300_000);
        let hurt = summary
            .damaged
            .iter()
            .any(|named| named.path.to_string() == name);
        assert_eq!(found != content, hurt, "{name}");
        assert_eq!(found.len(), content.len());
        assert!(
            found
                .iter()
                .zip(&content)
                .all(|(found, good)| found == good || *found == 0)
        );
    }

    // From a healed repository the same command writes what was missing.
    std::fs::write(pack, &good).unwrap();
    let healed = repo.restore(&snapshot, repo.options()).unwrap();
    complete(&healed);
    assert_eq!(healed.files, summary.damaged_count);
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");

    // A pack that is gone costs all that is in it and stops nothing.
    std::fs::remove_file(pack).unwrap();
    let mut options = repo.options();
    options.target = repo.folder.path().join("again");
    let gone = repo.restore(&snapshot, options).unwrap();
    assert!(gone.damaged_count >= summary.damaged_count);
    assert_eq!(gone.files, 40);
}

#[test]
fn each_way_to_treat_existing_files_does_what_it_says() {
    let repo = TestRepository::new();
    repo.write("same", b"the same");
    repo.write("changed", b"as it was");
    repo.write("sneaky", b"as it was");
    repo.write("young", b"as it was");
    let snapshot = repo.backup();
    for (existing, expected) in [
        (Existing::IfChanged, ["as it was", "SNEAKILY!", "as it was"]),
        (Existing::Always, ["as it was", "as it was", "as it was"]),
        (Existing::IfNewer, ["as it was", "SNEAKILY!", "too young"]),
        (Existing::Never, ["as it i! ", "SNEAKILY!", "too young"]),
    ] {
        let mut options = repo.options();
        options.existing = Existing::Always;
        complete(&repo.restore(&snapshot, options).unwrap());
        std::fs::write(repo.target("changed"), "as it i! ").unwrap();
        age(&repo.target("changed"), "2001-01-01");
        let time = std::fs::metadata(repo.source("sneaky"))
            .unwrap()
            .modified()
            .unwrap();
        std::fs::write(repo.target("sneaky"), "SNEAKILY!").unwrap();
        let sneaky = std::fs::File::options()
            .write(true)
            .open(repo.target("sneaky"))
            .unwrap();
        sneaky.set_modified(time).unwrap();
        std::fs::write(repo.target("young"), "too young").unwrap();
        age(&repo.target("young"), "2200-01-01");

        let mut options = repo.options();
        options.existing = existing;
        options.verify = false;
        complete(&repo.restore(&snapshot, options).unwrap());
        let found = ["changed", "sneaky", "young"]
            .map(|name| std::fs::read_to_string(repo.target(name)).unwrap());
        assert_eq!(found, expected, "{existing:?}");
    }
}

#[test]
fn of_an_existing_file_only_what_differs_is_written() {
    let repo = TestRepository::new();
    let content = noise(1, 8 << 20);
    repo.write("image", &content);
    let snapshot = repo.backup();
    complete(&repo.restore(&snapshot, repo.options()).unwrap());
    let before = std::fs::metadata(repo.target("image")).unwrap().ino();
    let file = std::fs::File::options()
        .write(true)
        .open(repo.target("image"))
        .unwrap();
    file.write_all_at(b"something else", 5 << 20).unwrap();
    file.set_len(9 << 20).unwrap();
    let summary = repo.restore(&snapshot, repo.options()).unwrap();
    complete(&summary);
    assert!(
        (1..=512 << 10).contains(&summary.bytes_written),
        "{}",
        summary.bytes_written
    );
    assert_eq!(
        std::fs::metadata(repo.target("image")).unwrap().ino(),
        before
    );
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
}

#[test]
fn what_the_snapshot_does_not_have_is_removed_if_asked() {
    let repo = TestRepository::new();
    repo.write("kept/file", b"1");
    repo.write("was a folder", b"2");
    let snapshot = repo.backup();
    std::fs::create_dir_all(repo.target("too/much")).unwrap();
    std::fs::create_dir_all(repo.target("kept/inner")).unwrap();
    std::fs::create_dir_all(repo.target("was a folder/with")).unwrap();
    std::fs::write(repo.target("too/much/file"), "").unwrap();
    std::fs::write(repo.target("kept/other"), "").unwrap();
    symlink("/etc", repo.target("link")).unwrap();

    let mut options = repo.options();
    (options.delete, options.dry_run) = (true, true);
    let dry = repo.restore(&snapshot, options).unwrap();
    assert_eq!((dry.deleted, dry.files), (4, 2));
    assert!(
        repo.target("too/much/file").exists(),
        "a dry run changes nothing"
    );

    let mut options = repo.options();
    options.delete = true;
    let summary = repo.restore(&snapshot, options).unwrap();
    complete(&summary);
    assert_eq!(summary.deleted, 4);
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
}

#[test]
fn without_being_asked_a_folder_is_not_replaced_by_a_file() {
    let repo = TestRepository::new();
    repo.write("name", b"file");
    let snapshot = repo.backup();
    std::fs::create_dir_all(repo.target("name")).unwrap();
    std::fs::write(repo.target("name/precious"), "").unwrap();
    let summary = repo.restore(&snapshot, repo.options()).unwrap();
    assert_eq!(summary.failed_count, 1, "{summary:?}");
    assert!(repo.target("name/precious").exists());
}

#[test]
fn a_link_in_the_target_does_not_redirect_what_is_written() {
    let repo = TestRepository::new();
    repo.write("folder/file", b"content");
    repo.write("file", b"content");
    let snapshot = repo.backup();
    let outside = repo.folder.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("victim"), "untouched").unwrap();
    std::fs::create_dir_all(repo.target("")).unwrap();
    symlink(&outside, repo.target("folder")).unwrap();
    symlink(outside.join("victim"), repo.target("file")).unwrap();
    complete(&repo.restore(&snapshot, repo.options()).unwrap());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(std::fs::read(outside.join("victim")).unwrap(), b"untouched");
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
}

#[test]
fn an_interrupted_restore_is_continued_by_the_next() {
    let repo = TestRepository::new();
    for n in 0..30 {
        repo.write(&format!("{n}"), &noise(n, 400_000));
    }
    let snapshot = repo.backup();
    let progress = std::sync::Arc::new(crate::progress::Progress::new());
    let (seen, mut count) = (std::sync::Arc::clone(&progress), 0);
    let mut options = repo.options();
    options.select = Some(Box::new(move |_, _| {
        count += 1;
        if count == 20 {
            seen.cancel();
        }
        Choice::Restore
    }));
    let stopped = restore(&repo.tools, &snapshot, options, &progress);
    assert!(
        matches!(stopped, Err(RestoreError::Cancelled)),
        "{stopped:?}"
    );
    // As a killed process leaves it: there, of the right size, and not whole.
    std::fs::create_dir_all(repo.target("")).unwrap();
    std::fs::write(repo.target("7"), vec![0; 400_000]).unwrap();
    complete(&repo.restore(&snapshot, repo.options()).unwrap());
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
}

#[test]
fn only_what_is_chosen_is_restored_with_the_folders_above_it() {
    let repo = TestRepository::new();
    repo.write("a/b/wanted", b"1");
    repo.write("a/b/not", b"2");
    repo.write("c/not", b"3");
    std::fs::set_permissions(repo.source("a/b"), PermissionsExt::from_mode(0o700)).unwrap();
    let snapshot = repo.backup();
    let mut options = repo.options();
    options.select = Some(Box::new(|path, folder| {
        match (path.to_string().ends_with("wanted"), folder) {
            (true, _) => Choice::Restore,
            (false, true) => Choice::Enter,
            (false, false) => Choice::Skip,
        }
    }));
    let summary = repo.restore(&snapshot, options).unwrap();
    complete(&summary);
    assert_eq!((summary.files, summary.folders), (1, 2));
    assert_eq!(std::fs::read(repo.target("a/b/wanted")).unwrap(), b"1");
    assert_eq!(repo.target("a/b").metadata().unwrap().mode() & 0o777, 0o700);
    assert!(!repo.target("c").exists() && !repo.target("a/b/not").exists());
}

#[test]
fn one_file_is_restored_and_shown_with_few_reads() {
    let repo = TestRepository::new();
    for n in 0..3000 {
        repo.write(
            &format!("{:02}/{n}", n % 20),
            format!("content of {n}").as_bytes(),
        );
    }
    repo.write("10/big", &noise(1, 3 << 20));
    let snapshot = repo.backup();
    let mut options = repo.options();
    options.path = b"10/big".to_vec();
    options.verify = false;
    let before = repo.tools.repository.store().counts();
    let summary = repo.restore(&snapshot, options).unwrap();
    let after = repo.tools.repository.store().counts();
    complete(&summary);
    assert_eq!((summary.files, summary.bytes), (1, 3 << 20));
    assert_eq!(
        std::fs::read(repo.target("big")).unwrap(),
        noise(1, 3 << 20)
    );
    assert!(after.gets - before.gets <= 12, "{before:?} {after:?}");

    let (memory, progress) = (repo.options().memory, crate::progress::Progress::new());
    let mut out = Vec::new();
    let size = cat(
        &repo.tools,
        &snapshot,
        b"10/big",
        &memory,
        &mut out,
        &progress,
    )
    .unwrap();
    assert_eq!((size, out), (3 << 20, noise(1, 3 << 20)));
    let folder = cat(
        &repo.tools,
        &snapshot,
        b"10",
        &memory,
        &mut Vec::new(),
        &progress,
    );
    assert!(matches!(folder, Err(RestoreError::IsFolder { .. })));
    let nothing = cat(
        &repo.tools,
        &snapshot,
        b"10/nothing",
        &memory,
        &mut Vec::new(),
        &progress,
    );
    assert!(matches!(nothing, Err(RestoreError::NoSuchPath { .. })));
}

#[test]
fn an_archive_unpacks_to_the_same_tree() {
    let repo = TestRepository::new();
    repo.write("small", b"content");
    repo.write("large", &noise(1, 1 << 20));
    let long = "n".repeat(200);
    repo.write(&format!("{long}/{long}"), &noise(2, 1000));
    repo.write("\u{e4}\u{f6}", b"umlauts");
    std::fs::hard_link(repo.source("small"), repo.source("small too")).unwrap();
    symlink(&long, repo.source("link")).unwrap();
    assert!(run("mkfifo", &[], &repo.source("fifo")));
    std::fs::create_dir(repo.source("empty")).unwrap();
    run(
        "setfattr",
        &["-n", "user.note", "-v", "kept"],
        &repo.source("small"),
    );
    age(&repo.source("large"), "1966-04-05 06:07:08.75");
    let snapshot = repo.backup();
    let (memory, progress) = (repo.options().memory, crate::progress::Progress::new());
    let mut archive = std::fs::File::create(repo.folder.path().join("archive.tar")).unwrap();
    let done = tar(
        &repo.tools,
        &snapshot,
        b"",
        &memory,
        &mut archive,
        &progress,
    )
    .unwrap();
    assert!(done.is_complete(), "{done:?}");
    std::fs::create_dir_all(repo.target("")).unwrap();
    let unpacked = Command::new("tar")
        .args([
            "--delay-directory-restore",
            "--xattrs",
            "--xattrs-include=*",
            "-xpf",
        ])
        .arg(repo.folder.path().join("archive.tar"))
        .arg("-C")
        .arg(repo.target(""))
        .output()
        .unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
}

#[test]
fn a_folder_of_very_many_entries_takes_little_memory() {
    let repo = TestRepository::new();
    std::fs::create_dir(repo.source("many")).unwrap();
    let folder = std::fs::File::open(repo.source("many")).unwrap();
    for n in 0..20_000_u32 {
        let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
        let mode = rustix::fs::Mode::from_raw_mode(0o644);
        let file = rustix::fs::openat(&folder, format!("{n}"), flags, mode).unwrap();
        rustix::io::write(&file, &n.to_le_bytes()).unwrap();
    }
    let snapshot = repo.backup();
    let mut options = repo.options();
    options.memory.sorter = 32 << 10;
    options.memory.session_index = 32 << 10;
    options.delete = true;
    let summary = repo.restore(&snapshot, options).unwrap();
    complete(&summary);
    assert_eq!((summary.files, summary.folders), (20_000, 1));
    assert_eq!(
        std::fs::read(repo.target("many/19999")).unwrap(),
        19_999_u32.to_le_bytes()
    );
}
