//! The Orlop repository: format, keys, packs, index, trees, log and stores.
//!
//! `format-spec/FORMAT.md` is the normative description of every byte written here.
#![warn(clippy::indexing_slicing)]

pub mod check;
pub mod clock;
pub mod cuts;
pub mod entropy;
pub mod explain;
pub mod features;
#[doc(hidden)]
pub mod flaws;
pub mod format_object;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod index;
pub mod keys;
pub mod log;
pub mod maintain;
mod meta_frame;
pub mod model;
pub mod pack;
pub mod repair;
pub mod repository;
pub mod retention;
pub mod seal;
pub mod slots;
pub mod snapshot;
pub mod store;
pub mod tree;
