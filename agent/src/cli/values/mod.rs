//! Values of options: from text to types, with errors that say what would be understood.

mod age;
mod keep;
mod percent;
mod size;
mod snapshot_path;
mod tag;

pub(super) use age::Age;
pub(super) use keep::{KeepAge, KeepCount, KeepTag};
pub(super) use percent::Percent;
pub(super) use size::Size;
pub(super) use snapshot_path::SnapshotPath;
pub(super) use tag::Tag;
