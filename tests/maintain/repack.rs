//! What lives in packs that are mostly dead is copied out of them; small things become larger ones.

use std::time::Duration;

use orlop_repo::model::{ObjectName, PackName, SessionId};

use crate::bench::{Bench, Files, files};

/// Files of 300 KB each, by their numbers.
fn numbered(numbers: impl IntoIterator<Item = usize>) -> Files {
    let mut all = Files::new();
    for n in numbers {
        let name = format!("{n:03}");
        all.extend(files(&[(&name, &name, 300_000)]));
    }
    all
}

/// A snapshot whose chunks stand among others of which most were forgotten.
fn mostly_dead() -> Bench {
    let mut bench = Bench::new();
    let all = bench.backup(&numbered(0..30));
    bench.backup(&numbered([3, 17, 29]));
    bench.forget(all.id);
    bench
}

#[test]
fn dead_bytes_are_freed_by_copying_what_lives() {
    let bench = mostly_dead();
    let before = bench
        .memory
        .contents()
        .values()
        .map(bytes::Bytes::len)
        .sum::<usize>();
    let report = bench.prune();
    assert!(
        report.repacked.packs > 0 && report.keepers.packs > 0,
        "{report:?}"
    );
    bench.assert_whole();
    let report = bench.prune();
    bench.assert_whole();
    bench.assert_tidy();
    assert!(report.repacked.is_empty(), "{report:?}");
    assert!(report.unused_bytes * 20 <= report.bytes, "{report:?}");
    let after = bench
        .memory
        .contents()
        .values()
        .map(bytes::Bytes::len)
        .sum::<usize>();
    assert!(after * 5 < before, "{before} {after}");
}

#[test]
fn nothing_is_copied_beyond_what_was_allowed() {
    let bench = mostly_dead();
    let mut options = bench.options();
    options.max_repack = 1000;
    let report = bench.prune_with(&options).unwrap();
    assert!(report.repacked.is_empty(), "{report:?}");
    options.max_repack = u64::MAX;
    options.max_unused = 1.0;
    let report = bench.prune_with(&options).unwrap();
    assert!(report.repacked.is_empty(), "{report:?}");
    assert!(report.unused_bytes > 0);
}

#[test]
fn what_is_half_alive_does_not_pile_up() {
    let mut bench = Bench::new();
    let all = bench.backup(&numbered(0..30));
    // Two of three in each block live.
    bench.backup(&numbered((0..30).filter(|n| n % 3 != 0)));
    bench.forget(all.id);
    bench.prune();
    let report = bench.prune();
    assert!(report.unused_bytes * 20 <= report.bytes, "{report:?}");
    bench.assert_whole();
    bench.assert_tidy();
    let names = bench.names("packs/");
    bench.prune();
    assert_eq!(
        bench.names("packs/"),
        names,
        "nothing is copied for nothing"
    );
}

#[test]
fn what_is_needed_again_before_the_sweep_is_kept() {
    let mut bench = mostly_dead();
    let mut options = bench.options();
    options.grace = Duration::from_hours(1);
    bench.prune_with(&options).unwrap();
    // Finds its chunks in the packs that were copied from, or stores them again.
    bench.backup(&numbered([3, 5, 17]));
    bench.clock.advance(Duration::from_hours(2));
    bench.prune_with(&options).unwrap();
    bench.assert_whole();
    bench.prune();
    bench.prune();
    bench.assert_whole();
    bench.assert_tidy();
}

#[test]
fn a_pack_with_damage_in_what_lives_is_not_copied_and_stays() {
    let bench = mostly_dead();
    // Every data pack is damaged all over, except where its directory is.
    let state = bench.state();
    for pack in state.packs.iter() {
        let name = ObjectName::pack(pack);
        let mut bytes = bench.memory.contents()[&name].to_vec();
        if bytes[8] == 1 {
            for at in (1000..bytes.len() - 20_000).step_by(1000) {
                bytes[at] ^= 1;
            }
            bench.memory.set(&name, Some(bytes.into()));
        }
    }
    let report = bench.prune();
    assert!(
        report.notes.iter().any(|note| note.contains("not copied")),
        "{report:?}"
    );
    let after = bench.state();
    for pack in state.packs.iter() {
        let name = ObjectName::pack(pack);
        let kind = bench.memory.contents().get(&name).map(|bytes| bytes[8]);
        if kind == Some(1) {
            assert!(after.packs.contains(pack));
        }
    }
}

