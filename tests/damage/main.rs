//! A small repository with something of everything in it, damaged in every way: nothing panics,
//! nothing wrong is restored, what is wrong is named, and repairs leave it sound.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod bytes;
mod crash;
mod cycle;
mod keys;
mod objects;
mod scene;
mod silent;
#[path = "../maintain/stage.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod stage;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod support;
mod truth;
#[path = "../support/silent.rs"]
mod unanswered;
