//! A backup that is asked to stop names what it has done and ends.

use std::sync::Arc;

use orlop_agent::backup::BackupError;
use orlop_agent::progress::Progress;
use orlop_repo::log::Body;
use orlop_repo::store::Store;

use crate::bench::{Bench, bytes_of_all};
use crate::gate::{Gate, Point};

/// Stops a backup while it stores its `number`-th pack.
fn stopped(number: u32) -> Bench {
    let bench = Bench::new();
    let progress = Arc::new(Progress::new());
    let stop = Arc::clone(&progress);
    let point = Point {
        prefix: "packs/",
        number,
        done: false,
    };
    let gate = Gate::new(bench.local(), point, move || stop.cancel());
    let repository = bench.open(Store::new(gate));
    let error = bench
        .try_backup(&repository, &bench.options(), &progress)
        .unwrap_err();
    assert!(matches!(error, BackupError::Interrupted), "{error:?}");
    bench
}

#[test]
fn the_next_one_goes_on_from_there() {
    let all = bytes_of_all();
    let bench = stopped(8);
    let state = bench.state();
    let (_, session) = state.sessions.iter().next().unwrap();
    assert!(session.dead && session.partial.is_some());
    let stored: Vec<_> = bench.packs();
    assert_eq!(state.packs.len(), stored.len() as u64, "all are named");
    let ends = bench.count(|body| matches!(body, Body::End(_)));
    assert_eq!(ends, 1);
    let summary = bench.backup();
    assert_eq!((summary.resumed.sessions, bench.kills()), (1, 0));
    let added = summary.snapshot.stats.added;
    assert!(added < all - (2 << 20), "{added} of {all}");
    bench.verify(&summary);
}

#[test]
fn one_that_has_hardly_begun_leaves_nothing_in_the_way() {
    let bench = Bench::new();
    let progress = Arc::new(Progress::new());
    progress.cancel();
    let repository = bench.open(Store::local(bench.path("store")));
    let error = bench
        .try_backup(&repository, &bench.options(), &progress)
        .unwrap_err();
    assert!(matches!(error, BackupError::Interrupted), "{error:?}");
    assert!(bench.packs().is_empty());
    assert!(bench.state().sessions.is_empty());
    bench.verify(&bench.backup());
}

#[test]
fn a_trial_run_that_is_stopped_stores_nothing() {
    let bench = Bench::new();
    let progress = Arc::new(Progress::new());
    progress.cancel();
    let repository = bench.open(Store::local(bench.path("store")));
    let mut options = bench.options();
    options.dry_run = true;
    let error = bench
        .try_backup(&repository, &options, &progress)
        .unwrap_err();
    assert!(matches!(error, BackupError::Interrupted), "{error:?}");
    assert!(bench.packs().is_empty());
    assert_eq!(bench.count(|body| matches!(body, Body::Begin(_))), 0);
}
