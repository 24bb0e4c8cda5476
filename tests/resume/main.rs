//! Backups that are killed or stopped at any point: the next one goes on from there.
#![expect(clippy::unwrap_used, reason = "tests")]

mod adoption;
mod bench;
mod child;
mod crash;
mod gate;
mod interrupt;
mod kill;
mod orphans;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod support;