#[test]
fn many_small_packs_and_segments_become_few() {
    let mut bench = Bench::new();
    for n in 0..24 {
        bench.backup(&numbered(0..0).into_iter().chain(small(n)).collect());
    }
    let (packs, segments) = (bench.names("packs/").len(), bench.names("index/").len());
    bench.prune();
    bench.prune();
    bench.assert_whole();
    bench.assert_tidy();
    assert!(bench.names("packs/").len() < packs / 4, "of {packs}");
    assert!(bench.names("index/").len() <= 16, "of {segments}");
    let report = bench.prune();
    assert!(
        report.repacked.is_empty() && report.merged == 0,
        "{report:?}"
    );
}

fn small(n: usize) -> Files {
    let seed = format!("{n}");
    files(&[("a", &seed, 2000), ("b", "b", 2000)])
}

#[test]
fn of_two_copies_the_damaged_one_is_not_the_one_that_stays() {
    let bench = Bench::new();
    let content = numbered([1, 2]);
    // Two clients store the same at the same time: neither has seen the other's.
    let stage = bench.stage();
    let bench = std::sync::Arc::new(bench);
    let inside = std::sync::Arc::clone(&bench);
    let stored = content.clone();
    let sent = std::sync::Arc::new(parking_lot::Mutex::new(None));
    let into = std::sync::Arc::clone(&sent);
    stage.at(
        |op, name| op == crate::stage::Op::Put && name.starts_with("packs/"),
        move || *into.lock() = Some(inside.backup_by(&inside.open_again(), &stored)),
    );
    let client = bench.client(&stage);
    let first = bench.backup_by(&client, &content);
    assert!(stage.is_over());
    drop((client, stage));
    let second = sent.lock().take().unwrap();
    let mut bench = std::sync::Arc::into_inner(bench).unwrap();
    for snapshot in [&first, &second] {
        bench
            .live
            .insert(snapshot.id, (snapshot.clone(), content.clone()));
    }
    let data: Vec<PackName> = bench
        .state()
        .packs
        .iter()
        .filter(|pack| bench.memory.contents()[&ObjectName::pack(*pack)][8] == 1)
        .collect();
    assert_eq!(data.len(), 2, "each has stored it");
    for damaged in &data {
        let fork = bench.fork();
        let name = ObjectName::pack(*damaged);
        let mut bytes = fork.memory.contents()[&name].to_vec();
        bytes[1000] ^= 1;
        fork.memory.set(&name, Some(bytes.into()));
        fork.prune();
        fork.prune();
        for (snapshot, files) in fork.live.values() {
            assert!(fork.restored(snapshot) == *files, "one copy is good");
        }
    }
    bench.prune();
    bench.prune();
    bench.assert_whole();
    bench.assert_tidy();
    let packs = bench.state().packs;
    let left = data.iter().filter(|pack| packs.contains(**pack));
    assert_eq!(left.count(), 1, "one copy is enough");
}

#[test]
fn a_session_without_a_sign_of_life_is_declared_dead() {
    let mut bench = Bench::new();
    bench.backup(&numbered([1]));
    let stage = bench.stage();
    let client = bench.client(&stage);
    stage.end.store(2, std::sync::atomic::Ordering::SeqCst);
    assert!(bench.backup_often(&client, &numbered(0..9)).is_err());
    let open: Vec<SessionId> = bench.state().sessions.keys().copied().collect();
    assert_eq!(open.len(), 1);
    let mut options = bench.options();
    // The clock of this store goes on by a second with each write.
    options.kill_after = Some(Duration::from_secs(20));
    assert!(bench.prune_with(&options).unwrap().killed.is_empty());
    for n in 0..20 {
        let name = ObjectName::parse("meta/other").unwrap();
        bench.memory.set(&name, Some(vec![n].into()));
    }
    options.kill_after = None;
    assert!(bench.prune_with(&options).unwrap().killed.is_empty());
    options.kill_after = Some(Duration::from_secs(20));
    assert_eq!(bench.prune_with(&options).unwrap().killed, open);
    bench.prune();
    bench.prune();
    bench.assert_whole();
    bench.assert_tidy();
}
