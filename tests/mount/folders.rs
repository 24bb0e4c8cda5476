//! Folders and names.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::Duration;

use orlop_agent::mount::{Mount, MountMemory, MountOptions, What};
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::seal::Suite;
use orlop_repo::store::Store;
use orlop_repo::tree::EntryKey;
use rustix::fs::Dir;

use crate::bench::Bench;
use crate::mounted::Mounted;
use crate::support::{back_up, init, runtime};

pub(crate) fn a_large_folder_is_read_from_any_place() {
    const NAMES: usize = 100_000;
    let bench = Bench::new();
    let folder = bench.source().join("many");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..NAMES {
        File::create(folder.join(format!("a name of many {number:06}"))).unwrap();
    }
    bench.orlop(["backup", "source"]).run().done();
    let mounted = Mounted::new(&bench, ["latest"]);
    let many = mounted.path("many");

    let mut folder = Dir::new(File::open(&many).unwrap()).unwrap();
    let mut read = Vec::new();
    while let Some(entry) = folder.read() {
        let entry = entry.unwrap();
        read.push((entry.file_name().to_owned(), entry.offset()));
    }
    let names: BTreeSet<_> = read.iter().map(|(name, _)| name).collect();
    assert_eq!((read.len(), names.len()), (NAMES + 2, NAMES + 2));

    // Forward, far back, a little back, and from the beginning.
    for at in [99_000, 5, 60_000, 59_000, 59_999, 0, 100_000] {
        folder.seek(read[at].1).unwrap();
        for (name, offset) in read.iter().skip(at + 1).take(3000) {
            let entry = folder.read().unwrap().unwrap();
            assert_eq!((entry.file_name(), entry.offset()), (&**name, *offset));
        }
    }
    folder.rewind();
    assert_eq!(folder.read().unwrap().unwrap().file_name(), &*read[0].0);

    for number in [0, 1, 54_321, NAMES - 1] {
        let name = format!("a name of many {number:06}");
        assert_eq!(std::fs::metadata(many.join(name)).unwrap().len(), 0);
    }
    for missing in ["a name of many", "a name of many 1000000", "", "zzz"] {
        assert!(!many.join(format!("x{missing}")).exists());
    }
    drop(folder);
    assert_eq!(mounted.unmount().code, Some(0));
}

pub(crate) fn names_that_are_no_text_are_found() {
    let bench = Bench::new();
    let long = [&[0xff; 200][..], &[b'\n'; 55]].concat();
    let names: [&[u8]; 6] = [b"\xff\xfe", b"a\nb", b"\x01", b" ", b"...", &long];
    for name in names {
        let path = bench.source().join(OsStr::from_bytes(name));
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join(OsStr::from_bytes(name)), name).unwrap();
    }
    bench.orlop(["backup", "source"]).run().done();
    let mounted = Mounted::new(&bench, ["latest"]);
    for name in names {
        let name = OsStr::from_bytes(name);
        let path = mounted.folder.join(name);
        assert_eq!(std::fs::read(path.join(name)).unwrap(), name.as_bytes());
        let below = std::fs::read_dir(path).unwrap();
        let below: Vec<_> = below.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(below, [name]);
    }
    assert_eq!(mounted.unmount().code, Some(0));
}

pub(crate) fn a_folder_is_mounted_and_a_file_is_not() {
    let bench = Bench::with_snapshot();
    let mounted = Mounted::new(&bench, ["latest:/sub"]);
    assert_eq!(std::fs::read(mounted.path("b.conf")).unwrap(), b"x = 1\n");
    assert!(mounted.path("deep/data").exists() && !mounted.path("a.txt").exists());
    assert_eq!(mounted.unmount().code, Some(0));
    let folder = bench.path("refused");
    std::fs::create_dir(&folder).unwrap();
    for (what, code) in [("latest:a.txt", 1), ("latest:none", 1), ("all:sub", 2)] {
        let run = bench.orlop(["mount", what]).arg(&folder).run();
        assert_eq!(run.code, code, "{run:?}");
    }
}

/// The kernel would keep every inode until it needs the memory.
pub(crate) fn what_the_kernel_remembers_is_bounded() {
    const FILES: u32 = 20_000;
    const BOUND: u64 = 1 << 20;
    let runtime = runtime();
    let repository = runtime.block_on(init(Store::memory(), Suite::XChaCha20Poly1305));
    let folder = tempfile::tempdir().unwrap();
    for name in ["source", "scratch", "mounted"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    for number in 0..FILES {
        File::create(folder.path().join(format!("source/{number}"))).unwrap();
    }
    let scratch = folder.path().join("scratch");
    let snapshot = back_up(
        &runtime,
        &repository,
        &folder.path().join("source"),
        &scratch,
    );
    let options = MountOptions {
        what: What::One {
            snapshot: Arc::new(snapshot),
            folder: EntryKey::root(),
        },
        allow_other: false,
        memory: MountMemory {
            inodes: BOUND,
            ..MountMemory::new(0)
        },
        refresh: Duration::ZERO,
    };
    let mounted = folder.path().join("mounted");
    let open = Box::new(move || {
        LocalIndex::open(&CacheFolder::TemporaryIn(scratch.clone()), None).map(Arc::new)
    });
    let mut mount = Mount::start(
        repository,
        runtime.handle(),
        open,
        &mounted,
        &options,
        Arc::new(|problem| panic!("{problem:?}")),
    )
    .unwrap();
    for round in 0..2 {
        for number in 0..FILES {
            let found = std::fs::metadata(mounted.join(number.to_string()));
            assert!(found.is_ok(), "{round} {number}");
        }
        // The kernel is asked on another thread; whoever walks on gives it time.
        let names = (0..FILES).cycle().take(2_000_000);
        for number in names {
            if mount.inode_memory() <= BOUND {
                break;
            }
            assert!(mounted.join(number.to_string()).exists());
        }
        let bytes = mount.inode_memory();
        println!("{bytes} bytes are taken by inodes");
        assert!(bytes <= BOUND, "{bytes}");
    }
    mount.unmount().unwrap();
}
