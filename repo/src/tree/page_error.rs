//! Why bytes are no page.

use super::entry::EntryError;
use super::key::KeyError;

/// Bytes that are no page of a tree. Always damage, or the work of somebody who holds the keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// No CBOR, or another type than the format asks for.
    #[error("a page is not well-formed")]
    Cbor {
        /// What the decoder met.
        source: minicbor::decode::Error,
    },
    /// More bytes than a page may have.
    #[error("a page of {len} bytes is too long")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// Bytes stand after the page.
    #[error("{extra} bytes stand after the page")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// An array or map of indefinite length.
    #[error("a page holds something of indefinite length")]
    Indefinite,
    /// More items than the bytes that remain could hold.
    #[error("{claimed} items do not fit into {remaining} bytes")]
    Count {
        /// The number that is claimed.
        claimed: u64,
        /// Bytes that remain.
        remaining: usize,
    },
    /// A tuple or a fixed byte string of another length.
    #[error("{found} items stand where {expected} belong")]
    Items {
        /// Its length.
        found: u64,
        /// The length that the format asks for.
        expected: u64,
    },
    /// Keys of a map that do not ascend.
    #[error("the key {key} of a map is out of order")]
    MapOrder {
        /// The key.
        key: u64,
    },
    /// A field that must be there is not.
    #[error("field {key} is missing")]
    Missing {
        /// Its key.
        key: u64,
    },
    /// A field of a page stands on a page of the wrong level, or beside one that excludes it.
    #[error("field {key} does not belong on this page of level {level}")]
    Misplaced {
        /// Its key.
        key: u64,
        /// The level of the page.
        level: u8,
    },
    /// A level that is too high.
    #[error("the level {level} of a page is too high")]
    Level {
        /// The level.
        level: u8,
    },
    /// A pack or block that the page's tables do not have.
    #[error("the page has no pack or block {index}")]
    TableIndex {
        /// The index.
        index: u32,
    },
    /// An entry with two contents.
    #[error("an entry has more than one content")]
    TwoContents,
    /// A kind of extent that the format does not have.
    #[error("no extent is of kind {kind}")]
    ExtentKind {
        /// Its number.
        kind: u64,
    },
    /// A folder or a page without anything in it.
    #[error("a group or a page is empty")]
    Empty,
    /// Keys that do not ascend.
    #[error("the keys of a page do not ascend")]
    KeyOrder,
    /// A file of more than 2^64 bytes.
    #[error("the lengths on a page overflow")]
    TotalOverflow,
    /// A page that does not hold what the page above says.
    #[error("a page holds {found} entries or bytes where {claimed} are announced")]
    Totals {
        /// What the page above says.
        claimed: u64,
        /// What the page holds.
        found: u64,
    },
    /// A key that is none.
    #[error("a page holds an illegal key")]
    Key {
        /// What is wrong with it.
        source: KeyError,
    },
    /// An entry that breaks a rule.
    #[error("a page holds an illegal entry")]
    Entry {
        /// What is wrong with it.
        source: EntryError,
    },
}

impl From<minicbor::decode::Error> for PageError {
    fn from(source: minicbor::decode::Error) -> Self {
        Self::Cbor { source }
    }
}

impl From<KeyError> for PageError {
    fn from(source: KeyError) -> Self {
        Self::Key { source }
    }
}

impl From<EntryError> for PageError {
    fn from(source: EntryError) -> Self {
        Self::Entry { source }
    }
}
