//! The command line end to end: the binary on repositories in temporary folders.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_places;
mod bench;
mod commands;
mod copy;
mod crds;
mod damage;
mod examples;
mod exit_codes;
mod fidelity;
mod forget;
mod hostile;
mod interrupt;
mod json_shapes;
mod keys;
mod prune;
mod restore_wait;
