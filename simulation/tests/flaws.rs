//! Rules that are left out, one at a time: the simulation notices each.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use orlop_repo::flaws::{Flaw, leave_out};
use orlop_simulation::{Scenario, Settings, run_all};

/// Schedules within which each must be noticed.
const WITHIN: u64 = 2_000;

/// Those that too few schedules notice to want it in each run; `README.md` says more.
const RARELY_NOTICED: [Flaw; 1] = [Flaw::MarkByNamesOnly];

/// What schedules must be about for a rule to be needed soon.
fn scenario(flaw: Flaw) -> Scenario {
    match flaw {
        Flaw::BeginPinsNothing
        | Flaw::SweepIgnoresIdleSessions
        | Flaw::CheckpointOvertaken
        | Flaw::ReliedLeftOut
        | Flaw::MergeDropsCondemned => Scenario::Garbage,
        _ => Scenario::Mixed,
    }
}

/// One test for all of them: what is left out is left out in this whole process.
#[test]
fn rules_that_are_left_out_are_noticed() {
    let mut unnoticed = Vec::new();
    for flaw in Flaw::ALL
        .into_iter()
        .filter(|f| !RARELY_NOTICED.contains(f))
    {
        let settings = Settings {
            keep_trace: false,
            is_flawed: true,
            scenario: scenario(flaw),
        };
        leave_out(Some(flaw));
        let total = run_all(0..WITHIN, settings, |_| {}).unwrap();
        match total.wrong {
            Some(wrong) => println!(
                "{flaw:?}: seed {}, after {} schedules: {}",
                wrong.seed,
                total.schedules,
                wrong.wrong.unwrap_or_default()
            ),
            None => unnoticed.push(flaw),
        }
    }
    leave_out(None);
    assert_eq!(unnoticed, []);
}
