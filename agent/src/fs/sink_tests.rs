//! Tests of restoring: what is written is what a walk then reads, and nothing leads outside.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, Mode, OFlags, RenameFlags};

use super::test_volume::{Volume, run, split};
use super::*;

fn sink(volume: &Volume, overwrite: Overwrite) -> Sink {
    Sink::open(
        volume.top.path(),
        SinkOptions {
            overwrite,
            unlock: true,
        },
    )
    .unwrap()
}

fn path(text: &str) -> RelPath {
    let mut path = RelPath::root();
    text.split('/')
        .for_each(|name| path.push(name.as_bytes()).unwrap());
    path
}

fn want(kind: Kind) -> Attributes {
    Attributes {
        kind,
        mode: 0o640,
        uid: 1001,
        gid: 1002,
        mtime: Time {
            secs: 1_000_000_000,
            nanos: 123_456_789,
        },
        xattrs: Vec::new(),
        flags: 0,
        project: 0,
    }
}

/// The same, as a walk finds it.
fn found(volume: &Volume, name: &str) -> Attributes {
    let item = volume.item(name);
    let (stat, meta) = (item.stat, item.meta().unwrap());
    Attributes {
        kind: stat.kind,
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        mtime: stat.mtime,
        xattrs: meta.xattrs,
        flags: meta.flags,
        project: meta.project,
    }
}

/// Flags of a kind that the file system keeps by itself.
fn base_flags(volume: &Volume) -> u32 {
    volume.write("probe", b"");
    let flags = volume.item("probe").meta().unwrap().flags;
    std::fs::remove_file(volume.path("probe")).unwrap();
    flags
}

#[test]
fn a_file_comes_back_with_all_its_metadata() {
    let volume = Volume::new();
    let acl = [
        2_u32.to_le_bytes().to_vec(),
        [
            (1, 6, u32::MAX),
            (2, 4, 7),
            (4, 4, u32::MAX),
            (16, 4, u32::MAX),
            (32, 0, u32::MAX),
        ]
        .iter()
        .flat_map(|&(tag, perm, id): &(u16, u16, u32)| {
            [
                &tag.to_le_bytes()[..],
                &perm.to_le_bytes(),
                &id.to_le_bytes(),
            ]
            .concat()
        })
        .collect(),
    ]
    .concat();
    // Version 2, effective; cap_net_bind_service permitted.
    let capability = [0x0200_0001_u32, 1 << 10, 0, 0, 0]
        .map(u32::to_le_bytes)
        .concat();
    let want = Attributes {
        mode: 0o4640,
        xattrs: vec![
            (b"security.capability".to_vec(), capability),
            (b"system.posix_acl_access".to_vec(), acl),
            (b"trusted.t".to_vec(), vec![0, 255]),
            (b"user.empty".to_vec(), Vec::new()),
            (b"user.large".to_vec(), vec![9; 2000]),
        ],
        flags: base_flags(&volume) | 0x40 | 0x10,
        ..want(Kind::File)
    };
    let file = sink(&volume, Overwrite::Never)
        .cursor()
        .create_file(&path("f"))
        .unwrap();
    file.write_at(b"content", 3).unwrap();
    assert_eq!(file.finish(&want), []);
    assert_eq!(found(&volume, "f"), want);
    assert_eq!(std::fs::read(volume.path("f")).unwrap(), b"\0\0\0content");
}

#[test]
fn inherited_acls_do_not_stay() {
    let volume = Volume::new();
    let top = volume.top.path().to_string_lossy().into_owned();
    if !run("setfacl", &["-d", "-m", "u:7:rwx", &top]) {
        return;
    }
    let mut cursor = sink(&volume, Overwrite::Never).cursor();
    let want = Attributes {
        flags: base_flags(&volume),
        ..want(Kind::File)
    };
    assert_eq!(cursor.create_file(&path("f")).unwrap().finish(&want), []);
    assert_eq!(found(&volume, "f"), want);
}

#[test]
fn only_its_owner_may_open_a_file_before_it_is_finished() {
    let volume = Volume::new();
    let top = volume.top.path();
    let mode = |name: &str| volume.item(name).stat.mode;
    for (folder, early, late) in [(0o700, 0o644, 0o600), (0o755, 0o600, 0o600)] {
        std::fs::set_permissions(top, std::fs::Permissions::from_mode(folder)).unwrap();
        let mut cursor = sink(&volume, Overwrite::Files).cursor();
        let file = cursor.create_file_as(&path("f"), 0o4644).unwrap();
        assert_eq!(mode("f"), early, "in a folder of mode {folder:o}");
        let want = Attributes {
            mode: 0o4644,
            flags: base_flags(&volume),
            ..want(Kind::File)
        };
        assert_eq!(file.finish(&want), []);
        assert_eq!(found(&volume, "f"), want);
        // Whoever restores opens it again before it is whole.
        drop(cursor.create_file_as(&path("g"), 0o444).unwrap());
        assert_eq!(mode("g"), late);
    }
}

