//! How long a pack is made, so that its length tells little about its content.

/// Why a pack is closed, which decides how it is padded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PackEnd {
    /// The next block did not fit: most packs, all of nearly the same length.
    Full,
    /// Nothing more comes, or a checkpoint is due.
    Early,
    /// The same, after full packs of the same kind in the same session.
    Rest,
}

/// Quantum of the length of full packs, in bytes. Such a length says how far the last block would
/// have gone beyond the target, so it tells of one megabyte among many in any case; a page is what
/// stores round to anyway.
const FULL_QUANTUM: u64 = 4 << 10;
/// Smallest quantum of the length of other packs, in bytes.
const EARLY_QUANTUM: u64 = 512;
/// Quantum of the length of what is left after full packs. How much was stored is the sum, and each
/// full pack tells its part to within [`FULL_QUANTUM`]: what Padmé would add here, up to 3% of a pack,
/// hides nothing that they do not tell.
const REST_QUANTUM: u64 = 16 << 10;

/// Smallest allowed length of a pack that holds at least `len` bytes.
pub(super) fn padded_len(len: u64, end: PackEnd) -> Option<u64> {
    match end {
        PackEnd::Full => len.checked_next_multiple_of(FULL_QUANTUM),
        PackEnd::Early => padme(len)?.checked_next_multiple_of(EARLY_QUANTUM),
        PackEnd::Rest => len.checked_next_multiple_of(REST_QUANTUM),
    }
}

/// Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with
/// PURBs", 2019): keeps as many leading bits of a length as its exponent has, so that a length
/// leaks O(log log) bits and grows by at most 12 %.
fn padme(len: u64) -> Option<u64> {
    if len < 2 {
        return Some(len);
    }
    // At least 1, so that its own logarithm is defined.
    let exponent = len.ilog2();
    let kept = exponent.ilog2() + 1;
    len.checked_next_multiple_of(1 << exponent.saturating_sub(kept))
}

/// Finds the padding of a pack of `unpadded` bytes, in which the shortest encoding of the padding
/// length is not counted yet.
///
/// The footer holds the padding length, and its encoding has 1, 2, 3 or 5 bytes: the padding is
/// the smallest whose encoding makes the sum an allowed length.
pub(super) fn padding(unpadded: u64, end: PackEnd) -> Option<u64> {
    let mut total = padded_len(unpadded.checked_add(1)?, end)?;
    loop {
        for width in [1, 2, 3, 5] {
            let fits = total
                .checked_sub(unpadded + width)
                .filter(|&padding| cbor_width(padding) == width);
            if let Some(padding) = fits {
                return Some(padding);
            }
        }
        total = padded_len(total.checked_add(1)?, end)?;
    }
}

/// Bytes of an unsigned integer in deterministic CBOR.
fn cbor_width(value: u64) -> u64 {
    match value {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn padme_gives_the_published_examples() {
        // Bits kept of a length of e+1 bits: those above e - (floor(log2 e) + 1).
        for (len, padded) in [
            (0, 0),
            (1, 1),
            (9, 10),
            (1000, 1024),
            (1025, 1088),
            (1 << 20, 1 << 20),
        ] {
            assert_eq!(padme(len), Some(padded), "{len}");
        }
    }

    proptest! {
        #[test]
        fn padding_makes_an_allowed_length(
            unpadded in prop_oneof![0u64..100_000, 0u64..(1 << 27), (1u64..2000).prop_map(|n| n * 4096 - n % 40)],
            end in prop_oneof![Just(PackEnd::Full), Just(PackEnd::Early), Just(PackEnd::Rest)],
        ) {
            let padding = padding(unpadded, end).unwrap();
            let total = unpadded + padding + cbor_width(padding);
            prop_assert_eq!(padded_len(total, end), Some(total));
            // At most 12 % and two quanta for the lengths that no encoding reaches.
            prop_assert!(padding < 2 * REST_QUANTUM + unpadded / 8);
        }
    }
}
