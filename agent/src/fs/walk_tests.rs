//! Tests of the walk on real volumes, hostile ones among them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, Mode, OFlags, RenameFlags};

use super::test_volume::{Volume, names, run, split};
use super::*;

fn key(item: &Item) -> Vec<u8> {
    [&item.parent_key, &b"\0"[..], &item.name].concat()
}

#[test]
fn entries_come_in_the_order_of_the_keys() {
    let volume = Volume::new();
    for name in ["b/x", "b/x/deep", "b.d", "a", "a!"] {
        volume.mkdir(name);
    }
    for name in ["b/x/f", "b/a", "b.d/f", "z", "a/y", "b/x/deep/g"] {
        volume.write(name, b"");
    }
    let (items, problems) = volume.walk();
    assert!(problems.is_empty());
    assert!(items.is_sorted_by_key(key), "{:?}", names(&items));
    // A component ends with a zero byte, so everything in `b` stands before what is in `b.d`.
    assert_eq!(
        names(&items),
        [
            "",
            "a",
            "a!",
            "b",
            "b.d",
            "z",
            "a/y",
            "b/a",
            "b/x",
            "b/x/deep",
            "b/x/f",
            "b/x/deep/g",
            "b.d/f"
        ]
    );
    assert_eq!(key(&items[0]), [0], "the root's key is one zero byte");
}

#[test]
fn a_root_may_be_a_single_file_and_nothing_odd() {
    let volume = Volume::new();
    volume.write("f", b"content");
    let root = Root::open(&volume.path("f")).unwrap();
    let (items, _) = split(Walk::new(&root, volume.options()));
    assert_eq!((items.len(), items[0].stat.kind), (1, Kind::File));
    let mut buffer = [0; 16];
    let read = root.open_content().unwrap().read(&mut buffer).unwrap();
    assert_eq!(&buffer[..read], b"content");

    rustix::fs::mkfifoat(CWD, volume.path("fifo"), Mode::RWXU).unwrap();
    let refused = Root::open(&volume.path("fifo"));
    assert!(matches!(
        refused,
        Err(FsError::WrongKind {
            found: Kind::Fifo,
            ..
        })
    ));
}

#[test]
fn every_kind_is_told_and_only_files_are_opened() {
    let volume = Volume::new();
    volume.write("file", b"x");
    symlink("/etc/passwd", volume.path("link")).unwrap();
    rustix::fs::mkfifoat(CWD, volume.path("fifo"), Mode::RWXU).unwrap();
    let _socket = UnixListener::bind(volume.path("socket")).unwrap();
    let device = rustix::fs::makedev(10, 130);
    let node = FileType::CharacterDevice;
    rustix::fs::mknodat(CWD, volume.path("watchdog"), node, Mode::RWXU, device).unwrap();
    let (items, problems) = volume.walk();
    assert!(problems.is_empty());
    let kinds: Vec<Kind> = items.iter().map(|item| item.stat.kind).collect();
    assert_eq!(
        kinds,
        [
            Kind::Folder,
            Kind::Fifo,
            Kind::File,
            Kind::Symlink,
            Kind::Socket,
            Kind::CharDevice
        ]
    );
    assert_eq!(items[5].stat.device, (10, 130));
    assert_eq!(items[3].read_link().unwrap(), b"/etc/passwd");
    for item in items.iter().filter(|item| item.stat.kind != Kind::File) {
        assert!(matches!(item.open(), Err(FsError::WrongKind { .. })));
        assert!(item.meta().unwrap().problems.is_empty());
    }
}

