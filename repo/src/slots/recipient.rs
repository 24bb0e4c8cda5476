//! Recipient slots: an age v1 file for one X25519 recipient.

use std::io::Read as _;
use std::iter;

use age::x25519::{Identity, Recipient};
use zeroize::Zeroizing;

use super::error::SlotError;
use super::name::SlotKind;
use super::payload::MAX_PAYLOAD;

/// Whether the text is a recipient, `age1…`.
pub fn is_recipient(text: &str) -> bool {
    text.parse::<Recipient>().is_ok()
}

/// The hint in the name of the slot of a recipient.
pub(super) fn recipient_hint(recipient: &str) -> [u8; 8] {
    let hash = blake3::hash(recipient.as_bytes());
    let [first, ..] = hash.as_bytes().as_chunks::<8>().0 else {
        return [0; 8];
    };
    *first
}

/// Wraps a payload. The randomness is the library's own, from the operating system.
pub(super) fn wrap(recipient: &str, payload: &[u8]) -> Result<Vec<u8>, SlotError> {
    let recipient: Recipient = recipient.parse().map_err(|_| SlotError::NotARecipient {
        text: recipient.chars().take(200).collect(),
    })?;
    age::encrypt(&recipient, payload).map_err(|_| SlotError::Wrap {
        kind: SlotKind::Recipient,
    })
}

/// The payload; `None` if the file is not for this identity, or damaged.
pub(super) fn unwrap(identity: &Identity, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let decryptor = age::Decryptor::new_buffered(wrapped).ok()?;
    let reader = decryptor
        .decrypt(iter::once(identity as &dyn age::Identity))
        .ok()?;
    // Room for all of it, so that growing leaves no copy behind.
    let mut payload = Zeroizing::new(Vec::with_capacity(MAX_PAYLOAD));
    reader
        .take(MAX_PAYLOAD as u64)
        .read_to_end(&mut payload)
        .ok()?;
    Some(payload)
}
