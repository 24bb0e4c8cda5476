//! Names of slots: enough in them to get the right one first.

use std::fmt;

use super::credential::Credential;
use crate::model::ObjectName;

/// How a slot wraps the keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SlotKind {
    /// Under a key of 32 bytes.
    Raw,
    /// Under a passphrase.
    Passphrase,
    /// For the holder of an X25519 identity.
    Recipient,
    /// Under a key of a key management service.
    Kms,
}

impl SlotKind {
    const ALL: [Self; 4] = [Self::Raw, Self::Passphrase, Self::Recipient, Self::Kms];

    /// The number in the slot.
    pub const fn number(self) -> u8 {
        match self {
            Self::Raw => 1,
            Self::Passphrase => 2,
            Self::Recipient => 3,
            Self::Kms => 4,
        }
    }

    /// The word in its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Passphrase => "passphrase",
            Self::Recipient => "recipient",
            Self::Kms => "kms",
        }
    }

    /// The kind with that number; `None` if version 1 knows none.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

impl fmt::Display for SlotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Name of a slot in its parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SlotName {
    /// How it wraps.
    pub kind: SlotKind,
    /// What tells a holder that it is for them; zeros for passphrases.
    pub hint: [u8; 8],
    /// Random.
    pub id: [u8; 8],
}

impl SlotName {
    /// Reads the name of an object; `None` if it is not that of a slot that version 1 knows.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix("meta/slots/")?.split('-');
        let (word, hint, id) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = SlotKind::ALL.into_iter().find(|kind| kind.word() == word)?;
        let field = |text: &str| {
            let mut bytes = [0; 8];
            hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
        };
        let parsed = Self {
            kind,
            hint: field(hint)?,
            id: field(id)?,
        };
        // Upper-case digits and further parts make another name.
        (parsed.object_name().as_str() == name).then_some(parsed)
    }

    /// The name of the object.
    pub fn object_name(&self) -> ObjectName {
        ObjectName::slot(self.kind.word(), self.hint, self.id)
    }
}

/// The names that `credentials` may open, in the order in which to try them: first those whose
/// hint is that of a credential, then those whose hint says nothing, cheap kinds before costly.
///
/// Names with a hint of another holder, of kinds without a credential, and of no slot at all are
/// left out. With one raw key or identity a repository so opens with one GET.
pub fn slot_candidates<'a, N: AsRef<str>>(
    names: &'a [N],
    credentials: &[Credential],
) -> Vec<&'a str> {
    let mut found: Vec<(SlotName, &str)> = names
        .iter()
        .filter_map(|name| Some((SlotName::parse(name.as_ref())?, name.as_ref())))
        .filter(|(name, _)| {
            credentials
                .iter()
                .any(|credential| credential.kind() == name.kind && credential.hint() == name.hint)
        })
        .collect();
    let cost = |kind| match kind {
        SlotKind::Raw => 0,
        SlotKind::Recipient => 1,
        SlotKind::Kms => 2,
        SlotKind::Passphrase => 3,
    };
    found.sort_by_key(|(name, _)| (cost(name.kind), name.id));
    found.into_iter().map(|(_, name)| name).collect()
}