#[test]
fn what_replaces_a_file_after_the_walk_is_never_opened() {
    let volume = Volume::new();
    for name in ["fifo", "link", "device", "file", "folder", "gone"] {
        volume.write(name, b"mine");
    }
    let (items, _) = volume.walk();
    for item in &items[1..] {
        std::fs::remove_file(volume.top.path().join(OsStr::from_bytes(&item.name))).unwrap();
    }
    rustix::fs::mkfifoat(CWD, volume.path("fifo"), Mode::RWXU).unwrap();
    symlink("/etc/shadow", volume.path("link")).unwrap();
    let device = rustix::fs::makedev(10, 130);
    let node = FileType::CharacterDevice;
    rustix::fs::mknodat(CWD, volume.path("device"), node, Mode::RWXU, device).unwrap();
    // The new one must not get the old one's inode number.
    volume.write("other", b"x");
    volume.write("file", b"theirs");
    volume.mkdir("folder");
    for item in &items[1..] {
        let answer = item.open();
        match &*item.name {
            b"gone" => assert!(answer.is_err_and(|error| error.is_vanished())),
            b"file" if answer.is_ok() => {
                let now = std::fs::metadata(volume.path("file")).unwrap();
                assert_eq!(
                    now.ino(),
                    item.stat.identity.ino,
                    "the number was given again"
                );
            }
            _ => assert!(
                matches!(answer, Err(FsError::Swapped { .. })),
                "{item:?} {answer:?}"
            ),
        }
    }
}

