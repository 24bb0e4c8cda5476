//! From the engine's counters to what status says, and whether anything still moves.
//!
//! [`StatusUpdates`] says when status is to be written and with what: at most once a second, and
//! only if something has changed. [`Watch`] judges whether an operation is stuck: by what it does, not by how
//! long it takes. Both are polled and go by the [`Clock`](orlop_repo::clock::Clock) that they are given.

mod status;
mod watch;

pub use status::{DataProgress, StatusUpdates};
pub use watch::Watch;
