//! Files as they were.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use crate::bench::{Bench, noise};
use crate::mounted::Mounted;

/// Runs a program in Python, which must succeed.
pub(crate) fn python<'a>(arguments: impl IntoIterator<Item = &'a Path>) {
    let output = Command::new("python3").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{err}");
}

pub(crate) fn everything_looks_as_it_was() {
    let bench = Bench::new();
    let source = bench.path("exotic");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    python([&*tests.join("support/exotic_tree.py"), &*source]);
    bench.orlop(["backup"]).arg(&source).run().done();
    let mounted = Mounted::new(&bench, ["latest"]);
    // Sockets, too: they are listed, if not stored.
    let compare = tests.join("compare_trees.py");
    python([&*compare, &*source, &*mounted.folder]);
    let ended = mounted.unmount();
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
}

pub(crate) fn any_bytes_can_be_read_and_mapped() {
    let bench = Bench::new();
    // Chunks by content, a page of extents of its own, holes, and bytes in the tree.
    let mut large = noise(24 << 20, 3);
    large[7_000_000..9_000_000].fill(0);
    std::fs::write(bench.source().join("large"), &large).unwrap();
    let sparse = File::create(bench.source().join("sparse")).unwrap();
    sparse.write_all_at(b"island", 5_000_001).unwrap();
    sparse.set_len(10_000_003).unwrap();
    bench.orlop(["backup", "source"]).run().done();
    let mounted = Mounted::new(&bench, ["latest"]);
    for name in ["large", "sparse", "a.txt", "empty", "sub/deep/data"] {
        let whole = std::fs::read(bench.source().join(name)).unwrap();
        let file = File::open(mounted.path(name)).unwrap();
        let mut state = 7_u64;
        for _ in 0..200 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let offset = state >> 33;
            let offset = offset % (whole.len() as u64 + 10);
            let len = usize::try_from((state >> 13) % 300_000).unwrap();
            let mut bytes = vec![0; len];
            let mut got = 0;
            while got < len {
                match file
                    .read_at(&mut bytes[got..], offset + got as u64)
                    .unwrap()
                {
                    0 => break,
                    more => got += more,
                }
            }
            let from = usize::try_from(offset).unwrap().min(whole.len());
            let to = (from + len).min(whole.len());
            assert!(bytes[..got] == whole[from..to], "{name} {offset} {len}");
        }
        assert!(
            std::fs::read(mounted.path(name)).unwrap() == whole,
            "{name}"
        );
    }
    // Mapped, backwards.
    let script = bench.path("map.py");
    std::fs::write(
        &script,
        "import mmap, sys\n\
         one, other = (open(name, 'rb') for name in sys.argv[1:])\n\
         maps = [mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) for file in (one, other)]\n\
         size = len(maps[0])\n\
         assert size == len(maps[1])\n\
         for end in range(size, 0, -99_991):\n\
         \x20   start = max(0, end - 99_991)\n\
         \x20   assert maps[0][start:end] == maps[1][start:end], start\n",
    )
    .unwrap();
    let (one, other) = (bench.source().join("large"), mounted.path("large"));
    python([&*script, &*one, &*other]);
    assert!(File::options().write(true).open(&other).is_err());
    assert_eq!(mounted.unmount().code, Some(0));
}

pub(crate) fn a_file_is_read_by_many_at_once() {
    let bench = Bench::new();
    let large = noise(16 << 20, 4);
    std::fs::write(bench.source().join("large"), &large).unwrap();
    bench.orlop(["backup", "source"]).run().done();
    // So little memory that what is kept is dropped all the time.
    let mounted = Mounted::new(&bench, ["--memory", "48M", "latest"]);
    let (path, large) = (&mounted.path("large"), &large);
    std::thread::scope(|scope| {
        for reader in 0..8 {
            scope.spawn(move || {
                let file = File::open(path).unwrap();
                let step = 1 << 20;
                for part in 0..16 {
                    let at = ((part + 2 * reader) % 16) * step;
                    let mut bytes = vec![0; step];
                    file.read_exact_at(&mut bytes, at as u64).unwrap();
                    assert!(bytes == large[at..at + step], "{reader} {part}");
                }
            });
        }
    });
    assert_eq!(mounted.unmount().code, Some(0));
}
