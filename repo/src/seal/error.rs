//! Why something could not be sealed or opened.

use std::io;

use super::ObjectKind;
use crate::entropy::EntropyError;

/// Something could not be sealed; nothing was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The body is larger than its kind allows: the caller must cut it.
    #[error("{kind} of {len} bytes is larger than its bound of {bound}")]
    TooLarge {
        /// What was to be sealed.
        kind: ObjectKind,
        /// Length of the body in bytes.
        len: u64,
        /// [`ObjectKind::max_body`].
        bound: u32,
    },
    /// The compressor failed; it has no reason to but lack of memory.
    #[error("cannot compress {kind}")]
    Compress {
        /// What was to be sealed.
        kind: ObjectKind,
        /// What the compressor said.
        source: io::Error,
    },
    /// The cipher failed; it has no reason to but lack of memory.
    #[error("cannot encrypt {kind}")]
    Cipher {
        /// What was to be sealed.
        kind: ObjectKind,
    },
    /// What was sealed does not open to its source again: the memory or the processor of this
    /// machine makes errors, or the compressor has one. Nothing of it may be uploaded.
    #[error("sealed {kind} of {len} bytes does not open to its source: this machine is faulty")]
    VerifyFailed {
        /// What was sealed.
        kind: ObjectKind,
        /// Length of the body in bytes.
        len: u64,
        /// Why it does not open; `None` when it opened to something else.
        source: Option<Box<OpenError>>,
    },
    /// No nonce could be made.
    #[error("cannot make a nonce")]
    Entropy {
        /// Why.
        #[from]
        source: EntropyError,
    },
}

/// Sealed bytes could not be opened. `context` is the object's name, or what a block is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It does not begin as an object of a repository does.
    #[error("{context} is no Orlop object")]
    NotAnObject {
        /// Name of the object.
        context: String,
    },
    /// It was written by a newer version.
    #[error("{context} has format version {found}, this program knows {supported}")]
    UnsupportedVersion {
        /// Name of the object.
        context: String,
        /// The version that it claims.
        found: u8,
        /// The newest version that is known here.
        supported: u8,
    },
    /// It is another kind of object than its place says.
    #[error("{context} is of kind {found}, expected {expected}")]
    WrongKind {
        /// Name of the object.
        context: String,
        /// The kind number that it claims.
        found: u8,
        /// What should be there.
        expected: ObjectKind,
    },
    /// It is sealed with another suite than its repository.
    #[error("{context} is sealed with suite {found}, the repository has {expected}")]
    WrongSuite {
        /// Name of the object.
        context: String,
        /// The suite number that it claims.
        found: u8,
        /// The repository's.
        expected: u8,
    },
    /// It is sealed under a key generation that is not held: newer than the slot that was opened,
    /// or an older one that was not loaded. Open the repository again.
    #[error("{context} is sealed under key generation {generation}, which is not at hand")]
    UnknownGeneration {
        /// Name of the object.
        context: String,
        /// The generation that it claims.
        generation: u32,
    },
    /// It is damaged, misplaced, or of another repository: the tag is not that of these bytes
    /// under this name.
    #[error("{context} fails authentication: it is damaged, misplaced or of another repository")]
    Authentication {
        /// Name of the object.
        context: String,
    },
    /// A length is outside its bounds: the object was cut off, or claims more than its kind may.
    #[error("{context} has a length of {len} bytes, allowed are {min} to {max}")]
    Length {
        /// Name of the object.
        context: String,
        /// The length met, of the object or of its body.
        len: u64,
        /// The smallest allowed.
        min: u64,
        /// The largest allowed.
        max: u64,
    },
    /// It is authentic and packed in a way that version 1 does not have.
    #[error("{context} is packed with codec {found}, which this program does not know")]
    UnknownCodec {
        /// Name of the object.
        context: String,
        /// The codec's number.
        found: u8,
    },
    /// It is authentic and does not decompress to the length that it names: its writer erred.
    #[error("{context} does not decompress to the {len} bytes that it names")]
    Decompress {
        /// Name of the object.
        context: String,
        /// The length that it names.
        len: u32,
        /// What the decompressor said; `None` when the length differs.
        source: Option<io::Error>,
    },
}

impl OpenError {
    /// Whether the bytes are at fault, and not the keys or the version of this program.
    ///
    /// Nothing unauthenticated is certain: damage in the version or generation of an envelope is
    /// reported as what it looks like.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::NotAnObject { .. }
            | Self::WrongKind { .. }
            | Self::WrongSuite { .. }
            | Self::Authentication { .. }
            | Self::Length { .. }
            | Self::Decompress { .. } => true,
            Self::UnsupportedVersion { .. }
            | Self::UnknownGeneration { .. }
            | Self::UnknownCodec { .. } => false,
        }
    }
}
