//! Where pages end (sections 8.1 and 8.4 of the format).
//!
//! Ends depend on the keys of the entries, keyed with a secret, and not on what came before the
//! last end: the same entries give the same pages, whoever wrote them and in whatever history,
//! and a changed entry moves no end but near ones.

use orlop_chunker::ChunkId;

use super::entry::FileClass;
use super::key::join;
use super::page_buffer::PageBuffer;

/// Largest encoded entry in bytes: with the largest leaf before it, a page stays below 1 MiB.
pub const MAX_ENTRY_LEN: usize = 512 * 1024;

/// A leaf ends at no key before it holds this many bytes.
const LEAF_MIN: usize = 16 * 1024;
/// A leaf ends at any key once it holds this many bytes.
const LEAF_MAX: usize = 96 * 1024;
/// One of 256 keys ends a leaf: with entries of some 150 bytes, leaves of some 50 KiB.
const LEAF_MASK: u32 = 0xff;

/// Fewest children of an inner page that ends by its key.
const INNER_MIN: usize = 8;
/// Most children of an inner page.
const INNER_MAX: usize = 512;
/// An inner page ends once it holds this many bytes. Keys are at most 64 KiB, so it then has at
/// least 4 children, and levels always get smaller.
const INNER_MAX_LEN: usize = 256 * 1024;
/// One of 128 keys ends an inner page.
const INNER_MASK: u32 = 0x7f;

/// A content page of the class paged covers this many bytes of the file.
const PAGED_SPAN: u64 = 16 << 20;
/// A content page of the class database covers this many bytes of the file, 16 chunks: an update of
/// one row in a thousand pages rewrites the page that lists it, which are 600 bytes, not 40 KiB.
const DATABASE_SPAN: u64 = 256 << 10;
/// Fewest extents of a content page of another class that ends by a chunk's id.
const EXTENTS_MIN: usize = 64;
/// Most extents of a content page. Of those classes too: holes may be much smaller than chunks.
const EXTENTS_MAX: usize = 1024;
/// Children of a content page.
const CONTENT_CHILDREN: usize = 256;

/// The first 4 bytes of the keyed hash of an entry's key.
fn key_hash(split: &[u8; 32], key: &[u8]) -> u32 {
    let hash = blake3::keyed_hash(split, key);
    let [a, b, c, d, ..] = *hash.as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Whether the leaf ends after its last entry, which is this one.
pub(super) fn leaf_ends(split: &[u8; 32], page: &PageBuffer, parent: &[u8], name: &[u8]) -> bool {
    page.size() >= LEAF_MAX
        || (page.size() >= LEAF_MIN && key_hash(split, &join(parent, name)) & LEAF_MASK == 0)
}

/// Whether the inner page ends after its last child, whose first key is this.
pub(super) fn inner_ends(split: &[u8; 32], page: &PageBuffer, first_key: &[u8]) -> bool {
    page.count() >= INNER_MAX
        || page.size() >= INNER_MAX_LEN
        || (page.count() >= INNER_MIN && key_hash(split, first_key) & INNER_MASK == 0)
}

/// Whether the content page of level 0 ends after its last extent, which covers `start..end` of
/// the file.
pub(super) fn extents_end(
    class: FileClass,
    page: &PageBuffer,
    start: u64,
    end: u64,
    data: Option<ChunkId>,
) -> bool {
    let ends = match class {
        FileClass::Paged => start / PAGED_SPAN != end / PAGED_SPAN,
        FileClass::Database => start / DATABASE_SPAN != end / DATABASE_SPAN,
        _ => {
            page.count() >= EXTENTS_MIN && data.is_some_and(|id| id.as_bytes().first() == Some(&0))
        }
    };
    ends || page.count() >= EXTENTS_MAX
}

/// Whether the content page of a higher level is full.
pub(super) fn content_ends(page: &PageBuffer) -> bool {
    page.count() >= CONTENT_CHILDREN
}
