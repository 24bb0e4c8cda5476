//! The secret table that decides where content is cut.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Entries of a gear table: one for each value of a byte.
pub(crate) const ENTRIES: usize = 256;

/// What the secret is expanded over; part of the format.
const CONTEXT: &[u8] = b"orlop v1 gear";

/// The gear table of a repository: 256 secret 64-bit words.
///
/// With a public table anybody who sees chunk lengths can look up known files. The table takes the
/// same time as a public one. It is not a defence by itself against somebody who may choose files
/// *and* sees exact lengths; that lengths are hidden in sealed blocks is.
///
/// It stays for the repository's life. Wiped on drop.
#[derive(ZeroizeOnDrop)]
pub struct GearTable {
    gear: Box<[u64; ENTRIES]>,
    /// Every entry shifted left by one, because the scan takes two bytes a step.
    shifted: Box<[u64; ENTRIES]>,
}

impl GearTable {
    /// Expands a 32-byte secret: 2048 bytes of BLAKE3's extendable output, keyed with the secret,
    /// over the bytes `orlop v1 gear`, read as 256 little-endian words.
    pub fn new(secret: &[u8; 32]) -> Self {
        let mut table = Self {
            gear: Box::new([0; ENTRIES]),
            shifted: Box::new([0; ENTRIES]),
        };
        let mut hasher = blake3::Hasher::new_keyed(secret);
        hasher.update(CONTEXT);
        let mut stream = hasher.finalize_xof();
        hasher.zeroize();

        let mut word = Zeroizing::new([0; 8]);
        for (plain, shifted) in table.gear.iter_mut().zip(table.shifted.iter_mut()) {
            stream.fill(&mut *word);
            *plain = u64::from_le_bytes(*word);
            *shifted = *plain << 1;
        }
        stream.zeroize();
        table
    }

    pub(crate) fn gear(&self) -> &[u64; ENTRIES] {
        &self.gear
    }

    pub(crate) fn shifted(&self) -> &[u64; ENTRIES] {
        &self.shifted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_one_keyed_stream_in_little_endian_words() {
        let secret = [3; 32];
        let mut stream = [0; 8 * ENTRIES];
        blake3::Hasher::new_keyed(&secret)
            .update(b"orlop v1 gear")
            .finalize_xof()
            .fill(&mut stream);

        let table = GearTable::new(&secret);
        for (i, bytes) in stream.as_chunks::<8>().0.iter().enumerate() {
            assert_eq!(table.gear()[i], u64::from_le_bytes(*bytes));
            assert_eq!(table.shifted()[i], u64::from_le_bytes(*bytes) << 1);
        }
    }

    #[test]
    fn two_secrets_share_no_entry_nor_the_difference_of_two_entries() {
        let (a, b) = (GearTable::new(&[1; 32]), GearTable::new(&[2; 32]));
        for i in 0..ENTRIES {
            assert_ne!(a.gear()[i], b.gear()[i]);
            let j = (i + 1) % ENTRIES;
            assert_ne!(a.gear()[i] ^ a.gear()[j], b.gear()[i] ^ b.gear()[j]);
        }
    }
}
