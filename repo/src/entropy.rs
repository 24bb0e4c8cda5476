//! Where random bytes come from.

use parking_lot::Mutex;

/// Source of random bytes for keys, nonces, salts and names.
///
/// Injected, so that tests repeat. Everything that must not be guessed or must not repeat between
/// two writers comes from here.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`; on `Err` their content means nothing and must not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The operating system gave no random bytes. Nothing can be sealed without them.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes from the operating system")]
pub struct EntropyError {
    /// What the operating system said.
    pub source: std::io::Error,
}

/// The operating system's generator; what every program uses outside tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|error| EntropyError {
            source: error.raw_os_error().map_or_else(
                || std::io::Error::other(error),
                std::io::Error::from_raw_os_error,
            ),
        })
    }
}

/// A repeatable stream for tests: the BLAKE3 output of a seed. **Never** for a real repository.
pub struct SeededEntropy(Mutex<blake3::OutputReader>);

impl SeededEntropy {
    /// Starts the stream of `seed`; equal seeds give equal bytes in the order of the calls.
    pub fn new(seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("orlop v1 seeded entropy for tests");
        hasher.update(&seed.to_le_bytes());
        Self(Mutex::new(hasher.finalize_xof()))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self.0.lock().fill(bytes);
        Ok(())
    }
}

/// A fresh array of random bytes.
pub(crate) fn random<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], EntropyError> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_streams_and_others_do_not() {
        let first = |seed| random::<32>(&SeededEntropy::new(seed)).unwrap();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }

    #[test]
    fn a_stream_does_not_repeat_itself() {
        let entropy = SeededEntropy::new(1);
        assert_ne!(
            random::<32>(&entropy).unwrap(),
            random::<32>(&entropy).unwrap()
        );
        assert_ne!(
            random::<32>(&OsEntropy).unwrap(),
            random::<32>(&OsEntropy).unwrap()
        );
    }
}
