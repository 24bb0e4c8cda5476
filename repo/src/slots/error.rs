//! Why a slot could not be written or opened.

use minicbor::{decode, encode};

use super::name::SlotKind;
use crate::entropy::EntropyError;
use crate::format_object::FormatError;
use crate::meta_frame::FrameError;
use crate::model::RepositoryId;

/// A slot could not be written or opened. `name` is that of its object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlotError {
    /// No key that was given opens any slot. The slots themselves may be whole.
    #[error("wrong key: it opens none of the slots {}", tried.join(", "))]
    WrongKey {
        /// Names of the slots that were tried.
        tried: Vec<String>,
    },
    /// No credential of the kind that the slot needs was given.
    #[error("{name} needs a credential for slots of kind {kind}")]
    NoCredential {
        /// Name of the slot.
        name: String,
        /// What it needs.
        kind: SlotKind,
    },
    /// The slot's key is held by a key management service, which only its plugin can ask.
    #[error("{name} needs the KMS plugin for key {key_id:?}")]
    NeedsKmsPlugin {
        /// Name of the slot.
        name: String,
        /// What the service calls the key; a claim, since the slot is not open.
        key_id: String,
    },
    /// The name is not that of a slot.
    #[error("{name} is no name of a slot")]
    Name {
        /// The name.
        name: String,
    },
    /// The object is no slot of this version, or was cut off.
    #[error("{name} is damaged or of another version")]
    Frame {
        /// Name of the slot.
        name: String,
        /// What is wrong.
        source: FrameError,
    },
    /// The body is not what the format says.
    #[error("the body of {name} is damaged")]
    Body {
        /// Name of the slot.
        name: String,
        /// What is wrong.
        source: decode::Error,
    },
    /// A field is outside its bounds.
    #[error("{name} has {what} outside its bounds")]
    Bounds {
        /// Name of the slot.
        name: String,
        /// Which field.
        what: &'static str,
    },
    /// The slot stands under the name of another.
    #[error("{name} holds a slot of another name")]
    Misplaced {
        /// Name of the slot.
        name: String,
    },
    /// Deriving the key would cost more than any slot may ask.
    #[error(
        "{name} asks for {memory_kib} KiB, {passes} passes and {lanes} lanes, outside the limits"
    )]
    Cost {
        /// Name of the slot.
        name: String,
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// Deriving the key needs more memory than the process may use. Raise the budget.
    #[error("{name} needs {needed} bytes of memory to open, the budget is {budget}")]
    MemoryBudget {
        /// Name of the slot.
        name: String,
        /// What it needs.
        needed: u64,
        /// What was allowed.
        budget: u64,
    },
    /// The slot opened and is of another repository than the one asked for.
    #[error("{name} opens repository {found}, asked for was {expected}")]
    OtherRepository {
        /// Name of the slot.
        name: String,
        /// The repository that its key belongs to.
        found: RepositoryId,
        /// The one asked for, or that the slot claims.
        expected: RepositoryId,
    },
    /// The slot opened, and its MAC is not that of its repository: somebody who does not hold the
    /// root key changed it.
    #[error("{name} was changed by somebody who does not hold the keys")]
    NotAuthentic {
        /// Name of the slot.
        name: String,
    },
    /// The slot opened, and what it wraps is not what the format says.
    #[error("what {name} wraps is not a set of keys")]
    Payload {
        /// Name of the slot.
        name: String,
    },
    /// The format body in the slot cannot be used.
    #[error("the format in {name} cannot be used")]
    Format {
        /// Name of the slot.
        name: String,
        /// Why.
        source: FormatError,
    },
    /// The text is no recipient of the form `age1…`.
    #[error("{text:?} is no recipient of the form age1…")]
    NotARecipient {
        /// The text, which is public.
        text: String,
    },
    /// The library that wraps or derives failed; lack of memory is the one known reason.
    #[error("cannot wrap keys for a slot of kind {kind}")]
    Wrap {
        /// The kind of slot.
        kind: SlotKind,
    },
    /// The slot cannot be encoded; there is no reason why not.
    #[error("cannot encode a slot")]
    Encode {
        /// What the encoder said.
        #[from]
        source: encode::Error<std::convert::Infallible>,
    },
    /// No random bytes.
    #[error("cannot make a slot")]
    Entropy {
        /// Why.
        #[from]
        source: EntropyError,
    },
}

impl SlotError {
    /// Whether the bytes of the slot are at fault, and not the credential or this program.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Frame { source, .. } => !matches!(source, FrameError::UnsupportedVersion { .. }),
            Self::Format { source, .. } => source.is_damage(),
            Self::Body { .. }
            | Self::Bounds { .. }
            | Self::Misplaced { .. }
            | Self::Cost { .. }
            | Self::NotAuthentic { .. }
            | Self::Payload { .. } => true,
            Self::WrongKey { .. }
            | Self::NoCredential { .. }
            | Self::NeedsKmsPlugin { .. }
            | Self::Name { .. }
            | Self::MemoryBudget { .. }
            | Self::OtherRepository { .. }
            | Self::NotARecipient { .. }
            | Self::Wrap { .. }
            | Self::Encode { .. }
            | Self::Entropy { .. } => false,
        }
    }

    /// Whether another slot may still open with what was given: the search goes on.
    pub fn is_wrong_key(&self) -> bool {
        matches!(self, Self::WrongKey { .. } | Self::NoCredential { .. })
    }
}
