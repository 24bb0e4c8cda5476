//! What a sealed thing is.

use std::fmt;

/// What a block, and the pack that holds it, is for.
///
/// Data and trees stand in separate packs, so that browsing reads little.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BlockKind {
    /// Chunks of files.
    Data,
    /// Pages of trees and of content lists.
    Tree,
}

impl BlockKind {
    /// The number in a pack's header and in the index.
    pub const fn number(self) -> u8 {
        match self {
            Self::Data => 1,
            Self::Tree => 2,
        }
    }

    /// The kind with that number; `None` if version 1 knows none.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Data),
            2 => Some(Self::Tree),
            _ => None,
        }
    }

    /// The same as a sealed thing.
    pub const fn object_kind(self) -> ObjectKind {
        match self {
            Self::Data => ObjectKind::DataBlock,
            Self::Tree => ObjectKind::TreeBlock,
        }
    }
}

impl fmt::Display for BlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Data => "data",
            Self::Tree => "tree",
        })
    }
}

/// What a sealed thing is: decides its key and its largest body, and is authenticated with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ObjectKind {
    /// Block of chunks of files.
    DataBlock,
    /// Block of pages.
    TreeBlock,
    /// Footer of a pack, under the key of its blocks.
    PackFooter(BlockKind),
    /// Index segment.
    Segment,
    /// Core of a log entry.
    LogEntry,
    /// Tail of a log entry: copies of the entries before it.
    LogTail,
    /// State of the log after a prefix of it.
    Fold,
    /// A set too large for its log entry.
    Side,
    /// Material of the key generation before.
    Generation,
}

impl ObjectKind {
    /// The number in the envelope.
    pub const fn number(self) -> u8 {
        match self {
            Self::DataBlock => 1,
            Self::TreeBlock => 2,
            Self::PackFooter(_) => 3,
            Self::Segment => 4,
            Self::LogEntry => 5,
            Self::LogTail => 6,
            Self::Fold => 7,
            Self::Side => 8,
            Self::Generation => 9,
        }
    }

    /// Largest body in bytes, checked before anything is allocated for it.
    pub const fn max_body(self) -> u32 {
        match self {
            Self::DataBlock | Self::TreeBlock => 2 << 20,
            Self::PackFooter(_) => 16 << 20,
            Self::Segment => 64 << 20,
            Self::LogEntry | Self::LogTail => 1 << 20,
            Self::Fold => 1 << 30,
            Self::Side => 256 << 20,
            Self::Generation => 32,
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DataBlock => "data block",
            Self::TreeBlock => "tree block",
            Self::PackFooter(BlockKind::Data) => "footer of a data pack",
            Self::PackFooter(BlockKind::Tree) => "footer of a tree pack",
            Self::Segment => "index segment",
            Self::LogEntry => "log entry",
            Self::LogTail => "tail of a log entry",
            Self::Fold => "fold",
            Self::Side => "side object",
            Self::Generation => "key generation",
        })
    }
}
