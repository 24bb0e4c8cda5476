//! The control plane does what a real one does, and ends when it must. One program, so that it is
//! linked once and most tests share a control plane.
#![expect(clippy::unwrap_used, reason = "tests")]

mod access;
mod definitions;
mod lifetime;
mod programs;
mod resources;
