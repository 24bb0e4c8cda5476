//! Opening slots.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::credential::Credential;
use super::error::SlotError;
use super::name::SlotKind;
use super::passphrase::PassphraseParameters;
use super::record::{ClaimedSlot, KmsParameters, MAGIC};
use super::{payload, recipient, wrap};
use crate::entropy::Entropy;
use crate::format_object::Format;
use crate::keys::{Keyring, Material, RootKey};
use crate::meta_frame::Frame;
use crate::model::RepositoryId;

/// Limits of opening.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenOptions {
    /// Memory in bytes that deriving a key from a passphrase may take.
    pub memory_budget: u64,
    /// The repository that is meant. Without it, whoever can write to the store can put a
    /// repository of their own in place of a recipient's: anybody can wrap for a public recipient.
    pub expect: Option<RepositoryId>,
}

impl Default for OpenOptions {
    /// 256 MiB, any repository.
    fn default() -> Self {
        Self {
            memory_budget: 256 << 20,
            expect: None,
        }
    }
}

/// A slot that opened and is authentic.
pub struct OpenedSlot {
    slot: ClaimedSlot,
    format: Format,
    root: RootKey,
    newest: (u32, Material),
    older: Vec<(u32, Material)>,
}

impl OpenedSlot {
    /// The slot, now believed.
    pub fn slot(&self) -> &ClaimedSlot {
        &self.slot
    }

    /// The format object's body, of which the slot has a copy.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// The keys. Older generations are added with
    /// [`Keyring::add_older`](crate::keys::Keyring::add_older).
    pub fn into_keyring(self, entropy: Arc<dyn Entropy>) -> Keyring {
        Keyring::from_parts(
            entropy,
            self.format.suite,
            self.root,
            self.newest,
            self.older,
        )
    }
}

/// Opens the slot `name` with whichever of `credentials` fits it.
///
/// A passphrase fills the calling thread for some tenths of a second.
///
/// # Errors
///
/// [`SlotError::WrongKey`] and [`SlotError::NoCredential`]
/// ([`is_wrong_key`](SlotError::is_wrong_key)): go on with the next name. Anything else tells
/// about this slot; another may still open.
pub fn open_slot(
    name: &str,
    bytes: &[u8],
    credentials: &[Credential],
    options: &OpenOptions,
) -> Result<OpenedSlot, SlotError> {
    let slot = ClaimedSlot::parse(name, bytes)?;
    let keys = unwrap_any(name, &slot, credentials, options)?;
    let keys = payload::decode(&keys).ok_or_else(|| SlotError::Payload {
        name: name.to_owned(),
    })?;
    let found = keys.root.repository_id();
    let claimed = slot.repository_id();
    for expected in options.expect.into_iter().chain([claimed]) {
        if found != expected {
            return Err(SlotError::OtherRepository {
                name: name.to_owned(),
                found,
                expected,
            });
        }
    }
    let frame = Frame::parse(MAGIC, bytes).map_err(|source| SlotError::Frame {
        name: name.to_owned(),
        source,
    })?;
    if !frame.is_authentic(&keys.root.meta_key()) {
        return Err(SlotError::NotAuthentic {
            name: name.to_owned(),
        });
    }
    let format = Format::decode_body(&slot.body.format).map_err(|source| SlotError::Format {
        name: name.to_owned(),
        source,
    })?;
    let mut older = keys.generations;
    let newest = older
        .pop()
        .filter(|(number, _)| *number == slot.generation());
    let (Some(newest), true) = (newest, format.repository_id == found) else {
        return Err(SlotError::Payload {
            name: name.to_owned(),
        });
    };
    Ok(OpenedSlot {
        slot,
        format,
        root: keys.root,
        newest,
        older,
    })
}

/// Tries the credentials of the slot's kind, one after the other.
fn unwrap_any(
    name: &str,
    slot: &ClaimedSlot,
    credentials: &[Credential],
    options: &OpenOptions,
) -> Result<Zeroizing<Vec<u8>>, SlotError> {
    let kind = slot.name.kind;
    if kind == SlotKind::Kms {
        let KmsParameters { key_id } = slot.body.parameters.read(name)?;
        let key_id = key_id.chars().take(200).collect();
        return Err(SlotError::NeedsKmsPlugin {
            name: name.to_owned(),
            key_id,
        });
    }
    let mut tried = false;
    for credential in credentials
        .iter()
        .filter(|credential| credential.kind() == kind)
    {
        tried = true;
        if let Some(payload) = unwrap_one(name, slot, credential, options)? {
            return Ok(payload);
        }
    }
    Err(if tried {
        SlotError::WrongKey {
            tried: vec![name.to_owned()],
        }
    } else {
        SlotError::NoCredential {
            name: name.to_owned(),
            kind,
        }
    })
}

