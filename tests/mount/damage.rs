//! A store whose bytes have changed.

use std::fs;
use std::path::Path;

use crate::bench::{Bench, noise};
use crate::mounted::Mounted;

const EIO: i32 = 5;

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
}

pub(crate) fn of_data() {
    let bench = Bench::new();
    // Chunks of either are in blocks of their own.
    fs::write(bench.source().join("hurt"), noise(3 << 20, 9)).unwrap();
    bench.orlop(["backup", "source"]).run().done();
    fs::write(bench.source().join("whole"), noise(3 << 20, 10)).unwrap();
    bench.orlop(["backup", "source"]).run().done();
    let packs = bench.packs();
    // The first backup's has some files more.
    flip(&packs[0], 1 << 20);
    let pack = packs[0].file_name().unwrap().to_str().unwrap().to_owned();

    let mut mounted = Mounted::new(&bench, ["latest"]);
    for _ in 0..3 {
        let error = fs::read(mounted.path("hurt")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(EIO), "{error}");
    }
    let whole = noise(3 << 20, 10);
    assert!(fs::read(mounted.path("whole")).unwrap() == whole);
    for name in ["a.txt", "sub/b.conf", "sub/deep/data"] {
        let source = fs::read(bench.source().join(name)).unwrap();
        assert!(fs::read(mounted.path(name)).unwrap() == source, "{name}");
    }
    let said = mounted.said();
    assert!(
        said.starts_with("/hurt: ") && said.contains(&pack),
        "{said}"
    );
    let ended = mounted.unmount();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.err, "", "it is said once");
}

pub(crate) fn of_a_page() {
    let bench = Bench::new();
    for number in 0..2000 {
        let name = format!("a-name-that-takes-some-room-{number:04}");
        fs::write(bench.source().join(name), number.to_string()).unwrap();
    }
    bench.orlop(["backup", "source"]).run().done();
    let packs = bench.packs();
    let tree = |pack: &&std::path::PathBuf| fs::read(pack).unwrap()[8] == 2;
    let tree = packs.iter().find(tree).unwrap();
    // The first block of pages: leaves.
    flip(tree, 200);
    let mounted = Mounted::new(&bench, ["--json", "latest"]);
    let (mut names, mut errors) = (0, 0);
    for entry in fs::read_dir(&mounted.folder).unwrap() {
        match entry {
            Ok(_) => names += 1,
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(EIO));
                errors += 1;
                break;
            }
        }
    }
    assert!(names < 2006 && errors == 1, "{names} {errors}");
    let ended = mounted.unmount();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let told: serde_json::Value = serde_json::from_str(ended.err.lines().next().unwrap()).unwrap();
    assert_eq!(told["message_type"], "error");
}
