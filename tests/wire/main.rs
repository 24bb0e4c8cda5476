//! Faults between the program and a real S3 server, and a store that goes back in time.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "tests that tell their figures"
)]

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../cli/bench.rs"]
mod bench;
#[path = "../support/mod.rs"]
mod support;

mod doubt;
mod rolled_back;
mod storm;
mod world;
