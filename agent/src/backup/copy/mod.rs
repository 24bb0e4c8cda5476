//! Copying a snapshot to another repository: a backup whose source is a tree.
//!
//! ```text
//! plan ──groups──► feed ──batches──► (as every backup)
//!  │ tree, what is    │ waits for the bytes of a group,
//!  │ taken over       │ cuts them as the target does
//!  │ groups of chunks
//!  └──► fetch (runtime): blocks, neighbours in one request, opened, verified
//! ```
//!
//! Chunks are named and cut under keys of their repository, so files are cut anew: then what is
//! copied and what is backed up to the target find each other's chunks. Files that an earlier copy
//! holds with the same content are taken over from it without being read.

mod feed;
mod fetch;
mod options;
mod plan;
mod run;

pub use options::{COPIED_FROM, CopyOptions, CopySummary, Origin};
pub use run::copy;
