//! What the format object and the slots have in common: magic, length, body and MAC.

use crate::model::ObjectHash;

/// Largest body in bytes.
const MAX_BODY: usize = 64 << 10;
/// Bytes around the body: magic, length and MAC.
const OVERHEAD: usize = 8 + 4 + ObjectHash::LEN;

/// The bytes are no frame of the expected kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Another magic: no object of this kind.
    #[error("it does not begin with the magic of its kind")]
    Magic,
    /// The magic of another version of this kind.
    #[error("it has version {:?}, this program knows {:?}", char::from(*.found), char::from(*.supported))]
    UnsupportedVersion {
        /// The last byte of its magic.
        found: u8,
        /// The last byte of the magic that is known here.
        supported: u8,
    },
    /// Cut off, too long, or its length field is not that of the body.
    #[error("its {len} bytes do not fit the length in it")]
    Length {
        /// Length of the object in bytes.
        len: usize,
    },
}

/// A frame that was cut into its parts and is not yet believed.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) body: &'a [u8],
    authenticated: &'a [u8],
    mac: &'a [u8; 32],
}

impl<'a> Frame<'a> {
    /// Cuts `bytes`; everything in them stays a claim until [`is_authentic`](Self::is_authentic).
    pub(crate) fn parse(magic: [u8; 8], bytes: &'a [u8]) -> Result<Self, FrameError> {
        let length = FrameError::Length { len: bytes.len() };
        let (found, rest) = bytes.split_first_chunk::<8>().ok_or(length)?;
        if *found != magic {
            let ([found @ .., found_version], [known @ .., supported]) = (*found, magic);
            return Err(if found == known {
                FrameError::UnsupportedVersion {
                    found: found_version,
                    supported,
                }
            } else {
                FrameError::Magic
            });
        }
        let (len, rest) = rest.split_first_chunk::<4>().ok_or(length)?;
        let (body, mac) = rest.split_last_chunk::<32>().ok_or(length)?;
        if body.len() > MAX_BODY || u32::from_le_bytes(*len) as usize != body.len() {
            return Err(length);
        }
        let (authenticated, _) = bytes.split_at(bytes.len() - mac.len());
        Ok(Self {
            body,
            authenticated,
            mac,
        })
    }

    /// Whether the MAC is that of a holder of the repository's root key.
    pub(crate) fn is_authentic(&self, meta_key: &[u8; 32]) -> bool {
        // The comparison of hashes takes the same time wherever they differ.
        blake3::keyed_hash(meta_key, self.authenticated) == blake3::Hash::from_bytes(*self.mac)
    }
}

/// Puts a body into its frame. `None` if it is larger than 64 KiB.
pub(crate) fn frame(magic: [u8; 8], body: &[u8], meta_key: &[u8; 32]) -> Option<Vec<u8>> {
    let len = u32::try_from(body.len())
        .ok()
        .filter(|_| body.len() <= MAX_BODY)?;
    let mut bytes = Vec::with_capacity(OVERHEAD + body.len());
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(body);
    let mac = blake3::keyed_hash(meta_key, &bytes);
    bytes.extend_from_slice(mac.as_bytes());
    Some(bytes)
}