#[test]
fn a_file_with_the_owner_and_mode_of_whoever_restores_is_given_the_rest() {
    let volume = Volume::new();
    let mut cursor = sink(&volume, Overwrite::Never).cursor();
    for (name, mode) in [("a", 0o600), ("b", 0o644), ("c", 0o666), ("d", 0o6755)] {
        let file = cursor.create_file_as(&path(name), mode).unwrap();
        let want = Attributes {
            mode,
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            xattrs: vec![(b"user.x".to_vec(), b"y".to_vec())],
            flags: base_flags(&volume),
            ..want(Kind::File)
        };
        assert_eq!(file.finish(&want), []);
        assert_eq!(found(&volume, name), want);
    }
}

#[test]
fn inherited_flags_do_not_stay() {
    const NODUMP: u32 = 0x40;
    let volume = Volume::new();
    let flags = base_flags(&volume);
    let mut cursor = sink(&volume, Overwrite::Never).cursor();
    assert!(cursor.make_dir(&path("d")).unwrap());
    let folder = std::fs::File::open(volume.path("d")).unwrap();
    let set = rustix::fs::IFlags::from_bits_retain(
        rustix::fs::ioctl_getflags(&folder).map_or(0, |flags| flags.bits()) | NODUMP,
    );
    if rustix::fs::ioctl_setflags(&folder, set).is_err() {
        return;
    }
    let file = cursor.create_file_as(&path("d/f"), 0o640).unwrap();
    let want = Attributes {
        flags,
        ..want(Kind::File)
    };
    assert_eq!(file.finish(&want), []);
    assert_eq!(found(&volume, "d/f"), want);
}

#[test]
fn times_before_1970_and_far_ahead_come_back_where_the_file_system_holds_them() {
    let volume = Volume::new();
    let mut cursor = sink(&volume, Overwrite::Files).cursor();
    for (secs, nanos) in [
        (-1, 999_999_999),
        (-1_000_000_000, 1),
        (0, 0),
        (9_223_372_037, 5),
        (13_569_465_600, 7),
    ] {
        let want = Attributes {
            mtime: Time { secs, nanos },
            ..want(Kind::File)
        };
        let file = cursor.create_file(&path("f")).unwrap();
        assert_eq!(file.finish(&want), []);
        assert_eq!(volume.item("f").stat.mtime, want.mtime);
    }
}

#[test]
fn links_fifos_and_devices_come_back_and_sockets_are_refused() {
    let volume = Volume::new();
    let mut cursor = sink(&volume, Overwrite::Never).cursor();
    let trusted = vec![(b"trusted.t".to_vec(), b"x".to_vec())];
    let link = Attributes {
        mode: 0o777,
        xattrs: trusted,
        ..want(Kind::Symlink)
    };
    let (identity, warnings) = cursor
        .create_symlink(&path("l"), b"/etc/\xff", &link)
        .unwrap();
    assert_eq!(warnings, []);
    assert_eq!(found(&volume, "l"), link);
    assert_eq!(volume.item("l").read_link().unwrap(), b"/etc/\xff");
    for (name, kind) in [
        ("fifo", Kind::Fifo),
        ("char", Kind::CharDevice),
        ("block", Kind::BlockDevice),
    ] {
        let (_, warnings) = cursor
            .create_special(&path(name), (259, 300), &want(kind))
            .unwrap();
        assert_eq!(warnings, []);
        assert_eq!(found(&volume, name), want(kind));
        if kind != Kind::Fifo {
            assert_eq!(volume.item(name).stat.device, (259, 300));
        }
    }
    let refused = cursor.create_special(&path("s"), (0, 0), &want(Kind::Socket));
    assert!(matches!(refused, Err(FsError::WrongKind { .. })));

    cursor.link(&path("l2"), &path("l"), identity).unwrap();
    let fifo = volume.item("fifo").stat.identity;
    cursor.link(&path("fifo2"), &path("fifo"), fifo).unwrap();
    assert_eq!(volume.item("l2").stat.identity, identity);
    assert_eq!(
        (
            volume.item("fifo2").stat.identity,
            volume.item("fifo").stat.links
        ),
        (fifo, 2)
    );
    let wrong = cursor.link(&path("x"), &path("char"), fifo);
    assert!(matches!(wrong, Err(FsError::Swapped { .. })));
}