#[test]
fn a_link_swapped_in_during_the_walk_leads_nowhere() {
    let volume = Volume::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), b"secret").unwrap();
    volume.mkdir("real");
    volume.write("real/mine", b"mine");
    volume.write("file", b"mine");
    symlink(outside.path(), volume.path("evil")).unwrap();
    symlink(outside.path().join("secret"), volume.path("evil-file")).unwrap();
    let stop = AtomicBool::new(false);
    let swap = |a: &str, b: &str| {
        let (a, b) = (volume.path(a), volume.path(b));
        rustix::fs::renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).unwrap();
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                swap("real", "evil");
                swap("file", "evil-file");
            }
        });
        for _ in 0..300 {
            let (items, _) = volume.walk();
            for item in &items {
                assert_ne!(&*item.name, b"secret");
                if let Ok(mut file) = item.open() {
                    let mut buffer = [0; 16];
                    let read = file.read(&mut buffer).unwrap();
                    assert_eq!(&buffer[..read], b"mine");
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_folder_swapped_between_its_listing_and_its_turn_is_reported_and_not_entered() {
    let volume = Volume::new();
    volume.mkdir("dir");
    volume.write("dir/old", b"");
    volume.mkdir("other");
    let root = volume.root();
    let mut walk = Walk::new(&root, volume.options());
    let other = |found: Found| matches!(found, Found::Item(item) if &*item.name == b"other");
    assert!(walk.any(|found| other(found.unwrap())));
    rustix::fs::renameat_with(
        CWD,
        volume.path("dir"),
        CWD,
        volume.path("other"),
        RenameFlags::EXCHANGE,
    )
    .unwrap();
    let (items, problems) = split(walk);
    assert!(items.is_empty(), "{items:?}");
    assert_eq!(problems.len(), 2);
    assert!(
        problems
            .iter()
            .all(|problem| matches!(problem.what, Trouble::Swapped))
    );
}

/// Makes `depth` folders in each other, reaching far beyond `PATH_MAX`.
fn dig(volume: &Volume, depth: usize, name: &str) {
    let mut dir = rustix::fs::openat(
        CWD,
        volume.top.path(),
        OFlags::DIRECTORY | OFlags::RDONLY,
        Mode::empty(),
    )
    .unwrap();
    for level in 0..depth {
        rustix::fs::mkdirat(&dir, name, Mode::RWXU).unwrap();
        // A second folder that sorts after it makes the walk come back to every level.
        rustix::fs::mkdirat(&dir, "~", Mode::RWXU).unwrap();
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        dir = rustix::fs::openat(&dir, name, flags, Mode::empty())
            .unwrap_or_else(|errno| panic!("level {level}: {errno}"));
    }
}

#[test]
fn a_tree_far_deeper_than_path_max_is_walked_with_few_descriptors() {
    let volume = Volume::new();
    let (depth, name) = (1500, "a-name-of-some-length-in-a-deep-tree");
    dig(&volume, depth, name);
    let root = volume.root();
    let mut walk = Walk::new(
        &root,
        WalkOptions {
            max_open: 8,
            ..volume.options()
        },
    );
    let (mut count, mut longest, mut open) = (0, 0, 0);
    while let Some(found) = walk.next() {
        let Found::Item(item) = found.unwrap() else {
            panic!("no problem in this tree")
        };
        count += 1;
        longest = longest.max(item.path().to_slashed().len());
        open = open.max(walk.open_folders());
    }
    assert_eq!(count, 1 + 2 * depth);
    assert!(longest > 50_000, "{longest}");
    assert!(open <= 12, "{open}");
}

#[test]
fn a_folder_whose_keys_would_not_fit_is_named_and_the_rest_is_walked() {
    let volume = Volume::new();
    dig(&volume, 20, "0123456789");
    let options = WalkOptions {
        max_prefix: 100,
        ..volume.options()
    };
    let (items, problems) = split(Walk::new(&volume.root(), options));
    assert_eq!(problems.len(), 2, "both folders of the tenth level");
    assert!(
        problems
            .iter()
            .all(|problem| matches!(problem.what, Trouble::TooLong))
    );
    assert_eq!(problems[0].what.severity(), Severity::Error);
    assert_eq!(items.len(), 1 + 2 * 9);
}

#[test]
fn names_are_raw_bytes_of_any_kind() {
    let volume = Volume::new();
    let mut all: Vec<Vec<u8>> = vec![
        vec![0xff; 255],
        b"\n".to_vec(),
        b"a\nb".to_vec(),
        b" ".to_vec(),
        b"...".to_vec(),
        b"\x01\x7f".to_vec(),
        b"\xed\xa0\x80".to_vec(),
        "\u{fffd}".into(),
        b"-rf".to_vec(),
    ];
    for name in &all {
        std::fs::write(volume.top.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let (items, problems) = volume.walk();
    assert!(problems.is_empty());
    all.sort();
    let found: Vec<Vec<u8>> = items[1..].iter().map(|item| item.name.to_vec()).collect();
    assert_eq!(found, all);
    for item in &items[1..] {
        let mut buffer = [0; 300];
        let read = item.open().unwrap().read(&mut buffer).unwrap();
        assert_eq!(buffer[..read], *item.name);
    }
}

#[test]
fn twenty_thousand_names_and_folders_pass_through_a_tiny_memory() {
    let volume = Volume::new();
    let dir = std::fs::File::open(volume.top.path()).unwrap();
    for n in 0..20_000_u32 {
        let name = format!("{:08x}", n.wrapping_mul(2_654_435_761));
        if n % 100 == 0 {
            rustix::fs::mkdirat(&dir, name, Mode::RWXU).unwrap();
        } else {
            let kind = FileType::RegularFile;
            rustix::fs::mknodat(&dir, name, kind, Mode::RUSR, 0).unwrap();
        }
    }
    let options = WalkOptions {
        memory: 16 << 10,
        ..volume.options()
    };
    let root = volume.root();
    let (mut count, mut last) = (0, Vec::new());
    for found in Walk::new(&root, options) {
        let Found::Item(item) = found.unwrap() else {
            panic!("no problem in this folder")
        };
        assert!(count == 0 || key(&item) > last);
        last = key(&item);
        count += 1;
    }
    assert_eq!(count, 20_001);
}

#[test]
fn excluded_entries_are_neither_given_nor_entered() {
    let volume = Volume::new();
    for name in ["keep", "drop/inner", "keep/drop"] {
        volume.mkdir(name);
    }
    for name in ["drop/inner/f", "keep/f", "keep/drop.txt", "drop.txt"] {
        volume.write(name, b"");
    }
    let mut asked = Vec::new();
    let root = volume.root();
    let walk = Walk::new(&root, volume.options()).excluding(|path, is_dir| {
        asked.push((String::from_utf8(path.to_slashed()).unwrap(), is_dir));
        path.components().last() == Some(b"drop")
    });
    let (items, problems) = split(walk);
    assert!(problems.is_empty());
    assert_eq!(
        names(&items),
        ["", "drop.txt", "keep", "keep/drop.txt", "keep/f"]
    );
    assert!(asked.contains(&("drop".into(), true)) && asked.contains(&("keep/f".into(), false)));
    assert!(!asked.iter().any(|(path, _)| path.starts_with("drop/")));
}

#[test]
fn a_folder_that_cannot_be_listed_does_not_stop_the_walk() {
    let volume = Volume::new();
    volume.mkdir("a");
    volume.mkdir("b");
    volume.write("b/f", b"");
    let root = volume.root();
    let mut walk = Walk::new(&root, volume.options());
    for _ in 0..3 {
        walk.next().unwrap().unwrap();
    }
    std::fs::remove_dir(volume.path("a")).unwrap();
    let (items, problems) = split(walk);
    assert_eq!(names(&items), ["b/f"]);
    assert!(matches!(
        problems[..],
        [Problem {
            what: Trouble::Vanished,
            ..
        }]
    ));
}

/// Runs the named test of this file again in a process of its own with its own mounts, where
/// `setup` was run by a shell before. Nothing if mounting is not allowed here.
#[expect(clippy::unwrap_in_result, reason = "a test's own paths")]
fn in_own_mounts(test: &str, setup: &str, top: &std::path::Path) -> Option<bool> {
    if !run("unshare", &["-m", "true"]) {
        return None;
    }
    let exe = std::env::current_exe().unwrap();
    let script = format!(
        "{setup} && ORLOP_TEST_TOP=\"$1\" exec \"$2\" --exact fs::walk_tests::{test} --ignored"
    );
    let (top, exe) = (top.to_str().unwrap(), exe.to_str().unwrap());
    Some(run("unshare", &["-m", "sh", "-c", &script, "sh", top, exe]))
}

#[test]
fn a_bind_mount_onto_itself_is_a_loop_and_other_mounts_can_be_left_out() {
    let volume = Volume::new();
    volume.mkdir("a/b/loop");
    volume.mkdir("a/foreign");
    volume.write("a/b/f", b"");
    let setup = "mount --bind \"$1/a\" \"$1/a/b/loop\" && mount -t tmpfs none \"$1/a/foreign\" \
                 && touch \"$1/a/foreign/theirs\"";
    let worked = in_own_mounts("inside_the_mounts", setup, volume.top.path());
    if worked.is_none() {
        println!("skipped: mounts of one's own are not allowed here");
    }
    assert_ne!(worked, Some(false));
}

#[test]
#[ignore = "started by the test above in a mount namespace of its own"]
fn inside_the_mounts() {
    let Some(top) = std::env::var_os("ORLOP_TEST_TOP") else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let root = Root::open(std::path::Path::new(&top)).unwrap();
    let options = WalkOptions::new(scratch.path().to_owned());
    let (items, problems) = split(Walk::new(&root, options.clone()));
    assert_eq!(
        names(&items),
        [
            "",
            "a",
            "a/b",
            "a/foreign",
            "a/b/f",
            "a/b/loop",
            "a/foreign/theirs"
        ]
    );
    assert!(
        matches!(&problems[..], [Problem { what: Trouble::Loop, path }]
        if path.to_slashed() == b"a/b/loop")
    );
    assert_eq!(
        Trust::of(items[6].dir.as_ref().unwrap()).unwrap(),
        Trust::Never
    );

    let options = WalkOptions {
        one_file_system: true,
        ..options
    };
    let (items, problems) = split(Walk::new(&root, options));
    assert_eq!(
        names(&items),
        ["", "a", "a/b", "a/foreign", "a/b/f", "a/b/loop"]
    );
    assert_eq!(problems.len(), 2);
}

#[test]
fn sockets_are_seen_by_kind_alone() {
    let volume = Volume::new();
    let _socket = UnixListener::bind(volume.path("s")).unwrap();
    assert!(
        std::fs::symlink_metadata(volume.path("s"))
            .unwrap()
            .file_type()
            .is_socket()
    );
    assert_eq!(volume.item("s").stat.kind, Kind::Socket);
}

#[test]
#[ignore = "a measurement: run it with a tree in ORLOP_WALK_TREE"]
fn speed_of_the_walk() {
    let Some(tree) = std::env::var_os("ORLOP_WALK_TREE") else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let root = Root::open(std::path::Path::new(&tree)).unwrap();
    let options = WalkOptions::new(scratch.path().to_owned());
    println!("{} entries", Walk::new(&root, options).count());
}
