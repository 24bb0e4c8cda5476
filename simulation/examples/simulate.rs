//! Runs schedules: `simulate [--seed N] [--schedules N] [--flaw NAME] [--scenario NAME]`.
//!
//! With `--seed` alone one schedule is run and told line by line. With `--schedules` that many are
//! run from the seed on; with 0, until one fails or it is stopped. `--flaw` leaves a rule out;
//! `--scenario` has them be about something (`Garbage`, `Heirs`).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use orlop_repo::flaws::{Flaw, leave_out};
use orlop_simulation::{Outcome, Scenario, Settings, run, run_all};

fn main() -> ExitCode {
    match simulate() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn simulate() -> Result<bool, String> {
    let (mut seed, mut schedules, mut flaw) = (None, None, None);
    let mut scenario = Scenario::Mixed;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or(format!("{arg} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|error| error.to_string());
        match arg.as_str() {
            "--seed" => seed = Some(number()?),
            "--schedules" => schedules = Some(number()?),
            "--flaw" => {
                let named = |flaw: &Flaw| format!("{flaw:?}") == value;
                let found = Flaw::ALL.into_iter().find(named);
                flaw = Some(found.ok_or(format!("there is no flaw {value}"))?);
            }
            "--scenario" => {
                let all = [Scenario::Mixed, Scenario::Garbage, Scenario::Heirs];
                let named = |scenario: &Scenario| format!("{scenario:?}") == value;
                let found = all.into_iter().find(named);
                scenario = found.ok_or(format!("there is no scenario {value}"))?;
            }
            other => return Err(format!("{other} is not known")),
        }
    }
    leave_out(flaw);
    let settings = Settings {
        keep_trace: false,
        is_flawed: flaw.is_some(),
        scenario,
    };
    if let (Some(seed), None) = (seed, schedules) {
        return told(seed, settings);
    }
    let first = seed.unwrap_or(0);
    let last = match schedules {
        None => first + 5000,
        Some(0) => u64::MAX,
        Some(count) => first + count,
    };
    let (done, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    let total = run_all(first..last, settings, |outcome: &Outcome| {
        let calls = calls.fetch_add(outcome.calls, Ordering::Relaxed) + outcome.calls;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(1000) {
            eprintln!("{done} schedules, {calls} requests");
        }
    })?;
    println!("{} schedules, {} requests", total.schedules, total.calls);
    println!("{}", total.coverage);
    let Some(wrong) = total.wrong else {
        return Ok(true);
    };
    told(wrong.seed, settings)?;
    let flaw = flaw.map_or(String::new(), |flaw| format!(" --flaw {flaw:?}"));
    let about = match scenario {
        Scenario::Mixed => String::new(),
        scenario => format!(" --scenario {scenario:?}"),
    };
    println!(
        "again: cargo run -p orlop-simulation --example simulate -- --seed {}{flaw}{about}",
        wrong.seed
    );
    Ok(false)
}

/// Runs one schedule and tells what happens.
fn told(seed: u64, settings: Settings) -> Result<bool, String> {
    let outcome = run(
        seed,
        Settings {
            keep_trace: true,
            ..settings
        },
    )?;
    for line in &outcome.trace {
        println!("{line}");
    }
    match &outcome.wrong {
        Some(wrong) => println!("seed {seed}: WRONG: {wrong}"),
        None => println!("seed {seed}: {} requests, nothing wrong", outcome.calls),
    }
    Ok(outcome.wrong.is_none())
}
