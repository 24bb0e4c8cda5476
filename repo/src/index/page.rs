//! Rows of the local index, and the pages that they stand in.

use crate::pack::ChunkPrefix;

use super::entry::Entry;
use super::segment::PACK_LEN;

/// Bytes of a page: one read of a disk, one check.
pub(super) const PAGE_LEN: usize = 4096;
/// Bytes of a row of the entries.
pub(super) const ROW_LEN: usize = 32;
/// Entries in a page.
pub(super) const ROWS: usize = PAGE_LEN / ROW_LEN;
/// Packs in a page.
pub(super) const PACKS: usize = PAGE_LEN / PACK_LEN;

/// Bits of a block's stored length, of a chunk's offset in its block and of its length. Their
/// bounds are 2 MiB and 49 bytes, below 2 MiB, and 1 MiB.
const BITS: [u32; 3] = [22, 21, 21];

/// A row: prefix, pack (u32), offset of the block (u32), and one u64 of stored length, offset
/// and length.
pub(super) type Row = [u8; ROW_LEN];

/// Packs an entry whose fields are within the bounds of the format.
pub(super) fn encode(entry: &Entry) -> Row {
    let [_, offset_bits, len_bits] = BITS;
    let packed = (u64::from(entry.block_len) << (offset_bits + len_bits))
        | (u64::from(entry.offset) << len_bits)
        | u64::from(entry.len);
    let mut row = [0; ROW_LEN];
    let (prefix, rest) = row.split_at_mut(16);
    prefix.copy_from_slice(&entry.prefix);
    let (pack, rest) = rest.split_at_mut(4);
    pack.copy_from_slice(&entry.pack.to_le_bytes());
    let (block, fields) = rest.split_at_mut(4);
    block.copy_from_slice(&entry.block_offset.to_le_bytes());
    fields.copy_from_slice(&packed.to_le_bytes());
    row
}

/// Unpacks a row.
pub(super) fn decode(row: &Row) -> Entry {
    let [_, offset_bits, len_bits] = BITS;
    let (prefix, rest) = split(row);
    let (pack, rest) = split(rest);
    let (block_offset, rest) = split(rest);
    let (packed, _) = split(rest);
    let packed = u64::from_le_bytes(packed);
    // The masks leave at most 22 bits.
    let field = |shift: u32, bits: u32| {
        u32::try_from((packed >> shift) & ((1 << bits) - 1)).unwrap_or_default()
    };
    let [block_bits, ..] = BITS;
    Entry {
        prefix,
        pack: u32::from_le_bytes(pack),
        block_offset: u32::from_le_bytes(block_offset),
        block_len: field(offset_bits + len_bits, block_bits),
        offset: field(len_bits, offset_bits),
        len: field(0, len_bits),
    }
}

/// The first `N` bytes, and the others; zeros if there are not as many.
fn split<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    bytes
        .split_first_chunk()
        .map_or(([0; N], &[]), |(first, rest)| (*first, rest))
}

/// What a page is known by: 8 bytes of its hash. Against rot, not against an adversary: only root
/// may write to the cache.
pub(super) fn check(page: &[u8]) -> u64 {
    u64::from_le_bytes(split(blake3::hash(page).as_bytes()).0)
}

/// The half of a prefix that fences and partitions go by, in its order.
pub(super) fn fence(prefix: &ChunkPrefix) -> u64 {
    let (mut half, _) = split::<8>(prefix);
    // Ids order bytewise, so the first byte weighs most.
    half.reverse();
    u64::from_le_bytes(half)
}

/// The half of a prefix that filters are made of: independent of the fence.
pub(super) fn filter_key(prefix: &ChunkPrefix) -> u64 {
    let (_, half) = split::<8>(prefix);
    u64::from_le_bytes(split(half).0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pack::{MAX_BLOCK_PLAIN, MAX_BLOCK_STORED, MAX_CHUNK_LEN};

    #[test]
    fn the_bounds_of_the_format_fit_into_a_row() {
        for (bits, most) in
            BITS.into_iter()
                .zip([MAX_BLOCK_STORED, MAX_BLOCK_PLAIN - 1, MAX_CHUNK_LEN])
        {
            assert!(most < 1 << bits);
        }
        assert_eq!(BITS.iter().sum::<u32>(), 64);
    }

    proptest! {
        #[test]
        fn an_entry_survives_its_row(
            prefix: [u8; 16], pack: u32, block_offset: u32,
            block_len in 49u32..=MAX_BLOCK_STORED, offset in 0u32..MAX_BLOCK_PLAIN, len in 1u32..=MAX_CHUNK_LEN,
        ) {
            let entry = Entry { prefix, pack, block_offset, offset, block_len, len };
            prop_assert_eq!(decode(&encode(&entry)), entry);
        }

        #[test]
        fn fences_order_as_prefixes(a: [u8; 16], b: [u8; 16]) {
            prop_assert!((fence(&a) < fence(&b)) <= (a < b));
        }
    }
}