/// The payload; `None` if it is wrapped under another key.
pub(super) fn unwrap_one(
    name: &str,
    slot: &ClaimedSlot,
    credential: &Credential,
    options: &OpenOptions,
) -> Result<Option<Zeroizing<Vec<u8>>>, SlotError> {
    let body = &slot.body;
    let wrapping_key = match credential {
        Credential::Raw(key) => wrap::raw_wrapping_key(key),
        Credential::Passphrase(passphrase) => {
            let parameters: PassphraseParameters = body.parameters.read(name)?;
            let cost = parameters.cost();
            cost.check(name, options.memory_budget)?;
            cost.derive(passphrase, &parameters.salt)?
        }
        Credential::Identity(identity) => return Ok(recipient::unwrap(identity, &body.wrapped)),
    };
    let committed = body.commitment.as_ref().ok_or_else(|| SlotError::Bounds {
        name: name.to_owned(),
        what: "commitment",
    })?;
    if !wrap::commits(&wrapping_key, committed) {
        return Ok(None);
    }
    let place = (slot.name.kind, &body.repository_id, slot.name.id);
    // The key is the right one, so the wrapped text is not what was wrapped under it.
    wrap::unwrap(&wrapping_key, place, &body.wrapped)
        .map(Some)
        .ok_or_else(|| SlotError::NotAuthentic {
            name: name.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format_object::tests::{format, keyring};
    use crate::slots::{NewSlot, PassphraseCost, SlotSpec, new_slot, slot_candidates};

    const KEY: [u8; 32] = [5; 32];

    fn raw(key: [u8; 32]) -> Credential {
        Credential::Raw(Zeroizing::new(key))
    }

    fn passphrase(text: &str) -> Credential {
        Credential::Passphrase(Zeroizing::new(text.to_owned()))
    }

    fn identity() -> (Credential, String) {
        let identity = age::x25519::Identity::generate();
        let recipient = identity.to_public().to_string();
        (Credential::Identity(Box::new(identity)), recipient)
    }

    fn make(keyring: &Keyring, spec: &SlotSpec) -> NewSlot {
        new_slot(keyring, &format(keyring), spec, "label", 12).unwrap()
    }

    fn raw_slot(keyring: &Keyring) -> NewSlot {
        make(keyring, &SlotSpec::Raw(Zeroizing::new(KEY)))
    }

    fn open(slot: &NewSlot, credential: Credential) -> Result<OpenedSlot, SlotError> {
        open_slot(
            slot.name.as_str(),
            &slot.bytes,
            &[credential],
            &OpenOptions::default(),
        )
    }

    fn refused(result: Result<OpenedSlot, SlotError>) -> SlotError {
        result.map(|_| ()).unwrap_err()
    }

    #[test]
    fn every_kind_gives_the_same_keys_to_its_holder_and_nothing_to_others() {
        let keyring = keyring(1);
        let (own, recipient) = identity();
        let cost = PassphraseCost::LEAST;
        let secret = Zeroizing::new("correct horse".to_owned());
        for (spec, right, wrong) in [
            (SlotSpec::Raw(Zeroizing::new(KEY)), raw(KEY), raw([6; 32])),
            (
                SlotSpec::Passphrase(secret, cost),
                passphrase("correct horse"),
                passphrase("correct horse "),
            ),
            (SlotSpec::Recipient(recipient), own, identity().0),
        ] {
            let slot = make(&keyring, &spec);
            let opened = open(&slot, right).unwrap();
            assert_eq!(opened.slot().label(), "label");
            assert_eq!(opened.slot().created_ms(), 12);
            assert_eq!(*opened.format(), format(&keyring));
            let keys = opened.into_keyring(Arc::clone(keyring.entropy()));
            assert_eq!(keys.repository_id(), keyring.repository_id());
            assert_eq!(keys.root_key().as_bytes(), keyring.root_key().as_bytes());
            let sealed = keyring
                .seal_object(crate::seal::ObjectKind::Fold, "f", b"x")
                .unwrap();
            assert!(
                keys.open_object(crate::seal::ObjectKind::Fold, "f", &sealed)
                    .is_ok()
            );
            let error = refused(open(&slot, wrong));
            assert!(
                matches!(&error, SlotError::WrongKey { tried } if *tried == [slot.name.as_str()]),
                "{error}"
            );
            assert!(error.is_wrong_key() && !error.is_damage());
        }
    }

    #[test]
    fn a_slot_for_another_kind_of_holder_says_so() {
        let slot = raw_slot(&keyring(1));
        let error = refused(open(&slot, passphrase("x")));
        assert!(matches!(
            error,
            SlotError::NoCredential {
                kind: SlotKind::Raw,
                ..
            }
        ));
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        let slot = raw_slot(&keyring(1));
        let damaged = |bytes| NewSlot {
            name: slot.name.clone(),
            bytes,
            generation: 1,
        };
        for at in 0..slot.bytes.len() {
            for bit in 0..8 {
                let mut bytes = slot.bytes.clone();
                bytes[at] ^= 1 << bit;
                assert!(
                    open(&damaged(bytes), raw(KEY)).is_err(),
                    "bit {bit} of byte {at}"
                );
            }
            assert!(
                open(&damaged(slot.bytes[..at].to_vec()), raw(KEY)).is_err(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_slot_under_another_name_is_refused() {
        let keyring = keyring(1);
        let (one, other) = (raw_slot(&keyring), raw_slot(&keyring));
        let swapped = NewSlot {
            name: other.name,
            bytes: one.bytes,
            generation: 1,
        };
        assert!(matches!(
            refused(open(&swapped, raw(KEY))),
            SlotError::Misplaced { .. }
        ));
    }

    #[test]
    fn another_repository_for_the_same_recipient_is_told_from_the_expected_one() {
        let (own, forged) = (keyring(1), keyring(2));
        let (credential, recipient) = identity();
        let slot = make(&forged, &SlotSpec::Recipient(recipient));
        let expect = Some(own.repository_id());
        let options = OpenOptions {
            expect,
            ..OpenOptions::default()
        };
        let error = refused(open_slot(
            slot.name.as_str(),
            &slot.bytes,
            &[credential],
            &options,
        ));
        assert!(
            matches!(error, SlotError::OtherRepository { found, .. } if found == forged.repository_id())
        );
    }

    #[test]
    fn costs_outside_the_limits_are_refused_before_they_are_paid() {
        let budget = u64::MAX;
        let least = PassphraseCost::LEAST;
        assert!(least.check("s", budget).is_ok());
        for cost in [
            PassphraseCost {
                memory_kib: (8 << 10) - 1,
                ..least
            },
            PassphraseCost {
                memory_kib: (1 << 20) + 1,
                ..least
            },
            PassphraseCost { passes: 0, ..least },
            PassphraseCost {
                passes: 17,
                ..least
            },
            PassphraseCost { lanes: 0, ..least },
            PassphraseCost { lanes: 17, ..least },
            PassphraseCost {
                memory_kib: u32::MAX,
                passes: u32::MAX,
                lanes: u32::MAX,
            },
        ] {
            assert!(
                matches!(cost.check("s", budget), Err(SlotError::Cost { .. })),
                "{cost:?}"
            );
        }
        let keyring = keyring(1);
        let secret = Zeroizing::new("p".to_owned());
        let slot = make(&keyring, &SlotSpec::Passphrase(secret, least));
        let options = OpenOptions {
            memory_budget: (8 << 20) - 1,
            expect: None,
        };
        let error = refused(open_slot(
            slot.name.as_str(),
            &slot.bytes,
            &[passphrase("p")],
            &options,
        ));
        assert!(matches!(
            error,
            SlotError::MemoryBudget {
                needed: 8_388_608,
                ..
            }
        ));
    }

    #[test]
    fn names_are_tried_in_the_order_of_hint_and_cost() {
        let keyring = keyring(1);
        let (own, recipient) = identity();
        let secret = || Zeroizing::new("p".to_owned());
        let slots = [
            make(
                &keyring,
                &SlotSpec::Passphrase(secret(), PassphraseCost::LEAST),
            ),
            make(&keyring, &SlotSpec::Recipient(recipient)),
            make(&keyring, &SlotSpec::Recipient(identity().1)),
            raw_slot(&keyring),
            make(&keyring, &SlotSpec::Raw(Zeroizing::new([9; 32]))),
        ];
        let mut names: Vec<&str> = slots.iter().map(|slot| slot.name.as_str()).collect();
        names.push("meta/slots/later-0000000000000000-0000000000000000");
        names.push("meta/slots/raw-00");
        let credentials = [passphrase("p"), own, raw(KEY)];
        assert_eq!(
            slot_candidates(&names, &credentials),
            [names[3], names[1], names[0]]
        );
    }

    #[test]
    fn a_kms_slot_asks_for_its_plugin() {
        let name = super::super::SlotName {
            kind: SlotKind::Kms,
            hint: [0; 8],
            id: [1; 8],
        };
        let keyring = keyring(1);
        let body = super::super::record::Body {
            kind: 4,
            id: [1; 8].into(),
            label: String::new(),
            created_ms: 0,
            repository_id: keyring.repository_id(),
            generation: 1,
            format: Vec::new(),
            // {0: "key-1", 1: {}, 2: h''}, as a plugin may have answered.
            parameters: minicbor::decode(b"\xa3\x00\x65key-1\x01\xa0\x02\x40").unwrap(),
            wrapped: Vec::new(),
            commitment: None,
        };
        let body = minicbor::to_vec(body).unwrap();
        let bytes = crate::meta_frame::frame(MAGIC, &body, keyring.meta_key()).unwrap();
        let slot = NewSlot {
            name: name.object_name(),
            bytes,
            generation: 1,
        };
        assert!(matches!(
            refused(open(&slot, raw(KEY))),
            SlotError::NeedsKmsPlugin { key_id, .. } if key_id == "key-1"
        ));
    }
}
