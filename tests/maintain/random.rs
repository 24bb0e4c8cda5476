//! Random histories against a model of what must restore.

use std::time::Duration;

use proptest::prelude::*;

use crate::bench::{Bench, Files, files};

/// A step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Back up files, each by a number that gives its content.
    Backup(Vec<u8>),
    /// A backup that is cut off after so many writes.
    CutOff(Vec<u8>, u8),
    /// Forget a live snapshot, counted from the oldest.
    Forget(u8),
    /// Declare every open session dead.
    Kill,
    /// Run a maintenance with a grace of so many hours, an hour after the step before.
    Prune(u8),
    /// A maintenance that is cut off after so many writes.
    PruneCutOff(u8),
}

fn steps() -> impl Strategy<Value = Step> {
    let content = || prop::collection::vec(0u8..6, 1..4);
    prop_oneof![
        4 => content().prop_map(Step::Backup),
        2 => (content(), 2u8..9).prop_map(|(files, writes)| Step::CutOff(files, writes)),
        3 => (0u8..4).prop_map(Step::Forget),
        1 => Just(Step::Kill),
        3 => (0u8..3).prop_map(Step::Prune),
        2 => (0u8..9).prop_map(Step::PruneCutOff),
    ]
}

fn content(numbers: &[u8]) -> Files {
    let mut all = Files::new();
    for (at, number) in numbers.iter().enumerate() {
        let name = format!("{at}");
        let seed = format!("content {number}");
        all.extend(files(&[(
            &name,
            &seed,
            3000 + 20_000 * usize::from(*number),
        )]));
    }
    all
}

fn play(bench: &mut Bench, step: Step) {
    match step {
        Step::Backup(numbers) => {
            bench.backup(&content(&numbers));
        }
        Step::CutOff(numbers, writes) => {
            let stage = bench.stage();
            let client = bench.client(&stage);
            stage
                .end
                .store(writes.into(), std::sync::atomic::Ordering::SeqCst);
            let files = content(&numbers);
            if let Ok(snapshot) = bench.backup_often(&client, &files) {
                bench.live.insert(snapshot.id, (snapshot, files));
            }
        }
        Step::Forget(number) => {
            let oldest = bench.live.keys().nth(number.into()).copied();
            if let Some(id) = oldest {
                bench.forget(id);
            }
        }
        Step::Kill => bench.kill_all(),
        Step::Prune(hours) => {
            bench.clock.advance(Duration::from_hours(1));
            let mut options = bench.options();
            options.grace = Duration::from_hours(hours.into());
            bench.prune_with(&options).unwrap();
        }
        Step::PruneCutOff(writes) => {
            let stage = bench.stage();
            let client = bench.client(&stage);
            stage
                .end
                .store(writes.into(), std::sync::atomic::Ordering::SeqCst);
            drop(bench.prune_by(&client, &bench.options()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_what_was_not_forgotten_restores(
        steps in prop::collection::vec(steps(), 1..10),
    ) {
        let mut bench = Bench::new();
        for step in steps {
            play(&mut bench, step);
        }
        bench.assert_whole();
        bench.kill_all();
        bench.prune();
        bench.prune();
        bench.assert_whole();
        bench.assert_tidy();
    }
}
