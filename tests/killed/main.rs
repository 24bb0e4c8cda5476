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
mod repair;
mod victim;

use std::collections::BTreeMap;

use bench::Bench;
use command::{Backup, Command, Forget, Prune, Restore};
use program::{Dice, Stand};
use repair::Repair;

/// Kills of the short form on each kind of store, and of the long one.
const SHORT: usize = COMMANDS.len();
const LONG: usize = 100;

/// What is killed, each as often as it stands here. A command that changes the repository joins
/// this list with a type in `command`.
const COMMANDS: [&dyn Command; 12] = [
    &Backup,
    &Prune,
    &Repair::SegmentsGone,
    &Restore,
    &Repair::PackGone,
    &Backup,
    &Repair::EntryGone,
    &Forget,
    &Prune,
    &Repair::PackFlipped,
    &Backup,
    &Repair::CommitGone,
];

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap())
}

fn survives(stand: &Stand, kills: usize, seed: u64) {
    let kills = number("ORLOP_KILLS").map_or(kills, |kills| usize::try_from(kills).unwrap());
    let seed = number("ORLOP_SEED").unwrap_or(seed);
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
    survives(&Stand::local(), SHORT, 1);
}

#[test]
fn in_a_bucket() {
    survives(&Stand::s3(), SHORT, 2);
}

#[test]
#[ignore = "takes many minutes; the shorter form always runs"]
fn on_a_disk_often() {
    survives(&Stand::local(), LONG, 1);
}

#[test]
#[ignore = "takes many minutes; the shorter form always runs"]
fn in_a_bucket_often() {
    survives(&Stand::s3(), LONG, 2);
}
