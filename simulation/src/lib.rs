//! Deterministic simulation: the engine's own code, over a store that fails, delays and repeats,
//! among actors that die, sleep for days and come back, in an order that a seed draws.
//!
//! ```text
//! run        one schedule, from its seed
//! many       many of them, on all cores
//! scheduler  who goes on; the time
//! backend    the store as a process sees it: fates, late writes, listings that lag
//! scenario   what a schedule is about, if not anything
//! actors     writers, forgetters, maintainers, readers
//! oracle     what must hold, judged from the store after every entry and every delete
//! ```

mod actors;
mod backend;
mod content;
pub mod coverage;
pub mod fault;
mod habits;
mod many;
mod memory;
mod oracle;
mod random;
mod run;
mod scenario;
mod scheduler;
mod world;

pub use many::{Total, run_all};
pub use run::{Outcome, Settings, run};
pub use scenario::Scenario;
