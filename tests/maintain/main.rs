//! Maintenance over a store in memory: what is needed stays readable, the rest goes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod support;

mod basics;
mod bench;
mod crash;
mod damage;
mod keys;
mod memory;
mod races;
mod random;
mod repack;
mod stage;
