//! What somebody has who wants to open a repository.

use zeroize::Zeroizing;

use super::name::SlotKind;
use super::wrap::raw_hint;
use super::write::SlotSpec;

/// A secret that may open a slot. Neither `Debug` nor `Clone`; wiped when dropped.
pub enum Credential {
    /// A key of 32 bytes: from a Secret, a file, an environment variable.
    Raw(Zeroizing<[u8; 32]>),
    /// A passphrase, taken byte for byte.
    Passphrase(Zeroizing<String>),
    /// The secret half of a recovery key.
    Identity(Box<age::x25519::Identity>),
}

impl Credential {
    /// Another copy, wiped like this one: for whoever opens slots again later.
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Raw(key) => Self::Raw(key.clone()),
            Self::Passphrase(passphrase) => Self::Passphrase(passphrase.clone()),
            Self::Identity(identity) => Self::Identity(identity.clone()),
        }
    }

    /// What opens the slot that `spec` is for; `None` if only its holder has that.
    pub(crate) fn of(spec: &SlotSpec) -> Option<Self> {
        match spec {
            SlotSpec::Raw(key) => Some(Self::Raw(key.clone())),
            SlotSpec::Passphrase(passphrase, _) => Some(Self::Passphrase(passphrase.clone())),
            SlotSpec::Recipient(_) => None,
        }
    }

    /// Reads an identity, `AGE-SECRET-KEY-1…`; `None` if the text is none. White space around it
    /// does not matter.
    pub fn identity(text: &str) -> Option<Self> {
        let identity = text.trim().parse().ok()?;
        Some(Self::Identity(Box::new(identity)))
    }

    /// The kind of slot that it may open.
    pub(super) fn kind(&self) -> SlotKind {
        match self {
            Self::Raw(_) => SlotKind::Raw,
            Self::Passphrase(_) => SlotKind::Passphrase,
            Self::Identity(_) => SlotKind::Recipient,
        }
    }

    /// The hint in the name of a slot that it opens.
    pub(super) fn hint(&self) -> [u8; 8] {
        match self {
            Self::Raw(key) => raw_hint(key),
            Self::Passphrase(_) => [0; 8],
            Self::Identity(identity) => {
                super::recipient::recipient_hint(&identity.to_public().to_string())
            }
        }
    }
}
