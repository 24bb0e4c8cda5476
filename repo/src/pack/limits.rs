//! Bounds of what a pack may hold, from the format (sections 1, 3.1 and 7).

/// First bytes of a pack.
pub(super) const MAGIC: &[u8; 8] = b"ORLPACK1";
/// Last bytes of a pack.
pub(super) const END_MAGIC: &[u8; 4] = b"ORLE";
/// Length of the header; the first block stands there.
pub(super) const HEADER_LEN: u64 = HEADER_BYTES as u64;
/// The same as a size in memory.
pub(super) const HEADER_BYTES: usize = 16;
/// Length of what follows the footer: its length and [`END_MAGIC`].
pub(super) const TRAILER_LEN: u64 = TRAILER_BYTES as u64;
/// The same as a size in memory.
pub(super) const TRAILER_BYTES: usize = 8;
/// What sealing adds to a footer's body: envelope header (12), nonce (24), codec (1), length (4)
/// and tag (16).
pub(super) const ENVELOPE_OVERHEAD: u64 = 57;
/// Most bytes of a footer's body, from the table of envelope kinds.
pub(super) const MAX_FOOTER_BODY: u64 = 16 << 20;

/// Most bytes of a chunk or page.
pub const MAX_CHUNK_LEN: u32 = 1 << 20;
/// Most bytes of a block's plaintext.
pub const MAX_BLOCK_PLAIN: u32 = 2 << 20;
/// What sealing adds to a block: generation (4), nonce (24), codec (1), length (4), tag (16).
pub const BLOCK_OVERHEAD: u32 = 49;
/// Most bytes of a sealed block: one that was not compressed.
pub const MAX_BLOCK_STORED: u32 = MAX_BLOCK_PLAIN + BLOCK_OVERHEAD;
/// Most chunks that a writer puts into one pack.
///
/// At 26 bytes each, with a block for each, the footer stays within its bound of 16 MiB, and the
/// pack's chunks fit into one index segment.
pub const MAX_PACK_CHUNKS: usize = 1 << 19;
