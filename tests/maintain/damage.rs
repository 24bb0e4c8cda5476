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
    let MaintainError::Stopped { object: named, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(named.contains(object), "{error}");
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
    let repository = bench.open_again();
    let names = bench.names("log/");
    for name in names.iter().skip(1) {
        for damage in [true, false] {
            let fork = bench.fork();
            if damage {
                flip(&fork, name, 30);
            } else {
                fork.memory.set(name, None);
            }
            // Copies in the tails of later entries may stand in for it; then nothing is lost.
            let before = fork.names("packs/");
            let opened = fork.runtime.block_on(async {
                orlop_repo::repository::Repository::open(
                    orlop_repo::store::Store::new(fork.memory.clone()),
                    &[orlop_repo::slots::Credential::Raw([7; 32].into())],
                    orlop_repo::repository::OpenOptions {
                        memory: 1 << 30,
                        expect: None,
                        seen: None,
                        clock: fork.clock.clone(),
                        entropy: std::sync::Arc::new(orlop_repo::entropy::OsEntropy),
                    },
                )
                .await
            });
            if let Ok(client) = opened
                && fork.prune_by(&client, &fork.options()).is_err()
            {
                assert_eq!(fork.names("packs/"), before, "{name}");
            }
        }
    }
    drop(repository);
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
