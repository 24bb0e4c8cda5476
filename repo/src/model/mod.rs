//! The words of the format as types: names, places, sets. No behaviour, no I/O.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod ids;
mod object_name;
mod pack_set;
mod place;

pub use ids::{KeyCommitment, ObjectHash, PackName, RepositoryId, SessionId, SnapshotId};
pub use object_name::{NameError, ObjectName};
pub use pack_set::PackSet;
pub use place::{ChunkRef, Extent, Place};
