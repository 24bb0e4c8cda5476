//! Backing up a volume: from a walk to a snapshot.
//!
//! ```text
//! feed ──batches──► work (rayon) ──done──► assemble ──► packer ──► session ──► store
//!  │ walk, parent    │ read, cut, id,       │ places, order, tree
//!  │ large files     │ dedup, seal, verify  │ pages
//! ```
//!
//! A batch is consecutive work of the walk, about a megabyte of it: the unit of parallel work, of
//! order, and, by its new chunks, of compression. One byte budget bounds what is under way.

mod assemble;
mod batch;
mod begin;
mod buffers;
mod checkpoints;
mod copy;
mod dedup;
mod describe;
mod error;
mod feed;
mod links;
mod options;
mod orphans;
mod packer;
mod pages;
mod parent;
mod predecessor;
mod reports;
mod run;
mod scan;
mod source;
mod work;

pub use checkpoints::CheckpointPolicy;
pub use copy::{COPIED_FROM, CopyOptions, CopySummary, Origin, copy};
pub use error::BackupError;
pub use options::{BackupOptions, BackupSummary, Exclude, Excludes, Resumed, Source, Tools};
pub use predecessor::Predecessors;
pub use run::backup;
pub use scan::SCAN_AFTER;
