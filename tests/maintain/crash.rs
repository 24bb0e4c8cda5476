//! Runs that end at any request, with and without its effect, and are continued by another.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::bench::{Bench, files};

/// A repository in which there is something of everything to do.
fn busy() -> Bench {
    let mut bench = Bench::new();
    let mut old = Vec::new();
    for n in 0..3 {
        let seed = format!("{n}");
        let content = files(&[("a", &seed, 60_000), ("b", "b", 20_000), ("c", "c", 9000)]);
        old.push(bench.backup(&content).id);
    }
    // A backup that was cut off, with packs that an entry names and such that none does.
    let stage = bench.stage();
    let client = bench.client(&stage);
    stage.end.store(8, Ordering::SeqCst);
    let content = files(&[
        ("x", "x", 1 << 20),
        ("y", "y", 1 << 20),
        ("z", "z", 1 << 20),
    ]);
    assert!(bench.backup_often(&client, &content).is_err());
    bench.kill_all();
    bench.forget(old[0]);
    bench.forget(old[1]);
    bench
}

/// Runs that are cut off at each of their requests, from the first on.
fn cut_off_everywhere(effect: bool) {
    let busy = busy();
    for number in 0.. {
        let bench = busy.fork();
        let mut stage = bench.stage();
        stage.effect = effect;
        let client = bench.client(&stage);
        stage.end.store(number, Ordering::SeqCst);
        let result = bench.prune_by(&client, &bench.options());
        bench.assert_whole();
        if let Ok(report) = result {
            assert!(number >= 12 && report.repacked.packs > 0, "{report:?}");
            return;
        }
        // Of a session that the dead run has left open nobody knows anything.
        bench.kill_all();
        bench.prune();
        bench.prune();
        bench.assert_whole();
        bench.assert_tidy();
    }
}

#[test]
fn a_run_that_ends_before_any_request_is_continued() {
    cut_off_everywhere(false);
}

#[test]
fn a_run_that_ends_after_any_request_is_continued() {
    cut_off_everywhere(true);
}

#[test]
fn a_sweep_of_somebody_who_died_is_finished_first() {
    let bench = busy();
    let mut options = bench.options();
    options.grace = Duration::from_hours(1);
    bench.prune_with(&options).unwrap();
    bench.clock.advance(Duration::from_hours(2));
    let stage = bench.stage();
    let client = bench.client(&stage);
    // The first write condemns the checkpoint that is old by now, the second is the sweep.
    stage.end.store(2, Ordering::SeqCst);
    assert!(bench.prune_by(&client, &options).is_err());
    assert_eq!(bench.state().sweeps.len(), 1);
    let report = bench.prune_with(&options).unwrap();
    assert_eq!(report.finished, 1, "{report:?}");
    assert!(bench.state().sweeps.is_empty());
    bench.assert_whole();
}
