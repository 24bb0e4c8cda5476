//! Identities: of the repository, of sessions, snapshots, packs and stored objects.

use std::fmt;

/// Declares a fixed-size identity that prints as lower-case hex and encodes as a CBOR byte string.
macro_rules! identity {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; Self::LEN]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Wraps bytes that were made or checked elsewhere.
            pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
                Self(bytes)
            }

            /// Reads exactly [`Self::LEN`] bytes; `None` for any other length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Reads exactly two hex digits a byte.
            pub fn from_hex(text: &str) -> Option<Self> {
                let mut bytes = [0; Self::LEN];
                hex::decode_to_slice(text, &mut bytes).ok()?;
                Some(Self(bytes))
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            /// All hex digits; a precision (`{:.8}`) gives the short form for people.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                Self::from_slice(d.bytes()?).ok_or_else(|| {
                    minicbor::decode::Error::message(concat!("wrong length of ", stringify!($name)))
                })
            }
        }
    };
}

identity!(
    /// Public name of a repository: the fingerprint of its root key.
    RepositoryId,
    32
);
identity!(
    /// One run of a writer, a maintainer or a reader. Random, so never reused.
    SessionId,
    16
);
identity!(
    /// One point in time of one volume.
    SnapshotId,
    16
);
identity!(
    /// BLAKE3 of the stored bytes of an object (of its core, for a log entry).
    ObjectHash,
    32
);
identity!(
    /// Belongs to the material of one key generation and tells nothing of it.
    KeyCommitment,
    32
);

impl ObjectHash {
    /// Hashes the bytes of an object as they are stored.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// Name of a pack: its session and its number in that session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PackName {
    /// The session that wrote it.
    pub session: SessionId,
    /// Counts from 0 in that session, data and tree packs together.
    pub number: u32,
}

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packs/{}/{:010}", self.session, self.number)
    }
}
