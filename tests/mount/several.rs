//! All snapshots at once.

use std::fs;

use crate::bench::Bench;
use crate::mounted::Mounted;

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn all_are_there_and_new_ones_appear() {
    let bench = Bench::new();
    let backup = |volume: &str, content: &str| {
        fs::write(bench.source().join("version"), content).unwrap();
        let args = ["backup", "source", "--quiet", "--volume", volume];
        bench.orlop(args).run().done().out.trim().to_owned()
    };
    bench.orlop(["init"]).run().done();
    let mounted = Mounted::new(&bench, ["all"]);
    assert_eq!(names(&mounted.folder), ["ids", "volumes"]);
    let first = backup("shop/data", "one");
    let second = backup("other", "two");
    let third = backup("shop/data", "three");
    // The list may be 5 seconds old, and the kernel keeps it for one: this looks until then.
    let ids = mounted.path("ids");
    while names(&ids).len() < 3 {
        std::thread::yield_now();
    }
    let mut all = [&first, &second, &third];
    all.sort();
    assert_eq!(names(&ids).iter().collect::<Vec<_>>(), all);
    assert_eq!(names(&mounted.path("volumes")), ["other", "shop%2Fdata"]);
    let shop = names(&mounted.path("volumes/shop%2Fdata"));
    assert_eq!(shop.len(), 3, "{shop:?}");
    assert!(shop[0].ends_with(&first[..8]) || shop[1].ends_with(&first[..8]));
    for (path, content) in [
        ("latest", "three"),
        ("volumes/shop%2Fdata/latest", "three"),
        ("volumes/other/latest", "two"),
        (&format!("ids/{first}"), "one"),
        (&format!("ids/{third}"), "three"),
    ] {
        let version = mounted.path(path).join("version");
        assert_eq!(fs::read_to_string(version).unwrap(), content, "{path}");
    }
    // One that is forgotten goes, and whoever has a file of it open reads on.
    let open = fs::File::open(ids.join(&first).join("sub/deep/data")).unwrap();
    bench.orlop(["forget", &first]).run().done();
    while names(&ids).len() > 2 {
        std::thread::yield_now();
    }
    assert!(!ids.join(&first).exists());
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut &open, &mut bytes).unwrap();
    assert!(bytes == fs::read(bench.source().join("sub/deep/data")).unwrap());
    drop(open);
    assert_eq!(mounted.unmount().code, Some(0));
}

pub(crate) fn a_volume_narrows_what_is_shown() {
    let bench = Bench::with_snapshot();
    let other = ["backup", "source", "--volume", "w"];
    bench.orlop(other).run().done();
    let mounted = Mounted::new(&bench, ["--volume", "w"]);
    assert_eq!(names(&mounted.path("volumes")), ["w"]);
    assert_eq!(names(&mounted.path("ids")).len(), 1);
    assert_eq!(names(&mounted.folder), ["ids", "latest", "volumes"]);
    assert_eq!(mounted.unmount().code, Some(0));
}
