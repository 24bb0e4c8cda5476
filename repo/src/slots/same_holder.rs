//! Slots for the holders of others: what a new generation of keys needs.

use super::credential::Credential;
use super::error::SlotError;
use super::name::SlotKind;
use super::open::{OpenOptions, unwrap_one};
use super::passphrase::PassphraseParameters;
use super::recipient::recipient_hint;
use super::record::{ClaimedSlot, RecipientParameters};
use super::wrap::raw_hint;
use super::write::SlotSpec;

/// What a further slot for the holder of this one is made of; `None` if only they can make it:
/// the passphrase, or the key, is not among `credentials`.
///
/// The slot must be one that the log names, with the hash that it gives: whoever could put
/// another in its place would name a recipient of their own.
///
/// # Errors
///
/// What is wrong with the slot; [`SlotError::MemoryBudget`].
pub(crate) fn same_holder(
    slot: &ClaimedSlot,
    credentials: &[Credential],
    options: &OpenOptions,
) -> Result<Option<SlotSpec>, SlotError> {
    let object = slot.name.object_name();
    let name = object.as_str();
    match slot.name.kind {
        SlotKind::Recipient => {
            let RecipientParameters { recipient } = slot.body.parameters.read(name)?;
            if recipient_hint(&recipient) != slot.name.hint {
                return Err(SlotError::Misplaced {
                    name: name.to_owned(),
                });
            }
            Ok(Some(SlotSpec::Recipient(recipient)))
        }
        SlotKind::Raw | SlotKind::Passphrase => {
            for credential in credentials {
                let spec = match credential {
                    Credential::Raw(key)
                        if slot.name.kind == SlotKind::Raw && raw_hint(key) == slot.name.hint =>
                    {
                        SlotSpec::Raw(key.clone())
                    }
                    Credential::Passphrase(passphrase)
                        if slot.name.kind == SlotKind::Passphrase =>
                    {
                        let parameters: PassphraseParameters = slot.body.parameters.read(name)?;
                        SlotSpec::Passphrase(passphrase.clone(), parameters.cost())
                    }
                    _ => continue,
                };
                if unwrap_one(name, slot, credential, options)?.is_some() {
                    return Ok(Some(spec));
                }
            }
            Ok(None)
        }
        // Only the plugin wraps for it.
        SlotKind::Kms => Ok(None),
    }
}
