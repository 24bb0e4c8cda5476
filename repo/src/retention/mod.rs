//! Which snapshots a policy keeps. Pure: no I/O, no clock; the time zone is given.
//!
//! ```text
//! policy     what is to be kept: rules
//! age        how long, by the calendar
//! group      which snapshots compete with each other
//! evaluate   snapshots and rules to verdicts, each with its reasons
//! ```

mod age;
mod evaluate;
mod group;
mod policy;
#[cfg(test)]
mod tests;

pub use age::Age;
pub use evaluate::{Moment, Reason, Verdict, evaluate};
pub use group::{Group, GroupBy, evaluate_groups};
pub use policy::{Count, Period, Policy, Rule};
