//! Mending what can be mended, and declaring what cannot be.
//!
//! Three repairs, each of which takes up where an earlier run of it was cut off. What
//! [`check`](crate::check::check) finds says which are needed; their order is log, index,
//! snapshots.
//!
//! | | what it does |
//! |---|---|
//! | [`repair_log`] | goes on in another generation of the log, with all that is still known |
//! | [`repair_index`] | lists anew what damaged or missing segments listed, from the packs themselves |
//! | [`repair_snapshots`] | copies what can be read out of damaged packs, and declares the rest lost |
//!
//! # Guarantees
//!
//! - Only bytes that do not authenticate, and objects that the store says are not there, count as
//!   damaged. A store that does not answer ends a repair with an error.
//! - Nothing is deleted and nothing is overwritten. Snapshots stay as they are: what is missing
//!   from them is named, by every check from then on, and comes back with the next backup that
//!   finds it in its source.
//! - They may run beside writers and maintenance, and beside each other.

mod error;
mod folds;
mod index;
mod log;
mod lost;
mod meta;
mod options;
mod report;
mod salvage;
mod snapshots;

pub use error::RepairError;
pub use index::repair_index;
pub use log::repair_log;
pub use options::RepairOptions;
pub use report::{IndexRepair, LogRepair, LostSession, SnapshotRepair};
pub use snapshots::repair_snapshots;
