//! Volume sources and restore sinks, the backup pipeline, the command line.

pub mod backup;
pub mod classify;
pub mod cli;
pub mod exclude;
#[cfg(test)]
mod forget_tests;
pub mod fs;
#[cfg(test)]
mod hostile_tests;
pub mod memory;
pub mod mount;
pub mod node;
pub mod progress;
pub mod restore;
pub mod select;
pub mod slots;
#[cfg(test)]
mod testing;