#[test]
fn the_layout_of_holes_comes_back() {
    use SegmentKind::{Data, Hole, Unwritten};
    let volume = Volume::new();
    let mut cursor = sink(&volume, Overwrite::Never).cursor();
    let file = cursor.create_file(&path("f")).unwrap();
    let page = 64_u64 << 10;
    file.preallocate(0, 4 * page).unwrap();
    file.set_len(8 * page).unwrap();
    file.write_at(&vec![1; 65536], 7 * page).unwrap();
    file.zeros(0, page).unwrap();
    file.hole(page, 2 * page).unwrap();
    file.write_at(&vec![2; 65536], 3 * page).unwrap();
    let unwritten = file.unwritten(4 * page, page).unwrap();
    file.sync().unwrap();
    assert_eq!(file.finish(&want(Kind::File)), []);
    let source = volume.item("f").open().unwrap();
    let parts: Vec<_> = source
        .layout()
        .map(|p| (p.kind, p.offset / page, p.len / page))
        .collect();
    if unwritten && Trust::of(volume.item("f").dir.unwrap()).unwrap() == Trust::Tracks {
        let expect = [
            (Data, 0, 1),
            (Hole, 1, 2),
            (Data, 3, 1),
            (Unwritten, 4, 1),
            (Hole, 5, 2),
            (Data, 7, 1),
        ];
        assert_eq!(parts, expect);
    }
}

#[test]
fn a_planted_link_never_redirects_a_write() {
    let volume = Volume::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("f"), b"precious").unwrap();
    symlink(outside.path(), volume.path("dir")).unwrap();
    symlink(outside.path().join("f"), volume.path("f")).unwrap();
    let mut careful = sink(&volume, Overwrite::Never).cursor();
    assert!(careful.create_file(&path("f")).is_err());
    assert!(careful.open_file(&path("f"), None).is_err());
    assert!(careful.create_file(&path("dir/f")).is_err());
    assert!(careful.create_file(&path("dir/new")).is_err());
    assert!(careful.make_dir(&path("dir")).is_err());
    assert!(careful.remove(&path("dir/f")).is_err());

    let mut bold = sink(&volume, Overwrite::Files).cursor();
    bold.create_file(&path("f"))
        .unwrap()
        .write_at(b"mine", 0)
        .unwrap();
    assert!(bold.make_dir(&path("dir")).unwrap());
    bold.create_file(&path("dir/f"))
        .unwrap()
        .write_at(b"mine", 0)
        .unwrap();
    assert_eq!(
        std::fs::read(outside.path().join("f")).unwrap(),
        b"precious"
    );
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read(volume.path("dir/f")).unwrap(), b"mine");
}

#[test]
fn a_folder_swapped_for_a_link_all_the_time_does_not_lead_outside() {
    let volume = Volume::new();
    let outside = tempfile::tempdir().unwrap();
    volume.mkdir("dir");
    symlink(outside.path(), volume.path("evil")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (dir, evil) = (volume.path("dir"), volume.path("evil"));
            while !stop.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, &dir, CWD, &evil, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let sink = sink(&volume, Overwrite::Never);
        let (mut made, mut refused) = (0, 0);
        for n in 0..3_000_000 {
            let mut cursor = sink.cursor();
            match cursor.create_file(&path(&format!("dir/{n}"))) {
                Ok(_) => made += 1,
                Err(_) => refused += 1,
            }
            // What it is does not matter, only where it goes.
            cursor
                .make_dir(&path(&format!("dir/d{n}")))
                .unwrap_or_default();
            if made >= 200 && refused >= 200 {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(made > 0, "the swap must leave some room");
    });
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn what_stands_there_is_replaced_only_as_the_policy_says() {
    let volume = Volume::new();
    volume.mkdir("dir/sub");
    volume.write("dir/sub/f", b"theirs");
    volume.write("f", b"theirs");
    let kept = sink(&volume, Overwrite::Never)
        .cursor()
        .create_file(&path("f"));
    assert!(matches!(
        kept,
        Err(FsError::Exists {
            found: Kind::File,
            ..
        })
    ));
    let kept = sink(&volume, Overwrite::Files)
        .cursor()
        .create_file(&path("dir"));
    assert!(matches!(
        kept,
        Err(FsError::Exists {
            found: Kind::Folder,
            ..
        })
    ));
    assert_eq!(std::fs::read(volume.path("dir/sub/f")).unwrap(), b"theirs");
    let mut cursor = sink(&volume, Overwrite::Folders).cursor();
    cursor.create_file(&path("dir")).unwrap();
    assert_eq!(volume.item("dir").stat.kind, Kind::File);
    assert!(
        !sink(&volume, Overwrite::Never)
            .cursor()
            .make_dir(&path("f"))
            .is_ok_and(|new| new)
    );
}

#[test]
fn locked_files_and_folders_are_unlocked_only_if_asked() {
    let volume = Volume::new();
    volume.mkdir("dir");
    volume.write("dir/f", b"theirs");
    let (dir, file) = (volume.path("dir"), volume.path("dir/f"));
    if !run("chattr", &["+i", &file.to_string_lossy()]) {
        return;
    }
    assert!(run("chattr", &["+a", &dir.to_string_lossy()]));
    let options = SinkOptions {
        overwrite: Overwrite::Folders,
        unlock: false,
    };
    let locked = Sink::open(volume.top.path(), options).unwrap();
    assert!(locked.cursor().create_file(&path("dir/f")).is_err());
    assert!(locked.cursor().remove(&path("dir")).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), b"theirs");
    let sink = sink(&volume, Overwrite::Folders);
    sink.cursor()
        .open_file(&path("dir/f"), None)
        .unwrap()
        .write_at(b"m", 0)
        .unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"mheirs");
    assert!(run("chattr", &["+i", &file.to_string_lossy()]));
    assert!(run("chattr", &["+i", &dir.to_string_lossy()]));
    sink.cursor().remove(&path("dir")).unwrap();
    assert!(!dir.exists());
}

