//! Maintenance over a store in memory: what is needed stays readable, the rest goes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod basics;
mod bench;
