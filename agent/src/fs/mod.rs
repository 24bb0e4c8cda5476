//! Everything that touches a tenant's file system.
//!
//! The caller is root and the volume may be hostile, so two rules hold throughout. Nothing is
//! reached by a path: a folder is a descriptor, an object is one component in it, links are never
//! followed. And nothing is believed twice: what was opened must be the inode that was seen, else
//! it is reported and left alone.
//!
//! Reading: [`Root`], [`Walk`], [`Item`], [`SourceFile`], [`Layout`], and the rules of [`Trust`].
//! Writing: [`Sink`], [`SinkCursor`], [`FileSink`], [`Finisher`].

mod apply;
mod beginnings;
mod beneath;
mod dir_chain;
mod dir_finisher;
mod dir_handle;
mod error;
mod external_sort;
mod file_sink;
mod file_source;
mod ioctls;
mod item;
mod layout;
mod metadata;
mod rel_path;
mod remove;
mod root;
mod sink;
#[cfg(test)]
mod sink_tests;
#[cfg(test)]
mod source_tests;
mod spill_stack;
mod stat;
#[cfg(test)]
mod test_volume;
mod trust;
mod walk;
#[cfg(test)]
mod walk_tests;

pub use apply::{Attributes, Warning};
pub use beginnings::Beginnings;
pub use dir_finisher::Finisher;
pub use dir_handle::DirHandle;
pub use error::{FsError, Problem, Severity, Trouble};
pub use external_sort::{ExternalSorter, Order, Sorted};
pub use file_sink::FileSink;
pub use file_source::{Change, ReadFile, SourceFile, read_settled};
pub use item::Item;
pub use layout::{Layout, Segment, SegmentKind};
pub use metadata::{EARLY_FLAGS, LOCKING_FLAGS, Meta, RESTORABLE_FLAGS};
pub use rel_path::{BadName, RelPath, check_name};
pub use root::Root;
pub use sink::{Overwrite, Sink, SinkCursor, SinkOptions};
pub use stat::{Identity, Kind, Stat, Time};
pub use trust::{Remembered, SETTLE_SECS, Trust, is_settled, is_unchanged};
pub use walk::{Found, Walk, WalkOptions};
