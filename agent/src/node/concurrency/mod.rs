//! How many volumes a node moves at once, and with how much memory.
//!
//! The node agents' `ConfigMap` ([`NodeAgentConfig`]) says how many, for all nodes and for some by
//! their labels ([`NodeSelector`]). [`Slots`] lets so many run, backups and restores together, and
//! gives each a part of the process's one memory budget.

mod config;
mod selector;
mod slots;

pub use config::{ConfigError, ConfigProblem, NodeAgentConfig};
pub use selector::{NodeSelector, Requirement};
pub use slots::{Slot, Slots, TooLittleMemory};