#[test]
fn a_tree_deeper_than_path_max_is_removed() {
    let volume = Volume::new();
    let mut cursor = sink(&volume, Overwrite::Folders).cursor();
    let mut deep = RelPath::root();
    for _ in 0..600 {
        deep.push(b"a-name-of-some-length").unwrap();
        cursor.make_dir(&deep).unwrap();
        cursor.create_file(&deep.child(b"f")).unwrap();
    }
    let (items, problems) = volume.walk();
    assert_eq!((items.len(), problems.len()), (1201, 0));
    cursor.remove(&path("a-name-of-some-length")).unwrap();
    assert_eq!(volume.walk().0.len(), 1);
}

#[test]
fn folders_are_finished_deepest_first_and_keep_their_times() {
    let volume = Volume::new();
    let flags = base_flags(&volume);
    let sink = sink(&volume, Overwrite::Never);
    let mut cursor = sink.cursor();
    // A tiny memory: most of the list goes through the scratch folder.
    let mut finisher = Finisher::new(0, volume.scratch.path().to_owned());
    let folder = Attributes {
        mode: 0o500,
        flags: flags | 0x10,
        xattrs: vec![(b"user.x".to_vec(), vec![1; 50])],
        ..want(Kind::Folder)
    };
    for a in 0..20 {
        for b in ["", "/b", "/b/c"] {
            let at = path(&format!("d{a}{b}"));
            assert!(cursor.make_dir(&at).unwrap());
            finisher
                .push(&at, cursor.folder_identity(&at).unwrap(), &folder)
                .unwrap();
        }
        let file = cursor.create_file(&path(&format!("d{a}/b/f"))).unwrap();
        let locked = Attributes {
            flags: flags | 0x10,
            ..want(Kind::File)
        };
        finisher
            .push(&path(&format!("d{a}/b/f")), file.identity(), &locked)
            .unwrap();
        let identity = file.identity();
        assert_eq!(file.finish(&want(Kind::File)), []);
        cursor
            .link(
                &path(&format!("d{a}/g")),
                &path(&format!("d{a}/b/f")),
                identity,
            )
            .unwrap();
    }
    finisher
        .finish(&sink, |trouble| panic!("{trouble:?}"))
        .unwrap();
    let (items, _) = split(Walk::new(&volume.root(), volume.options()));
    assert_eq!(items.len(), 1 + 20 * 5);
    for item in &items[1..] {
        let meta = item.meta().unwrap();
        assert_eq!(item.stat.mtime, folder.mtime, "{item:?}");
        assert_eq!(meta.flags & 0x10, 0x10);
        if item.stat.kind == Kind::Folder {
            assert_eq!(
                (item.stat.mode, meta.xattrs),
                (0o500, folder.xattrs.clone())
            );
        }
    }
}

