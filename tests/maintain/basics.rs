//! What is forgotten goes, and nothing else.

use std::time::Duration;

use crate::bench::{Bench, files};

#[test]
fn what_was_forgotten_is_deleted_and_the_rest_restores() {
    let mut bench = Bench::new();
    let old = bench.backup(&files(&[("a", "a", 300_000), ("b", "b", 200_000)]));
    bench.backup(&files(&[("b", "b", 200_000), ("c", "c", 100_000)]));
    let before = bench.names("packs/").len();
    bench.forget(old.id);
    let report = bench.prune();
    assert_eq!(report.snapshots, 1);
    assert!(report.notes.is_empty(), "{report:?}");
    bench.assert_whole();
    let second = bench.prune();
    bench.assert_whole();
    bench.assert_tidy();
    assert!(bench.names("packs/").len() <= before);
    assert!(
        report.condemned.packs + second.condemned.packs > 0,
        "{report:?}"
    );
}

#[test]
fn everything_goes_when_everything_is_forgotten() {
    let mut bench = Bench::new();
    for n in 0..3 {
        let seed = format!("{n}");
        let snapshot = bench.backup(&files(&[("a", &seed, 100_000)]));
        bench.forget(snapshot.id);
    }
    let report = bench.prune();
    assert!(report.swept.packs >= 6, "{report:?}");
    bench.prune();
    bench.assert_tidy();
    assert!(bench.names("packs/").is_empty());
    assert!(bench.names("index/").is_empty());
}

#[test]
fn nothing_is_done_when_there_is_nothing_to_do() {
    let mut bench = Bench::new();
    bench.backup(&files(&[("a", "a", 100_000)]));
    let names = bench.names("");
    let report = bench.prune();
    assert!(
        report.condemned.is_empty() && report.swept.is_empty(),
        "{report:?}"
    );
    assert_eq!(bench.names(""), names, "not even an entry of the log");
    bench.assert_whole();
}

#[test]
fn what_is_condemned_stays_for_the_time_of_grace() {
    let mut bench = Bench::new();
    let old = bench.backup(&files(&[("a", "a", 100_000)]));
    bench.backup(&files(&[("b", "b", 100_000)]));
    bench.forget(old.id);
    let mut options = bench.options();
    options.grace = Duration::from_hours(24);
    let report = bench.prune_with(&options).unwrap();
    assert!(
        report.condemned.packs > 0 && report.swept.is_empty(),
        "{report:?}"
    );
    let waiting = &report.waiting[0];
    assert!(waiting.until_ms.is_some() && waiting.sessions.is_empty());
    bench.clock.advance(Duration::from_hours(23));
    let report = bench.prune_with(&options).unwrap();
    assert!(
        report.condemned.is_empty() && report.swept.is_empty(),
        "{report:?}"
    );
    bench.clock.advance(Duration::from_hours(1));
    let report = bench.prune_with(&options).unwrap();
    assert!(
        report.swept.packs > 0 && report.waiting.is_empty(),
        "{report:?}"
    );
    bench.assert_whole();
    bench.assert_tidy();
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_would_go() {
    let mut bench = Bench::new();
    let old = bench.backup(&files(&[("a", "a", 100_000)]));
    bench.forget(old.id);
    let names = bench.names("");
    let mut options = bench.options();
    options.dry_run = true;
    let report = bench.prune_with(&options).unwrap();
    assert!(
        report.condemned.packs > 0 && report.condemned.bytes > 100_000,
        "{report:?}"
    );
    assert_eq!(bench.names(""), names);
}

#[test]
fn of_the_folds_the_newest_stay_and_that_with_which_a_generation_began() {
    let mut bench = Bench::new();
    let fold = |bench: &Bench| {
        bench.runtime.block_on(async {
            let mut chain = bench.repository.chain().await;
            chain.refresh().await.unwrap();
            chain.fold().await.unwrap();
        });
    };
    for n in 0..4 {
        let seed = format!("{n}");
        bench.backup(&files(&[("a", &seed, 1000)]));
        fold(&bench);
        if n == 1 {
            bench.runtime.block_on(async {
                let mut chain = bench.repository.chain().await;
                chain.start_generation().await.unwrap();
            });
        }
    }
    let before = bench.names("meta/folds/");
    assert_eq!(before.len(), 5);
    bench.prune();
    // Folds order from the newest to the oldest.
    let kept: Vec<_> = [0, 1, 2].map(|at| before[at].clone()).into();
    assert_eq!(bench.names("meta/folds/"), kept);
    bench.assert_whole();
}
