//! Making slots.

use zeroize::Zeroizing;

use super::error::SlotError;
use super::name::{SlotKind, SlotName};
use super::passphrase::{PassphraseCost, PassphraseParameters};
use super::record::{Body, MAGIC, MAX_LABEL, Parameters, RawParameters, RecipientParameters};
use super::{payload, recipient, wrap};
use crate::entropy::random;
use crate::format_object::Format;
use crate::keys::Keyring;
use crate::meta_frame::frame;
use crate::model::ObjectName;

/// For whom a slot is.
pub enum SlotSpec {
    /// Whoever has these 32 bytes.
    Raw(Zeroizing<[u8; 32]>),
    /// Whoever knows this passphrase.
    Passphrase(Zeroizing<String>, PassphraseCost),
    /// Whoever has the identity of this recipient, `age1…`.
    Recipient(String),
}

/// A slot that is not yet in the repository.
///
/// Write it, read it back, open it with its credential, append `SlotAdd`; only then remove another.
pub struct NewSlot {
    /// Name of its object.
    pub name: ObjectName,
    /// The bytes of its object.
    pub bytes: Vec<u8>,
    /// The key generation in it: the log must not name the slot if it is not the newest any more.
    pub generation: u32,
}

/// Wraps the root key and the current generation of `keyring` for `spec`.
///
/// `label` is for people, at most 256 bytes; it is readable by anybody.
pub fn new_slot(
    keyring: &Keyring,
    format: &Format,
    spec: &SlotSpec,
    label: &str,
    created_ms: u64,
) -> Result<NewSlot, SlotError> {
    let entropy = &**keyring.entropy();
    let id = random::<8>(entropy)?;
    let (kind, hint) = match spec {
        SlotSpec::Raw(key) => (SlotKind::Raw, wrap::raw_hint(key)),
        SlotSpec::Passphrase(..) => (SlotKind::Passphrase, [0; 8]),
        SlotSpec::Recipient(recipient) => {
            (SlotKind::Recipient, recipient::recipient_hint(recipient))
        }
    };
    let name = SlotName { kind, hint, id }.object_name();
    let bounds = |what| SlotError::Bounds {
        name: name.to_string(),
        what,
    };
    if label.len() > MAX_LABEL {
        return Err(bounds("label"));
    }
    let repository_id = keyring.repository_id();
    // Once: a newer one may be started meanwhile.
    let newest = keyring.current_material();
    let generation = newest.as_ref().map_or(0, |(generation, _)| *generation);
    let keys = payload::encode(keyring, newest.as_ref())?;
    let under = |wrapping_key: &[u8; 32]| {
        let place = (kind, &repository_id, id);
        let wrapped = wrap::wrap(wrapping_key, &random(entropy)?, place, &keys)
            .ok_or(SlotError::Wrap { kind })?;
        Ok::<_, SlotError>((wrapped, Some(wrap::commitment(wrapping_key).into())))
    };
    let (parameters, (wrapped, commitment)) = match spec {
        SlotSpec::Raw(key) => (
            Parameters::of(RawParameters {})?,
            under(&wrap::raw_wrapping_key(key))?,
        ),
        SlotSpec::Passphrase(passphrase, cost) => {
            cost.check(name.as_str(), u64::MAX)?;
            let salt = random::<32>(entropy)?;
            let wrapping_key = cost.derive(passphrase, &salt)?;
            (
                Parameters::of(PassphraseParameters::new(*cost, salt))?,
                under(&wrapping_key)?,
            )
        }
        SlotSpec::Recipient(recipient) => {
            let wrapped = recipient::wrap(recipient, &keys)?;
            let recipient = recipient.clone();
            (
                Parameters::of(RecipientParameters { recipient })?,
                (wrapped, None),
            )
        }
    };
    let body = Body {
        kind: kind.number(),
        id: id.into(),
        label: label.to_owned(),
        created_ms,
        repository_id,
        generation,
        format: format.encode_body().map_err(|source| SlotError::Format {
            name: name.to_string(),
            source,
        })?,
        parameters,
        wrapped,
        commitment,
    };
    let body = minicbor::to_vec(body)?;
    let bytes = frame(MAGIC, &body, keyring.meta_key()).ok_or_else(|| bounds("format"))?;
    Ok(NewSlot {
        name,
        bytes,
        generation,
    })
}
