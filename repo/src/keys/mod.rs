//! Keys: the root key, the generations, and the [`Keyring`] that seals with them (`FORMAT.md`
//! section 3). Nothing here has `Debug`, and everything is wiped when dropped.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod generation;
mod keyring;
mod root;
mod sealing;

pub use generation::{GenerationError, Material, NewGeneration};
pub use keyring::Keyring;
pub use root::RootKey;
pub use sealing::{BlockOptions, SealedBlock};

use zeroize::Zeroizing;

/// BLAKE3 in `derive_key` mode.
pub(crate) fn derive(context: &str, key: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(blake3::derive_key(context, key))
}
