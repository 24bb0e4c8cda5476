//! Proof that a store gives what the engine needs: `orlop store check` on people's own bucket, and
//! the conformance suite of every backend and wrapper.
//!
//! Each property is one function that tries it in a folder of its own, `probe/<random>/`, which is
//! removed afterwards.

mod bytes;
mod clock;
mod creation;
mod listing;
mod ranges;
mod report;
mod run;
mod scene;
#[cfg(test)]
mod tests;

pub use report::{Finding, Outcome, ProbeReport};
pub use run::{Effort, create_once, probe};
