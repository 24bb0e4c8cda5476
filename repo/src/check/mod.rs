//! Checking a repository: is everything there that its log and its snapshots name, and intact?
//!
//! [`check`] reads and never writes, takes no lock, and may run beside writers: it judges the
//! state of the log at its start.
//!
//! | file | what it checks |
//! |---|---|
//! | `history` | log entries, hash chain, folds |
//! | `meta` | format object, slots, key generations |
//! | `segments` | index segments |
//! | `packs` | packs: presence, length, directory, and all bytes if asked for |
//! | `trees` | the trees of the snapshots, chunk by chunk; names hurt files |
//! | `resolve` | where a chunk stands, by hint, index and directory |
//! | `examine` | what can still be read of packs that are gone or damaged |
//!
//! # Memory
//!
//! Some 150 bytes for each pack, 40 for each tree page (at most [`MAX_VISITED`] of them), 9 bits
//! for each chunk, [`CheckOptions::memory`] for packs that are being read, 96 MiB of opened
//! blocks, and what reading index segments takes (see [`LocalIndex`](crate::index::LocalIndex)).
//! The index of the check stands on disk in [`CheckOptions::scratch`], 32 bytes for each chunk.

mod digest;
mod error;
mod examine;
mod history;
mod meta;
mod options;
mod packs;
mod report;
mod resolve;
mod run;
mod segments;
mod trees;

pub use error::CheckError;
pub(crate) use examine::{Examined, Offsets};
pub use options::{CheckOptions, CheckProgress, NoProgress, Phase, ReadData};
pub use report::{CheckReport, Finding, Hurt, HurtFile, MAX_HURT, Remedy, Severity};
pub use run::check;
pub(crate) use run::{Inspected, Structure, inspect, inspect_structure};
pub use trees::MAX_VISITED;
