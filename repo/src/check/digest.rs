//! Comparing what segments list of a pack with its directory, without holding either.

use crate::index::Found;
use crate::pack::{ChunkPrefix, PackDirectory};

/// A sum over entries that does not depend on their order.
///
/// Ids are random, so two lists that differ have the same sum by accident once in 2^128. Nobody
/// is to be convinced here: who could forge a list holds the keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Digest {
    sum: u128,
    count: u64,
}

/// Any odd number with bits all over: 2^128 divided by the golden ratio.
const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

impl Digest {
    /// The sum of a pack's directory.
    pub(super) fn of(directory: &PackDirectory) -> Self {
        let mut digest = Self::default();
        for chunk in directory.chunks() {
            let found = Found {
                place: chunk.place,
                len: chunk.len,
            };
            digest.add(&chunk.prefix, &found);
        }
        digest
    }

    /// Adds one entry. The pack is not part of it.
    pub(super) fn add(&mut self, prefix: &ChunkPrefix, found: &Found) {
        let place = u128::from(found.place.block_offset)
            | u128::from(found.place.block_len) << 32
            | u128::from(found.place.offset) << 64
            | u128::from(found.len) << 96;
        let mixed =
            (u128::from_le_bytes(*prefix).wrapping_mul(FACTOR) ^ place).wrapping_mul(FACTOR);
        self.sum = self.sum.wrapping_add(mixed ^ (mixed >> 64));
        self.count += 1;
    }

    /// Whether it is `whole`, each entry the same number of times.
    pub(super) fn is_whole(&self, whole: &Self) -> bool {
        if whole.count == 0 {
            return self.count == 0;
        }
        let times = self.count / whole.count;
        times > 0
            && times.checked_mul(whole.count) == Some(self.count)
            && whole.sum.wrapping_mul(u128::from(times)) == self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PackName, Place, SessionId};

    fn found(block_offset: u32, offset: u32) -> Found {
        let place = Place {
            pack: PackName {
                session: SessionId::from_bytes([1; 16]),
                number: 0,
            },
            block_offset,
            block_len: 100,
            offset,
        };
        Found { place, len: 7 }
    }

    fn sum(entries: &[([u8; 16], Found)]) -> Digest {
        let mut digest = Digest::default();
        for (prefix, found) in entries {
            digest.add(prefix, found);
        }
        digest
    }

    #[test]
    fn order_and_repetition_do_not_matter_and_all_else_does() {
        let (a, b) = (([1; 16], found(16, 0)), ([2; 16], found(16, 7)));
        let whole = sum(&[a, b]);
        assert!(sum(&[b, a]).is_whole(&whole));
        assert!(sum(&[b, a, a, b]).is_whole(&whole));
        for other in [
            sum(&[]),
            sum(&[a]),
            sum(&[a, a]),
            sum(&[a, b, b]),
            sum(&[a, ([2; 16], found(16, 8))]),
            sum(&[a, ([2; 16], found(17, 7))]),
            sum(&[([2; 16], found(16, 0)), ([1; 16], found(16, 7))]),
        ] {
            assert!(!other.is_whole(&whole));
        }
    }
}
