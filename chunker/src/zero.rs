//! Zero runs, which a backup records and never stores.

/// Bytes looked at between two chances to stop: long enough for wide registers, short enough that
/// data which is not zero is left at once.
const STEP: usize = 256;

/// Tells whether every byte is zero; true for no bytes at all.
///
/// Ordinary data is answered from its first bytes, so asking costs nothing where it does not help.
pub fn is_zero(data: &[u8]) -> bool {
    let (blocks, tail) = data.as_chunks::<STEP>();
    blocks.iter().all(|block| all_zero(block)) && all_zero(tail)
}

/// Length in bytes of the zero run that `data` begins with.
pub fn zero_prefix_len(data: &[u8]) -> usize {
    let (blocks, _) = data.as_chunks::<STEP>();
    let start = STEP * blocks.iter().take_while(|block| all_zero(*block)).count();
    let rest = data.get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| **byte == 0).count()
}

/// Without an early exit, so that the loop becomes vector instructions.
fn all_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |seen, byte| seen | byte) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_set_bit_anywhere_is_found() {
        for length in [1, 7, STEP - 1, STEP, STEP + 1, 3 * STEP + 17] {
            assert!(is_zero(&vec![0; length]));
            assert_eq!(zero_prefix_len(&vec![0; length]), length);
            for at in 0..length {
                let mut data = vec![0; length];
                data[at] = 0x80;
                assert!(!is_zero(&data), "byte {at} of {length}");
                assert_eq!(zero_prefix_len(&data), at);
            }
        }
        assert!(is_zero(&[]));
        assert_eq!(zero_prefix_len(&[]), 0);
    }

    proptest! {
        #[test]
        fn fast_and_plain_agree(run in 0_usize..1000, rest in prop::collection::vec(0_u8..3, 0..600)) {
            let mut data = vec![0; run];
            data.extend(rest);
            prop_assert_eq!(is_zero(&data), data.iter().all(|byte| *byte == 0));
            let plain = data.iter().position(|byte| *byte != 0).unwrap_or(data.len());
            prop_assert_eq!(zero_prefix_len(&data), plain);
        }
    }
}
