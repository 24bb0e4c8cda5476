//! What may not be taken over from a dead session.

use orlop_repo::log::{Body, Condemn, Lost};
use orlop_repo::model::{Extent, PackSet, SessionId};
use std::sync::Arc;

use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::repository::{Elsewhere, TreePages};
use orlop_repo::store::Store;
use orlop_repo::tree::{Content, KeyRange, TreeCursor};

use crate::bench::Bench;
use crate::child::killed_at;
use crate::gate::Point;

/// A volume whose backup was killed after its sixth entry in the log, and declared dead.
fn dead() -> (Bench, SessionId) {
    let bench = Bench::new();
    let point = Point {
        prefix: "log/",
        number: 6,
        done: true,
    };
    assert!(killed_at(&bench, &point));
    let state = bench.state();
    let (&id, _) = state.sessions.iter().next().unwrap();
    bench.append(&Body::Kill(id));
    (bench, id)
}

#[test]
fn a_checkpoint_whose_packs_are_condemned_is_not_adopted() {
    let (bench, id) = dead();
    let named = bench.state().sessions.get(&id).unwrap().packs.clone();
    let condemned: PackSet = named.first_of(id).into_iter().collect();
    bench.append(&Body::Condemn(Condemn {
        packs: condemned.clone(),
        broken: Vec::new(),
        others: Vec::new(),
    }));
    let summary = bench.backup();
    assert_eq!(summary.resumed, orlop_agent::backup::Resumed::default());
    let state = bench.state();
    assert!(state.condemned.iter().any(|c| c.packs == condemned));
    bench.verify(&summary);
}

#[test]
fn files_with_lost_chunks_are_read_and_stored_again() {
    let (bench, id) = dead();
    let repository = bench.open(Store::local(bench.path("store")));
    let partial = bench.state().sessions.get(&id).unwrap().partial.unwrap();
    let folder = CacheFolder::TemporaryIn(std::env::temp_dir());
    let open = Box::new(move || LocalIndex::open(&folder, None).map(Arc::new));
    let elsewhere = Arc::new(Elsewhere::new(Arc::clone(&repository), None, open));
    let runtime = bench.runtime.handle().clone();
    let pages = TreePages::new(repository, runtime, 1 << 20, elsewhere);
    let (mut lost, mut files) = (Vec::new(), 0);
    for located in TreeCursor::new(&pages, partial.0, KeyRange::all()) {
        let entry = located.unwrap().entry;
        let Content::Extents(extents) = entry.content else {
            continue;
        };
        if let (Some(Extent::Data(chunk)), true) = (extents.first(), files < 3) {
            lost.push(*chunk);
            files += 1;
        }
    }
    let chunks = lost.iter().map(|chunk| chunk.id.prefix().into()).collect();
    bench.append(&Body::Lost(Lost { chunks }));
    let summary = bench.backup();
    assert_eq!(summary.resumed.sessions, 1);
    let root = summary.snapshot.root.0;
    let mut again = 0;
    for located in TreeCursor::new(&pages, root, KeyRange::all()) {
        let Content::Extents(extents) = located.unwrap().entry.content else {
            continue;
        };
        for extent in extents {
            if let Extent::Data(chunk) = extent
                && lost.iter().any(|lost| lost.id == chunk.id)
            {
                assert_ne!(chunk.place.pack.session, id);
                again += 1;
            }
        }
    }
    assert!(again >= files);
    bench.verify(&summary);
}

#[test]
fn a_tree_that_cannot_be_read_costs_only_time() {
    let (bench, _) = dead();
    for path in bench.packs() {
        let bytes = std::fs::read(&path).unwrap();
        if bytes.get(8) == Some(&2) {
            let mut damaged = bytes;
            damaged.iter_mut().skip(16).for_each(|byte| *byte ^= 1);
            std::fs::write(&path, damaged).unwrap();
        }
    }
    let mut options = bench.options();
    // The damaged pages are still in the index; a tree that needs none of them is whole.
    std::fs::write(bench.path("source/0 first"), "moves every page").unwrap();
    options.force = false;
    let summary = bench.backup_with(&options);
    assert_eq!(summary.resumed.sessions, 1);
    assert_eq!(summary.resumed.files, 0);
}
