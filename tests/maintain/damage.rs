//! Damage stops a run before it condemns anything, and is named.

use orlop_repo::maintain::MaintainError;
use orlop_repo::model::ObjectName;

use crate::bench::{Bench, files};

/// A repository with garbage, and with content long enough for content pages.
fn with_garbage() -> Bench {
    let mut bench = Bench::new();
    let old = bench.backup(&files(&[("a", "a", 60_000)]));
    bench.backup(&files(&[("b", "b", 9_000_000), ("c", "c", 30_000)]));
    bench.forget(old.id);
    bench
}

/// A run stops, names `object`, and deletes nothing.
#[track_caller]
fn assert_stops(bench: &Bench, object: &str) {
    let before = bench.names("");
    let error = bench.prune_with(&bench.options()).unwrap_err();
    let is_named = matches!(
        &error,
        MaintainError::Stopped { object: named, .. } if named.contains(object)
    );
    assert!(is_named, "{object}: {error:?}");
    assert_eq!(bench.names(""), before);
    assert!(bench.state().condemned.is_empty());
}

fn flip(bench: &Bench, name: &ObjectName, at: usize) {
    let mut bytes = bench.memory.contents()[name].to_vec();
    bytes[at] ^= 1;
    bench.memory.set(name, Some(bytes.into()));
}

/// Names of the packs of the live snapshot of that kind of blocks.
fn packs(bench: &Bench, kind: u8) -> Vec<ObjectName> {
    let (snapshot, _) = bench.live.values().next().unwrap();
    let session = snapshot.root.0.place.pack.session.to_string();
    let contents = bench.memory.contents();
    let mut names = bench.names(&format!("packs/{session}"));
    names.retain(|name| contents[name][8] == kind);
    names
}

#[test]
fn a_page_that_is_damaged_or_gone_stops_it() {
    let bench = with_garbage();
    for pack in packs(&bench, 2) {
        let fork = bench.fork();
        flip(&fork, &pack, 40);
        assert_stops(&fork, pack.as_str());
        let fork = bench.fork();
        fork.memory.set(&pack, None);
        assert_stops(&fork, pack.as_str());
    }
}

#[test]
fn a_data_pack_that_is_gone_or_cut_short_stops_it() {
    let bench = with_garbage();
    for pack in packs(&bench, 1) {
        let fork = bench.fork();
        fork.memory.set(&pack, None);
        assert_stops(&fork, pack.as_str());
        let fork = bench.fork();
        let bytes = fork.memory.contents()[&pack].clone();
        fork.memory
            .set(&pack, Some(bytes.slice(..bytes.len() - 512)));
        assert_stops(&fork, pack.as_str());
    }
}

#[test]
fn a_segment_that_is_damaged_or_gone_stops_it() {
    let bench = with_garbage();
    for segment in bench.names("index/") {
        let fork = bench.fork();
        flip(&fork, &segment, 50);
        assert_stops(&fork, segment.as_str());
        let fork = bench.fork();
        fork.memory.set(&segment, None);
        assert_stops(&fork, segment.as_str());
    }
}

#[test]
fn an_entry_of_the_log_that_is_damaged_or_gone_stops_it() {
    let bench = with_garbage();
    let names = bench.names("log/");
    let packs = bench.names("packs/");
    let mut stopped = 0;
    for name in &names {
        for damage in [true, false] {
            let fork = bench.fork();
            // This client has read the log before.
            let client = fork.open_again();
            if damage {
                flip(&fork, name, 30);
            } else {
                fork.memory.set(name, None);
            }
            if fork.prune_by(&client, &fork.options()).is_err() {
                stopped += 1;
                assert_eq!(fork.names("packs/"), packs, "{name}");
            } else {
                // A copy in the tail of a later entry stands in for it.
                for (snapshot, files) in fork.live.values() {
                    assert!(fork.restored(snapshot) == *files);
                }
            }
        }
    }
    // The newest entry has no copy.
    assert!(stopped >= 2, "{stopped}");
}

#[test]
fn what_only_the_dead_need_may_be_damaged() {
    let bench = with_garbage();
    let state = bench.state();
    let (_, old) = state.forgotten.iter().next().unwrap();
    let session = old.snapshot.root.0.place.pack.session.to_string();
    for pack in bench.names(&format!("packs/{session}")) {
        bench.memory.set(&pack, None);
    }
    bench.prune();
    bench.prune();
    bench.assert_whole();
    bench.assert_tidy();
}
