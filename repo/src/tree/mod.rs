//! Trees: the sorted map from keys to entries that a snapshot is, cut into pages by content.
//!
//! | file | concept |
//! |---|---|
//! | `key`, `key_range` | where an entry stands, and ranges of keys |
//! | `entry`, `entry_codec` | what is recorded of a file, and its bytes |
//! | `page`, `places`, `cbor` | pages and their bytes |
//! | `build`, `content`, `page_buffer`, `split` | from entries and extents to pages, and where those end |
//! | `walk`, `read` | back: one entry, a range, what a walk of the source asks for, extents |
//! | `fits` | whether pages agree with those above them |
//! | `page_failure` | a page that cannot be read, and what is missing without it |
//! | `diff` | what differs between two trees |

#[cfg(test)]
mod arbitrary;
mod build;
mod cbor;
mod content;
mod diff;
mod entry;
mod entry_codec;
mod fits;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod key;
mod key_range;
mod page;
mod page_buffer;
mod page_error;
mod page_failure;
mod places;
mod read;
mod split;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;
mod walk;

pub use build::{BuildError, BuiltTree, PageSink, TreeBuilder};
pub use content::ContentBuilder;
pub use diff::{Difference, Side, SideFailure, TreeDiff};
pub use entry::{
    Content, Entry, EntryError, EntryKind, FileClass, MAX_CHUNK_LEN, MAX_INLINE_DATA,
    MAX_INLINE_EXTENTS, MAX_LEVEL, Notes, Timestamp,
};
pub(crate) use fits::fits_below;
pub use key::{
    EntryKey, KeyError, MAX_KEY_LEN, MAX_NAME_LEN, check_name, check_prefix, child_prefix,
    join_path, prefix_of_path,
};
pub use key_range::KeyRange;
pub use page::{Child, ContentChild, Group, MAX_PAGE_LEN, Page};
pub use page_error::PageError;
pub use page_failure::PageFailure;
pub use read::{Extents, Located, PageSource, TreeCursor, lookup};
pub use split::MAX_ENTRY_LEN;
