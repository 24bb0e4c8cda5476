//! Maintenance while something is mounted.

use std::fs;

use crate::bench::{Bench, contents, noise};
use crate::mounted::Mounted;

/// Prunes until nothing is left to do, and takes the mount's session for dead.
fn prune(bench: &Bench) {
    for _ in 0..4 {
        let args = [
            "prune",
            "--grace",
            "0s",
            "--kill-after",
            "0s",
            "--max-unused",
            "1%",
        ];
        bench.orlop(args).run().done();
    }
}

pub(crate) fn packs_that_are_moved_are_found() {
    let bench = Bench::new();
    for number in 0..30 {
        let name = format!("file-{number:02}");
        fs::write(bench.source().join(name), noise(200_000, 50 + number)).unwrap();
    }
    bench
        .orlop(["backup", "source", "--volume", "v"])
        .run()
        .done();
    for number in (0..30).step_by(2) {
        fs::remove_file(bench.source().join(format!("file-{number:02}"))).unwrap();
    }
    bench
        .orlop(["backup", "source", "--volume", "v"])
        .run()
        .done();
    let before = bench.packs();
    let mounted = Mounted::new(&bench, ["latest"]);
    let open = fs::File::open(mounted.path("file-01")).unwrap();
    bench.orlop(["forget", "--keep-last", "1"]).run().done();
    prune(&bench);
    let after = bench.packs();
    let gone = before.iter().filter(|pack| !after.contains(pack)).count();
    assert!(gone > 0, "nothing was moved: {after:?}");
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut &open, &mut bytes).unwrap();
    assert!(bytes == fs::read(bench.source().join("file-01")).unwrap());
    drop(open);
    assert_eq!(contents(&mounted.folder), contents(&bench.source()));
    let ended = mounted.unmount();
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
}

pub(crate) fn a_forgotten_snapshot_is_named() {
    let bench = Bench::new();
    fs::write(bench.source().join("gone"), noise(3 << 20, 70)).unwrap();
    bench
        .orlop(["backup", "source", "--volume", "v"])
        .run()
        .done();
    let run = bench.orlop(["snapshots", "--json"]).run().done();
    let first = run.json()[0]["id"].as_str().unwrap().to_owned();
    fs::remove_file(bench.source().join("gone")).unwrap();
    bench
        .orlop(["backup", "source", "--volume", "v"])
        .run()
        .done();
    let mut mounted = Mounted::new(&bench, [&first]);
    let file = fs::File::open(mounted.path("gone")).unwrap();
    bench.orlop(["forget", &first]).run().done();
    prune(&bench);
    let error = std::io::Read::read(&mut &file, &mut [0; 10]).unwrap_err();
    println!("{error}");
    let said = mounted.said();
    assert!(
        said.contains("was forgotten while it was being read") && said.contains(&first[..8]),
        "{said}"
    );
    drop(file);
    assert_eq!(mounted.unmount().code, Some(3));
}
