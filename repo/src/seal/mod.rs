//! Sealing: compression, encryption and the envelope (`FORMAT.md` section 3.1).
//!
//! [`Keyring`](crate::keys::Keyring) is what callers use; this module knows bytes and single keys.

mod compress;
mod envelope;
mod error;
mod kind;
mod scratch;
mod suite;
mod xaes;
mod xchacha;

pub use compress::Compression;
pub use envelope::{BLOCK_OVERHEAD, ENVELOPE_OVERHEAD, MAGIC, Nonce, VERSION};
pub use error::{OpenError, SealError};
pub use kind::{BlockKind, ObjectKind};
pub use suite::Suite;

pub(crate) use compress::{DecodeError, Unpacked, decode_body, encode_body};
pub(crate) use envelope::{
    Header, Parts, block_generation, block_parts, envelope_generation, envelope_parts,
};
pub(crate) use scratch::with_scratch;
pub(crate) use suite::{CipherError, SealKey};
