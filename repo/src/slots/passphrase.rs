//! The wrapping key of a passphrase slot: Argon2id, version 0x13.

use argon2::{Algorithm, Argon2, Params, Version};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::error::SlotError;
use super::name::SlotKind;

/// What it costs to try a passphrase.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PassphraseCost {
    /// Memory in KiB, 8 MiB to 1 GiB.
    pub memory_kib: u32,
    /// Passes over the memory, 1 to 16.
    pub passes: u32,
    /// Lanes, 1 to 16. Computed one after the other.
    pub lanes: u32,
}

impl Default for PassphraseCost {
    /// 64 MiB, 3 passes, 4 lanes: the second recommendation of RFC 9106, section 4. It fits into
    /// the memory that a small agent has.
    fn default() -> Self {
        Self {
            memory_kib: 64 << 10,
            passes: 3,
            lanes: 4,
        }
    }
}

impl PassphraseCost {
    /// The smallest that the format allows; for tests.
    pub const LEAST: Self = Self {
        memory_kib: 8 << 10,
        passes: 1,
        lanes: 1,
    };

    /// Refuses what is outside the limits of the format or above the memory `budget` in bytes:
    /// the numbers may come from whoever can write to the store.
    pub(super) fn check(self, name: &str, budget: u64) -> Result<(), SlotError> {
        let Self {
            memory_kib,
            passes,
            lanes,
        } = self;
        let allowed = (8 << 10..=1 << 20).contains(&memory_kib)
            && (1..=16).contains(&passes)
            && (1..=16).contains(&lanes);
        if !allowed {
            return Err(SlotError::Cost {
                name: name.to_owned(),
                memory_kib,
                passes,
                lanes,
            });
        }
        let needed = u64::from(memory_kib) << 10;
        if needed > budget {
            return Err(SlotError::MemoryBudget {
                name: name.to_owned(),
                needed,
                budget,
            });
        }
        Ok(())
    }

    /// The wrapping key; takes some tenths of a second and the memory. Only after
    /// [`check`](Self::check).
    pub(super) fn derive(
        self,
        passphrase: &str,
        salt: &[u8; 32],
    ) -> Result<Zeroizing<[u8; 32]>, SlotError> {
        let failed = |_| SlotError::Wrap {
            kind: SlotKind::Passphrase,
        };
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(failed)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
            .map_err(failed)?;
        Ok(key)
    }
}

/// The parameters of a passphrase slot.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct PassphraseParameters {
    #[n(0)]
    pub(super) memory_kib: u32,
    #[n(1)]
    pub(super) passes: u32,
    #[n(2)]
    pub(super) lanes: u32,
    #[n(3)]
    pub(super) salt: ByteArray<32>,
}

impl PassphraseParameters {
    pub(super) fn new(cost: PassphraseCost, salt: [u8; 32]) -> Self {
        let PassphraseCost {
            memory_kib,
            passes,
            lanes,
        } = cost;
        Self {
            memory_kib,
            passes,
            lanes,
            salt: salt.into(),
        }
    }

    pub(super) fn cost(&self) -> PassphraseCost {
        let &Self {
            memory_kib,
            passes,
            lanes,
            ..
        } = self;
        PassphraseCost {
            memory_kib,
            passes,
            lanes,
        }
    }
}
