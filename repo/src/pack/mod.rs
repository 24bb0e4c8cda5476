//! Packs: objects that hold blocks and list them in a sealed footer (`FORMAT.md` section 7).
//!
//! [`PackBuilder`] makes one, [`read_directory`] reads what is in one from its tail, and
//! [`verify_pack`] checks every byte of one.

mod builder;
mod directory;
mod error;
mod footer;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod limits;
mod padding;
mod read;
#[cfg(test)]
mod tests;
mod verify;

pub use builder::{FinishedPack, PackBuilder};
pub use directory::{PackDirectory, PackedBlock, PackedChunk};
pub use error::PackError;
pub use limits::{
    BLOCK_OVERHEAD, MAX_BLOCK_PLAIN, MAX_BLOCK_STORED, MAX_CHUNK_LEN, MAX_PACK_CHUNKS,
};
pub use padding::PackEnd;
pub use read::read_directory;
pub use verify::{verify_and_hash, verify_pack};

/// First half of the id of a chunk or page: what footers and the index know it by.
pub type ChunkPrefix = [u8; orlop_chunker::ChunkId::PREFIX_LEN];
