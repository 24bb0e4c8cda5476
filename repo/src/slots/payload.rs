//! What a slot wraps: the root key and key generations.

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::error::SlotError;
use crate::keys::{Keyring, Material, RootKey};

/// Largest payload in bytes; a wrapped one has the same bound.
pub(super) const MAX_PAYLOAD: usize = 16 << 10;
/// Role of a slot that holds everything; version 1 writes no other.
const FULL: u8 = 1;

#[derive(Encode, Decode)]
#[cbor(map)]
struct Payload<'a> {
    #[n(0)]
    role: u8,
    #[cbor(b(1), with = "minicbor::bytes")]
    root: &'a [u8],
    #[b(2)]
    generations: Vec<Generation<'a>>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Generation<'a> {
    #[n(0)]
    number: u32,
    #[cbor(b(1), with = "minicbor::bytes")]
    material: &'a [u8],
}

/// The keys out of a payload.
pub(super) struct Keys {
    pub(super) root: RootKey,
    /// Ascending, at least one.
    pub(super) generations: Vec<(u32, Material)>,
}

/// The payload of a full slot: the root key and the newest generation. The older ones stand in
/// the repository, each sealed under the next.
pub(super) fn encode(
    keyring: &Keyring,
    newest: Option<&(u32, Material)>,
) -> Result<Zeroizing<Vec<u8>>, SlotError> {
    // Room for all of it, so that growing leaves no copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(256));
    let generations = newest
        .map(|(number, material)| Generation {
            number: *number,
            material: material.as_bytes(),
        })
        .into_iter()
        .collect();
    let root = keyring.root_key().as_bytes();
    minicbor::encode(
        Payload {
            role: FULL,
            root,
            generations,
        },
        &mut *bytes,
    )?;
    Ok(bytes)
}

/// Reads a payload; `None` if it is none of a role that version 1 knows.
pub(super) fn decode(bytes: &[u8]) -> Option<Keys> {
    let payload: Payload<'_> = minicbor::decode(bytes).ok()?;
    if payload.role != FULL {
        return None;
    }
    let key = |bytes: &[u8]| bytes.try_into().ok().map(Zeroizing::new);
    let mut generations = Vec::with_capacity(payload.generations.len());
    for generation in payload.generations {
        let follows = generations
            .last()
            .is_none_or(|(last, _)| *last < generation.number);
        if generation.number == 0 || !follows {
            return None;
        }
        let material = Material::from_bytes(key(generation.material)?);
        generations.push((generation.number, material));
    }
    (!generations.is_empty()).then_some(Keys {
        root: RootKey::from_bytes(key(payload.root)?),
        generations,
    })
}
