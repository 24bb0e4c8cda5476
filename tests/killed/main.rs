//! The program is killed at any moment of anything that it does. What it was doing is done by the
//! next run, little of it twice, and nothing is damaged.
//!
//! `ORLOP_KILLS` says how often, `ORLOP_SEED` from which moments on.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests that tell their figures"
)]

mod bench;
mod command;
#[path = "../support/program.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod program;
mod victim;

use std::collections::BTreeMap;

use bench::Bench;
use command::{Backup, Command, Forget, Prune, Restore};
use program::{Dice, Stand};

/// Kills of the short form on each kind of store, and of the long one.
const SHORT: usize = 10;
const LONG: usize = 100;

/// What is killed, each as often as it stands here. A command that changes the repository joins
/// this list with a type in `command`.
const COMMANDS: [&dyn Command; 10] = [
    &Backup, &Prune, &Restore, &Backup, &Forget, &Prune, &Backup, &Restore, &Prune, &Backup,
];

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap())
}

fn survives(stand: &Stand, kills: usize) {
    let kills = number("ORLOP_KILLS").map_or(kills, |kills| usize::try_from(kills).unwrap());
    let seed = number("ORLOP_SEED").unwrap_or(1);
    println!("{kills} kills, seed {seed}");
    let bench = Bench::new(stand);
    let mut dice = Dice::new(seed);
    let mut undisturbed = BTreeMap::new();
    for command in COMMANDS {
        undisturbed
            .entry(command.name())
            .or_insert_with(|| bench.undisturbed(command));
    }
    for (number, command) in COMMANDS.iter().cycle().take(kills).enumerate() {
        let usual = &undisturbed[command.name()];
        bench.kill(*command, usual, number, &mut dice);
    }
}

#[test]
fn on_a_disk() {
    survives(&Stand::local(), SHORT);
}

#[test]
fn in_a_bucket() {
    survives(&Stand::s3(), SHORT);
}

#[test]
#[ignore = "takes many minutes; the shorter form always runs"]
fn on_a_disk_often() {
    survives(&Stand::local(), LONG);
}

#[test]
#[ignore = "takes many minutes; the shorter form always runs"]
fn in_a_bucket_often() {
    survives(&Stand::s3(), LONG);
}
