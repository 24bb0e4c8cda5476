//! Schedules of the engine as it is: nothing is wrong in any.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and tells of it"
)]

use orlop_simulation::{Outcome, Scenario, Settings, Total, run, run_all};

/// Schedules of every run of the tests.
const SHORT: u64 = 5_000;
/// Schedules about one thing.
const OF_SCENARIO: u64 = 400;
/// Schedules of the form that takes long, unless `ORLOP_SCHEDULES` says how many.
const LONG: u64 = 50_000;

#[track_caller]
fn nothing_is_wrong_in(schedules: u64, scenario: Scenario) -> Total {
    let told = |outcome: &Outcome| {
        if outcome.seed % 10_000 == 9_999 {
            eprintln!("{} schedules", outcome.seed + 1);
        }
    };
    let settings = Settings {
        scenario,
        ..Settings::default()
    };
    let total = run_all(0..schedules, settings, told).unwrap();
    println!(
        "{} schedules, {} requests\n{}",
        total.schedules, total.calls, total.coverage
    );
    if let Some(wrong) = &total.wrong {
        let trace = run(
            wrong.seed,
            Settings {
                keep_trace: true,
                ..settings
            },
        );
        for line in trace.unwrap().trace {
            println!("{line}");
        }
        panic!(
            "seed {}: {}\nagain: cargo run -p orlop-simulation --example simulate -- --seed {} --scenario {scenario:?}",
            wrong.seed,
            wrong.wrong.as_deref().unwrap_or_default(),
            wrong.seed
        );
    }
    total
}

#[track_caller]
fn every_fault_hits_every_kind_of_entry_in(schedules: u64) {
    let total = nothing_is_wrong_in(schedules, Scenario::Mixed);
    assert_eq!(total.coverage.missing(), [], "what never happened");
    assert!(total.calls >= 200 * total.schedules, "{}", total.calls);
}

#[test]
fn nothing_is_wrong_in_any_schedule_and_every_fault_hits_every_kind_of_entry() {
    every_fault_hits_every_kind_of_entry_in(SHORT);
}

/// What notices a rule that is left out finds nothing where none is.
#[test]
fn nothing_is_wrong_in_schedules_about_one_thing() {
    for scenario in [Scenario::Garbage, Scenario::Heirs] {
        nothing_is_wrong_in(OF_SCENARIO, scenario);
    }
}

#[test]
#[ignore = "takes long"]
fn nothing_is_wrong_in_many_schedules() {
    let schedules = std::env::var("ORLOP_SCHEDULES").map_or(LONG, |many| many.parse().unwrap());
    every_fault_hits_every_kind_of_entry_in(schedules);
}

#[test]
fn a_seed_gives_the_same_history_each_time() {
    for seed in [1, 13, 34, 777, 4242] {
        let hash = || run(seed, Settings::default()).unwrap().hash;
        assert_eq!(hash(), hash(), "seed {seed}");
    }
}
