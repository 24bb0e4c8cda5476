//! Keys that everybody knows: those of the golden vectors of packs and log.

use std::sync::{Arc, LazyLock};

use zeroize::Zeroizing;

use crate::entropy::SeededEntropy;
use crate::keys::{Keyring, Material, RootKey};
use crate::model::{PackName, SessionId};
use crate::seal::Suite;

/// The pack of `format-spec/vectors/pack.json`.
pub(crate) const NAME: PackName = PackName {
    session: SessionId::from_bytes([0x11; 16]),
    number: 0,
};

fn of(suite: Suite) -> Keyring {
    let root = RootKey::from_bytes(Zeroizing::new([1; 32]));
    let material = Material::from_bytes(Zeroizing::new([2; 32]));
    let entropy = Arc::new(SeededEntropy::new(3));
    Keyring::from_parts(entropy, suite, root, (1, material), [])
}

/// The keys, for suite 1.
pub(crate) fn keyring() -> &'static Keyring {
    static KEYS: LazyLock<Keyring> = LazyLock::new(|| of(Suite::XChaCha20Poly1305));
    &KEYS
}

/// The same, for suite 2.
pub(crate) fn other_keyring() -> &'static Keyring {
    static KEYS: LazyLock<Keyring> = LazyLock::new(|| of(Suite::Xaes256Gcm));
    &KEYS
}
