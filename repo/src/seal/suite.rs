//! The suites, and a key ready to seal with one.

use std::fmt;

use zeroize::Zeroizing;

use super::envelope::Nonce;
use super::xaes::Xaes;
use super::xchacha;

/// How a repository encrypts, fixed at init.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Suite {
    /// XChaCha20-Poly1305: fast on every processor.
    #[default]
    XChaCha20Poly1305,
    /// XAES-256-GCM: fast where the processor has AES instructions.
    Xaes256Gcm,
}

impl Suite {
    /// The number in envelopes and in the format object.
    pub const fn number(self) -> u8 {
        match self {
            Self::XChaCha20Poly1305 => 1,
            Self::Xaes256Gcm => 2,
        }
    }

    /// The suite with that number; `None` if version 1 knows none.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::XChaCha20Poly1305),
            2 => Some(Self::Xaes256Gcm),
            _ => None,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::XChaCha20Poly1305 => "XChaCha20-Poly1305",
            Self::Xaes256Gcm => "XAES-256-GCM",
        })
    }
}

/// Length of a tag in bytes, in both suites.
pub(super) const TAG_LEN: usize = 16;

/// The cipher refused: a wrong tag when opening.
#[derive(Debug)]
pub(crate) struct CipherError;

impl From<aws_lc_rs::error::Unspecified> for CipherError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

/// A key ready to seal: what can be computed once is computed. Wiped when dropped.
pub(crate) enum SealKey {
    /// For suite 1.
    XChaCha(Zeroizing<[u8; 32]>),
    /// For suite 2.
    Xaes(Box<Xaes>),
}

impl SealKey {
    /// Makes `key` ready for `suite`.
    pub(crate) fn new(suite: Suite, key: Zeroizing<[u8; 32]>) -> Self {
        match suite {
            Suite::XChaCha20Poly1305 => Self::XChaCha(key),
            Suite::Xaes256Gcm => Self::Xaes(Box::new(Xaes::new(&key))),
        }
    }

    /// Encrypts in place; the caller appends the tag.
    pub(crate) fn seal(
        &self,
        nonce: &Nonce,
        associated: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG_LEN], CipherError> {
        match self {
            Self::XChaCha(key) => xchacha::seal(key, nonce, associated, text),
            Self::Xaes(xaes) => xaes.seal(nonce, associated, text),
        }
    }

    /// Decrypts `sealed` into `text`, of the same length. After `Err` nothing of `text` is to be
    /// used.
    pub(crate) fn open(
        &self,
        nonce: &Nonce,
        associated: &[u8],
        sealed: &[u8],
        tag: &[u8; TAG_LEN],
        text: &mut [u8],
    ) -> Result<(), CipherError> {
        match self {
            Self::XChaCha(key) => xchacha::open(key, nonce, associated, sealed, tag, text),
            Self::Xaes(xaes) => xaes.open(nonce, associated, sealed, tag, text),
        }
    }
}

/// Copies the library's tag.
pub(super) fn tag_bytes(tag: &[u8]) -> Result<[u8; TAG_LEN], CipherError> {
    tag.try_into().map_err(|_| CipherError)
}