#[test]
fn metadata_that_the_file_system_refuses_is_a_warning() {
    let volume = Volume::new();
    let file = sink(&volume, Overwrite::Never)
        .cursor()
        .create_file(&path("f"))
        .unwrap();
    let want = Attributes {
        xattrs: vec![
            (b"nonsense.name".to_vec(), vec![1]),
            (b"user.good".to_vec(), vec![2]),
        ],
        ..want(Kind::File)
    };
    let warnings = file.finish(&want);
    assert!(
        warnings
            .iter()
            .any(|w| w.action == "set an extended attribute"),
        "{warnings:?}"
    );
    let stat = std::fs::metadata(volume.path("f")).unwrap();
    assert_eq!((stat.uid(), stat.mtime_nsec()), (1001, 123_456_789));
    assert_eq!(volume.item("f").meta().unwrap().xattrs, want.xattrs[1..]);
}

#[test]
fn an_existing_file_with_other_names_is_not_changed_in_place() {
    let volume = Volume::new();
    volume.write("f", b"theirs");
    std::fs::hard_link(volume.path("f"), volume.path("g")).unwrap();
    let mut cursor = sink(&volume, Overwrite::Files).cursor();
    assert!(matches!(
        cursor.open_file(&path("f"), None),
        Err(FsError::Exists { .. })
    ));
    let identity = volume.item("f").stat.identity;
    let file = cursor.open_file(&path("f"), Some(identity)).unwrap();
    let mut buffer = [0; 10];
    assert_eq!(file.read_at(&mut buffer, 2).unwrap(), 4);
    cursor.create_file(&path("f")).unwrap();
    let other = std::fs::read(volume.path("g")).unwrap();
    assert_eq!(other, b"theirs", "a new file takes the name");
}

#[test]
fn project_ids_come_back_where_the_kernel_has_them() {
    let Some(volume) = Mounted::new() else { return };
    let want = Attributes {
        project: 4711,
        ..want(Kind::File)
    };
    let warnings = restore_one(volume.at.path(), &want);
    let got = read_one(volume.at.path()).project;
    if warnings.is_empty() {
        assert_eq!(got, 4711);
    } else {
        assert!(
            warnings.iter().all(|w| w.action == "set the project id"),
            "{warnings:?}"
        );
        assert_eq!((warnings.len(), got), (1, 0));
    }
}

#[test]
fn an_attribute_of_64_kib_comes_back_where_the_file_system_holds_it() {
    let Ok(volume) = tempfile::tempdir_in("/dev/shm") else {
        return;
    };
    let xattrs = vec![(b"user.large".to_vec(), vec![5; 65_536])];
    let want = Attributes {
        xattrs,
        ..want(Kind::File)
    };
    let warnings = restore_one(volume.path(), &want);
    if warnings
        .iter()
        .all(|w| w.action != "set an extended attribute")
    {
        assert_eq!(read_one(volume.path()).xattrs, want.xattrs);
    }
}

fn restore_one(at: &std::path::Path, want: &Attributes) -> Vec<Warning> {
    let options = SinkOptions {
        overwrite: Overwrite::Never,
        unlock: true,
    };
    let sink = Sink::open(at, options).unwrap();
    sink.cursor().create_file(&path("f")).unwrap().finish(want)
}

fn read_one(at: &std::path::Path) -> Meta {
    let root = Root::open(at).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let (items, _) = split(Walk::new(
        &root,
        WalkOptions::new(scratch.path().to_owned()),
    ));
    items
        .iter()
        .find(|item| &*item.name == b"f")
        .unwrap()
        .meta()
        .unwrap()
}

/// An ext4 with project ids and large attributes, if this process may mount one.
struct Mounted {
    at: tempfile::TempDir,
    _image: tempfile::NamedTempFile,
}

impl Mounted {
    #[expect(clippy::unwrap_in_result, reason = "a test's own files")]
    fn new() -> Option<Self> {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(64 << 20).unwrap();
        let at = tempfile::tempdir().unwrap();
        let file = image.path().to_str().unwrap();
        let made = run("mkfs.ext4", &["-q", "-I", "256", "-O", "project", file]);
        let mounted = made && run("mount", &["-o", "loop", file, at.path().to_str().unwrap()]);
        mounted.then_some(Self { at, _image: image })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run("umount", &["-l", &self.at.path().to_string_lossy()]);
    }
}

#[test]
fn a_fifo_in_the_place_of_a_file_does_not_hold_the_restore() {
    let volume = Volume::new();
    rustix::fs::mkfifoat(CWD, volume.path("f"), Mode::RWXU).unwrap();
    let mut cursor = sink(&volume, Overwrite::Files).cursor();
    assert!(matches!(
        cursor.open_file(&path("f"), None),
        Err(FsError::WrongKind { .. })
    ));
    cursor.create_file(&path("f")).unwrap();
    assert_eq!(volume.item("f").stat.kind, Kind::File);
    assert!(rustix::fs::open(volume.path("f"), OFlags::RDONLY, Mode::empty()).is_ok());
}
