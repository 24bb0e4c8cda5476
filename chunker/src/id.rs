//! The name of a chunk.

use std::fmt;

/// Hash of a chunk's plaintext, keyed per repository.
///
/// Equal ids mean equal plaintext within one repository and nothing across two. Tree pages are
/// named by the same type under another key ([`IdKey::page_id`](crate::IdKey::page_id)), so a page
/// and a chunk of file data never share an id, not even when their bytes are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId([u8; Self::LEN]);

impl ChunkId {
    /// Length in bytes: the output of BLAKE3.
    pub const LEN: usize = 32;

    /// Length in bytes of [`ChunkId::prefix`].
    pub const PREFIX_LEN: usize = 16;

    /// Takes an id that was stored or computed elsewhere; any 32 bytes are one.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, as they are stored.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The first half, by which indexes and pack footers know a chunk.
    ///
    /// Among 10^8 chunks two share a prefix with a probability of about 2^-76; the full id is
    /// recomputed from the plaintext whenever a chunk is read.
    pub const fn prefix(&self) -> [u8; Self::PREFIX_LEN] {
        let (prefix, _) = self.0.as_chunks::<{ Self::PREFIX_LEN }>();
        prefix[0]
    }
}

impl fmt::Display for ChunkId {
    /// All 64 hex digits; `{id:.8}` gives the short form for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: [char; 16] = [
            '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
        ];
        let nibbles = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        f.pad(
            &nibbles
                .map(|nibble| DIGITS[usize::from(nibble)])
                .collect::<String>(),
        )
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting() -> ChunkId {
        ChunkId::from_bytes(std::array::from_fn(|i| u8::try_from(i * 8).unwrap()))
    }

    #[test]
    fn display_prints_every_byte_in_order() {
        assert_eq!(
            counting().to_string(),
            "0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8"
        );
        assert_eq!(
            format!("{:?}", counting()),
            format!("ChunkId({})", counting())
        );
    }

    #[test]
    fn precision_gives_the_short_form() {
        assert_eq!(format!("{:.8}", counting()), "00081018");
        assert_eq!(format!("{:>10.8}", counting()), "  00081018");
    }

    #[test]
    fn prefix_is_the_first_half() {
        let id = counting();
        assert_eq!(id.prefix(), id.as_bytes()[..16]);
    }

    #[test]
    fn ids_sort_as_their_bytes() {
        let mut bytes = *counting().as_bytes();
        bytes[31] = 0xf9;
        assert!(counting() < ChunkId::from_bytes(bytes));
        bytes[0] = 1;
        bytes[31] = 0;
        assert!(counting() < ChunkId::from_bytes(bytes));
    }
}
