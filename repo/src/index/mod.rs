//! The index: from the id of a chunk or page to its places (`FORMAT.md` section 9).
//!
//! [`Segment`] is what stands in the store, [`LocalIndex`] what a client makes of all segments,
//! [`SessionIndex`] what a session adds.

mod cache;
mod entry;
mod error;
mod file;
mod file_meta;
mod file_writer;
mod filter;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod local_index;
#[cfg(test)]
mod local_tests;
mod merge;
mod page;
mod read_segment;
mod run;
mod scan;
mod segment;
mod segment_builder;
#[cfg(test)]
mod segment_tests;
mod session_index;

pub use cache::CacheFolder;
pub use entry::{Found, PackInfo};
pub use error::IndexError;
pub use local_index::{LocalIndex, SyncReport};
pub use read_segment::read_segment;
pub use segment::{MAX_SEGMENT_CHUNKS, Segment, SegmentError};
pub use segment_builder::SegmentBuilder;
pub use session_index::{Claim, SessionIndex};
