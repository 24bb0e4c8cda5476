//! Trees: the sorted map from keys to entries that a snapshot is, cut into pages by content.
//!
//! | file | concept |
//! |---|---|
//! | `key`, `key_range` | where an entry stands, and ranges of keys |
//! | `entry`, `entry_codec` | what is recorded of a file, and its bytes |
//! | `page`, `places`, `cbor` | pages and their bytes |
//! | `build`, `content` | from entries and extents to pages |
//! | `read` | back |

#[cfg(test)]
mod arbitrary;
mod build;
mod cbor;
mod content;
mod entry;
mod entry_codec;
mod key;
mod key_range;
mod page;
mod page_error;
mod places;
mod read;

pub use build::{BuildError, BuiltTree, PageSink, TreeBuilder};
pub use content::ContentBuilder;
pub use entry::{
    Content, Entry, EntryError, EntryKind, FileClass, MAX_CHUNK_LEN, MAX_INLINE_DATA,
    MAX_INLINE_EXTENTS, MAX_LEVEL, Notes, Timestamp,
};
pub use key::{
    EntryKey, KeyError, MAX_KEY_LEN, MAX_NAME_LEN, check_name, check_prefix, child_prefix,
    join_path, prefix_of_path,
};
pub use key_range::KeyRange;
pub use page::{Child, ContentChild, Group, MAX_PAGE_LEN, Page};
pub use page_error::PageError;
pub use read::{Extents, Located, PageSource, TreeCursor, lookup};
