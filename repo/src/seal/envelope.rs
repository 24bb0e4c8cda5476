//! The bytes around a ciphertext, and what is authenticated with it.

use super::suite::TAG_LEN;
use super::{BlockKind, ObjectKind, OpenError, Suite};
use crate::model::RepositoryId;

/// First bytes of every envelope.
pub const MAGIC: [u8; 4] = *b"ORLP";
/// Version of envelopes and blocks.
pub const VERSION: u8 = 1;
/// 24 random bytes, used once under a key.
pub type Nonce = [u8; 24];

/// Length of the authenticated head of an envelope.
const HEADER_LEN: usize = 12;
/// Bytes of an envelope besides an uncompressed body.
pub const ENVELOPE_OVERHEAD: usize =
    HEADER_LEN + size_of::<Nonce>() + super::compress::PREFIX_LEN + TAG_LEN;
/// Bytes of a block besides an uncompressed body.
pub const BLOCK_OVERHEAD: usize = 4 + size_of::<Nonce>() + super::compress::PREFIX_LEN + TAG_LEN;

/// Head of an envelope; blocks have it only in thought.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) kind: ObjectKind,
    pub(crate) suite: Suite,
    pub(crate) generation: u32,
}

impl Header {
    /// The stored form.
    pub(crate) fn encode(self) -> [u8; HEADER_LEN] {
        let [m0, m1, m2, m3] = MAGIC;
        let [g0, g1, g2, g3] = self.generation.to_le_bytes();
        let (kind, suite) = (self.kind.number(), self.suite.number());
        [m0, m1, m2, m3, VERSION, kind, suite, 0, g0, g1, g2, g3]
    }

    /// What is authenticated: the head, the repository and the place.
    pub(crate) fn associated(self, repository: &RepositoryId, context: &str) -> Vec<u8> {
        [
            &self.encode()[..],
            repository.as_bytes(),
            context.as_bytes(),
        ]
        .concat()
    }
}

/// The parts of sealed bytes, cut but not yet believed.
pub(crate) struct Parts<'a> {
    pub(crate) generation: u32,
    pub(crate) nonce: &'a Nonce,
    pub(crate) ciphertext: &'a [u8],
    pub(crate) tag: &'a [u8; TAG_LEN],
}

/// Cuts an envelope and checks everything in its head but the generation.
pub(crate) fn envelope_parts<'a>(
    kind: ObjectKind,
    suite: Suite,
    context: &str,
    bytes: &'a [u8],
) -> Result<Parts<'a>, OpenError> {
    let name = || context.to_owned();
    let Some((&[m0, m1, m2, m3, version, found_kind, found_suite, zero], rest)) =
        bytes.split_first_chunk::<8>()
    else {
        return Err(length(name(), bytes.len(), ENVELOPE_OVERHEAD, kind));
    };
    if [m0, m1, m2, m3] != MAGIC {
        return Err(OpenError::NotAnObject { context: name() });
    }
    if version != VERSION {
        let supported = VERSION;
        return Err(OpenError::UnsupportedVersion {
            context: name(),
            found: version,
            supported,
        });
    }
    if found_kind != kind.number() {
        return Err(OpenError::WrongKind {
            context: name(),
            found: found_kind,
            expected: kind,
        });
    }
    if found_suite != suite.number() {
        let expected = suite.number();
        return Err(OpenError::WrongSuite {
            context: name(),
            found: found_suite,
            expected,
        });
    }
    if zero != 0 {
        return Err(OpenError::Authentication { context: name() });
    }
    parts(rest).ok_or_else(|| length(name(), bytes.len(), ENVELOPE_OVERHEAD, kind))
}

/// The generation of keys that sealed bytes say they are under; a claim until they are opened.
pub(crate) fn envelope_generation(bytes: &[u8]) -> Option<u32> {
    let (_, rest) = bytes.split_first_chunk::<8>()?;
    rest.first_chunk().copied().map(u32::from_le_bytes)
}

/// The same of a block.
pub(crate) fn block_generation(stored: &[u8]) -> Option<u32> {
    stored.first_chunk().copied().map(u32::from_le_bytes)
}

/// Cuts a block.
pub(crate) fn block_parts(kind: BlockKind, bytes: &[u8]) -> Result<Parts<'_>, OpenError> {
    let kind = kind.object_kind();
    let most = kind.max_body() as usize + BLOCK_OVERHEAD;
    parts(bytes)
        .filter(|_| bytes.len() <= most)
        .ok_or_else(|| length(kind.to_string(), bytes.len(), BLOCK_OVERHEAD, kind))
}

/// Cuts generation, nonce, ciphertext and tag.
fn parts(bytes: &[u8]) -> Option<Parts<'_>> {
    let (generation, rest) = bytes.split_first_chunk::<4>()?;
    let (nonce, rest) = rest.split_first_chunk::<24>()?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>()?;
    let generation = u32::from_le_bytes(*generation);
    (ciphertext.len() >= super::compress::PREFIX_LEN).then_some(Parts {
        generation,
        nonce,
        ciphertext,
        tag,
    })
}

fn length(context: String, len: usize, overhead: usize, kind: ObjectKind) -> OpenError {
    OpenError::Length {
        context,
        len: len as u64,
        min: overhead as u64,
        max: overhead as u64 + u64::from(kind.max_body()),
    }
}
