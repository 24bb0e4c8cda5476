//! What can be wrong with a pack.

use crate::model::PackName;
use crate::seal::{OpenError, SealError};
use crate::store::StoreError;

/// A pack cannot be made, read, or trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A block cannot go into this pack: an error of its maker.
    #[error("{pack}: block {block} {what}")]
    Unfit {
        /// The pack.
        pack: PackName,
        /// Number of the block in it, from 0.
        block: usize,
        /// What is wrong with it, as the end of a sentence.
        what: &'static str,
    },
    /// The footer cannot be sealed.
    #[error("{pack}: cannot seal the footer")]
    Seal {
        /// The pack.
        pack: PackName,
        /// Why.
        source: SealError,
    },
    /// The store does not give the bytes.
    #[error("{pack}: cannot read the last {len} bytes")]
    Store {
        /// The pack.
        pack: PackName,
        /// How many bytes were asked for.
        len: u64,
        /// Why.
        source: StoreError,
    },
    /// The object is not as long as those who name it say.
    #[error("{pack}: {found} bytes, not {expected}")]
    Length {
        /// The pack.
        pack: PackName,
        /// Length of the object.
        found: u64,
        /// The expected length.
        expected: u64,
    },
    /// The header is not that of a pack of this repository.
    #[error("{pack}: no header of a pack: byte {offset} is wrong")]
    Header {
        /// The pack.
        pack: PackName,
        /// Where the first wrong byte stands.
        offset: usize,
    },
    /// The last bytes do not lead to a footer.
    #[error("{pack}: {what} at offset {offset}")]
    Trailer {
        /// The pack.
        pack: PackName,
        /// Offset in the object, in bytes.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The footer does not open.
    #[error("{pack}: the footer at offset {offset} does not open")]
    FooterSealed {
        /// The pack.
        pack: PackName,
        /// Offset of the footer in bytes.
        offset: u64,
        /// Why.
        source: OpenError,
    },
    /// The footer is authentic and contradicts the pack or the format: its writer erred.
    #[error("{pack}: the footer lists what cannot be: {what}")]
    Footer {
        /// The pack.
        pack: PackName,
        /// What cannot be.
        what: String,
    },
    /// A block does not open.
    #[error("{pack}: block {block} at offset {offset} does not open")]
    Block {
        /// The pack.
        pack: PackName,
        /// Number of the block, from 0.
        block: usize,
        /// Offset in the pack in bytes.
        offset: u32,
        /// Why.
        source: OpenError,
    },
    /// A block is authentic and its plaintext is not as long as its chunks.
    #[error("{pack}: block {block} at offset {offset} holds {found} bytes, its chunks {expected}")]
    BlockLength {
        /// The pack.
        pack: PackName,
        /// Number of the block, from 0.
        block: usize,
        /// Offset in the pack in bytes.
        offset: u32,
        /// Length of the plaintext.
        found: u64,
        /// Sum of the lengths of its chunks.
        expected: u64,
    },
    /// A chunk is not what its id says.
    #[error(
        "{pack}: block {block} at offset {offset}: the chunk at {at} is not {}",
        hex::encode(prefix)
    )]
    Chunk {
        /// The pack.
        pack: PackName,
        /// Number of the block, from 0.
        block: usize,
        /// Offset of the block in the pack in bytes.
        offset: u32,
        /// Offset of the chunk in the block's plaintext.
        at: u32,
        /// First half of the id that the footer gives it.
        prefix: super::ChunkPrefix,
    },
    /// The padding is not what the pad key makes.
    #[error("{pack}: the padding at offset {offset} is wrong")]
    Padding {
        /// The pack.
        pack: PackName,
        /// Offset of the padding in bytes.
        offset: u64,
    },
    /// The bytes before the footer are not those that it was written for.
    #[error("{pack}: the {len} bytes before the footer do not have the hash that it gives")]
    BodyHash {
        /// The pack.
        pack: PackName,
        /// How many bytes were hashed.
        len: u64,
    },
}

impl PackError {
    /// Whether the bytes in the store are at fault: not the store, not the keys, not the caller.
    pub fn is_damage(&self) -> bool {
        match self {
            // An object shorter than what was asked for is damaged too: a second look tells.
            Self::Unfit { .. } | Self::Seal { .. } | Self::Store { .. } => false,
            Self::FooterSealed { source, .. } | Self::Block { source, .. } => source.is_damage(),
            Self::Length { .. }
            | Self::Header { .. }
            | Self::Trailer { .. }
            | Self::Footer { .. }
            | Self::BlockLength { .. }
            | Self::Chunk { .. }
            | Self::Padding { .. }
            | Self::BodyHash { .. } => true,
        }
    }

    /// Whether the pack is at fault, and not the store or this machine, for whoever has all keys: a
    /// generation of keys which is none of theirs is damage, too.
    pub(crate) fn is_broken(&self) -> bool {
        match self {
            Self::Store { source, .. } => source.is_missing() || source.is_damage(),
            Self::FooterSealed { .. } | Self::Block { .. } => true,
            error => error.is_damage(),
        }
    }

    /// Whether asking the store again may help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store { source, .. } if source.is_retryable())
    }
}
