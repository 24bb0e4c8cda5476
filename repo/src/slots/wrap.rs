//! Wrapping under a key of 32 bytes: what raw, passphrase and KMS slots have in common.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::name::SlotKind;
use super::payload::MAX_PAYLOAD;
use super::record::MAGIC;
use crate::keys::derive;
use crate::model::RepositoryId;

/// The hint in the name of a raw slot.
pub(super) fn raw_hint(key: &[u8; 32]) -> [u8; 8] {
    let hint = derive("orlop v1 slot hint", key);
    let [first, ..] = hint.as_chunks::<8>().0 else {
        return [0; 8];
    };
    *first
}

/// The wrapping key of a raw slot.
pub(super) fn raw_wrapping_key(key: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    derive("orlop v1 slot wrap", key)
}

/// What binds a slot to one wrapping key: one wrapped text must not open under two.
pub(super) fn commitment(wrapping_key: &[u8; 32]) -> [u8; 32] {
    *derive("orlop v1 slot commitment", wrapping_key)
}

/// Whether the commitment in a slot is that of the key.
pub(super) fn commits(wrapping_key: &[u8; 32], claimed: &[u8; 32]) -> bool {
    commitment(wrapping_key).ct_eq(claimed).into()
}

fn associated(kind: SlotKind, repository: &RepositoryId, id: [u8; 8]) -> Vec<u8> {
    [&MAGIC[..], &[kind.number()], repository.as_bytes(), &id].concat()
}

/// Nonce, ciphertext and tag of a payload. `None` if the cipher refuses.
pub(super) fn wrap(
    wrapping_key: &[u8; 32],
    nonce: &[u8; 24],
    (kind, repository, id): (SlotKind, &RepositoryId, [u8; 8]),
    payload: &[u8],
) -> Option<Vec<u8>> {
    let mut text = Zeroizing::new(payload.to_vec());
    let tag = XChaCha20Poly1305::new(wrapping_key.into())
        .encrypt_inout_detached(
            nonce.into(),
            &associated(kind, repository, id),
            text.as_mut_slice().into(),
        )
        .ok()?;
    Some([&nonce[..], &text, &tag].concat())
}

/// The payload; `None` if it was not wrapped under this key for this slot.
pub(super) fn unwrap(
    wrapping_key: &[u8; 32],
    (kind, repository, id): (SlotKind, &RepositoryId, [u8; 8]),
    wrapped: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = wrapped.split_first_chunk::<24>()?;
    let (text, tag) = rest.split_last_chunk::<16>()?;
    if text.len() > MAX_PAYLOAD {
        return None;
    }
    let mut text = Zeroizing::new(text.to_vec());
    XChaCha20Poly1305::new(wrapping_key.into())
        .decrypt_inout_detached(
            nonce.into(),
            &associated(kind, repository, id),
            text.as_mut_slice().into(),
            tag.into(),
        )
        .ok()?;
    Some(text)
}
