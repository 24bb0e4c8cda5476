//! Content that does not compress.

/// Bytes at the end of the head that are looked at. Headers and previews of pictures and films
/// stand before them.
const SAMPLE: usize = 32 << 10;
/// Of dense content an order-0 coder saves less than one part in 50. Measured over 32 KiB: noise
/// 0.06%, zstd and bzip2 0.1 to 0.2%, gzip 0.1% (4.6% where a program began with little to pack); LZ4
/// of text 15%, text 35%, a program 67%.
const SAVES_LESS_THAN: f64 = 0.02;

/// Whether the last bytes of a file's head look as if nothing could be gained by compressing.
///
/// Too little of it says nothing: then the answer is no.
pub(super) fn is_dense(head: &[u8]) -> bool {
    head.len()
        .checked_sub(SAMPLE)
        .and_then(|start| head.get(start..))
        .is_some_and(|sample| entropy(sample) > 8.0 * (1.0 - SAVES_LESS_THAN))
}

/// Order-0 entropy in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let Ok(total) = u32::try_from(bytes.len()) else {
        return 0.0;
    };
    let total = f64::from(total);
    counts
        .into_iter()
        .filter(|&count| count > 0)
        .map(|count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn noise_behind_a_header_is_dense_and_text_is_not() {
        let mut picture = b"a header of text, ".repeat(1000);
        picture.extend(noise(48 << 10));
        assert!(is_dense(&picture));
        assert!(!is_dense(&b"some text, and more of it. ".repeat(3000)));
        assert!(!is_dense(&vec![0; 64 << 10]));
    }

    #[test]
    fn packed_text_is_dense() {
        let words: Vec<String> = (0..40_000_u64)
            .map(|n| (n * n % 99_991).to_string())
            .collect();
        let packed = zstd::bulk::compress(words.join(" ").as_bytes(), 3).unwrap();
        assert!(packed.len() >= SAMPLE, "{}", packed.len());
        assert!(is_dense(&packed), "{}", entropy(&packed));
    }

    #[test]
    fn a_short_head_says_nothing() {
        assert!(!is_dense(&noise(SAMPLE - 1)));
        assert!(!is_dense(&[]));
    }

    #[test]
    fn letters_in_base_64_are_not_dense() {
        let letters: Vec<u8> = noise(64 << 10).iter().map(|byte| byte & 63).collect();
        assert!(!is_dense(&letters));
    }
}
