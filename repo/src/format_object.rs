//! `meta/format`: what a program must know before it can open anything (`FORMAT.md` section 4).

use std::collections::BTreeSet;

use minicbor::{Decode, Encode, decode, encode};
use orlop_chunker::Suite as ChunkerSuite;

use crate::cuts::{self, Cuts, CutsError};
use crate::features::Features;
use crate::keys::Keyring;
use crate::meta_frame::{Frame, FrameError, frame};
use crate::model::RepositoryId;
use crate::seal::Suite;

const MAGIC: [u8; 8] = *b"ORLPFMT1";
/// Version of the body.
const VERSION: u64 = 1;

/// What is fixed for the life of a repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Format {
    /// Fingerprint of the root key.
    pub repository_id: RepositoryId,
    /// How everything is encrypted.
    pub suite: Suite,
    /// How general files are cut.
    pub chunker: ChunkerSuite,
    /// How long chunks are.
    pub cuts: Cuts,
    /// What a program must know; the log may raise it.
    pub features: Features,
    /// When the repository was made, in milliseconds since 1970.
    pub created_ms: u64,
}

/// The format object cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// No format object at all, or one that was cut off.
    #[error("meta/format is damaged or of another version")]
    Frame {
        /// What is wrong.
        #[from]
        source: FrameError,
    },
    /// Its body is of a newer version.
    #[error("the repository has format version {found}, this program knows {supported}")]
    UnsupportedVersion {
        /// The version that it claims.
        found: u64,
        /// The newest version that is known here.
        supported: u64,
    },
    /// It names a suite or a way of cutting that this program does not have.
    #[error("the repository uses {what} {found}, which this program does not know")]
    UnknownSuite {
        /// Of what.
        what: &'static str,
        /// Its number.
        found: u64,
    },
    /// Its body is not what the format says.
    #[error("the body of meta/format is damaged")]
    Body {
        /// What is wrong.
        #[from]
        source: decode::Error,
    },
    /// It is not of the repository that was opened: somebody without its key wrote or changed it.
    #[error("meta/format is not authentic: it is damaged, forged or of another repository")]
    NotAuthentic,
    /// It names lengths of chunks that cannot be cut.
    #[error("meta/format names lengths of chunks that cannot be cut")]
    Cut {
        /// What is wrong.
        #[from]
        source: CutsError,
    },
    /// It cannot be encoded; there is no reason why not.
    #[error("cannot encode the body of meta/format")]
    Encode {
        /// What the encoder said.
        source: encode::Error<std::convert::Infallible>,
    },
    /// It cannot be written: the body is larger than 64 KiB.
    #[error("the body of meta/format is too large")]
    TooLarge,
}

impl FormatError {
    /// Whether the bytes are at fault, and not the version of this program.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Frame { source } => !matches!(source, FrameError::UnsupportedVersion { .. }),
            Self::Body { .. } | Self::NotAuthentic | Self::Cut { .. } => true,
            Self::UnsupportedVersion { .. }
            | Self::UnknownSuite { .. }
            | Self::Encode { .. }
            | Self::TooLarge => false,
        }
    }
}

impl Format {
    /// The object's bytes under the repository's own MAC.
    pub fn encode(&self, keyring: &Keyring) -> Result<Vec<u8>, FormatError> {
        frame(MAGIC, &self.encode_body()?, keyring.meta_key()).ok_or(FormatError::TooLarge)
    }

    /// Reads the object before any key is at hand: everything in the result is a claim.
    pub fn claimed(bytes: &[u8]) -> Result<Self, FormatError> {
        Self::decode_body(Frame::parse(MAGIC, bytes)?.body)
    }

    /// Reads the object and checks that it is that of the repository of `keyring`.
    pub fn open(bytes: &[u8], keyring: &Keyring) -> Result<Self, FormatError> {
        let frame = Frame::parse(MAGIC, bytes)?;
        let format = Self::decode_body(frame.body)?;
        let authentic = frame.is_authentic(keyring.meta_key())
            && format.repository_id == keyring.repository_id()
            && format.suite == keyring.suite();
        if authentic {
            Ok(format)
        } else {
            Err(FormatError::NotAuthentic)
        }
    }

    /// The body alone, as slots carry it.
    pub fn encode_body(&self) -> Result<Vec<u8>, FormatError> {
        let names = |names: &BTreeSet<String>| names.iter().cloned().collect();
        let body = Body {
            version: VERSION,
            repository_id: self.repository_id,
            suite: self.suite.number(),
            chunker: self.chunker.number(),
            general: cuts::to_array(self.cuts.general),
            paged: self.cuts.paged.length(),
            read: names(&self.features.read),
            write: names(&self.features.write),
            collect: names(&self.features.collect),
            created_ms: self.created_ms,
            dense: cuts::to_array(self.cuts.dense),
            database: self.cuts.database.length(),
        };
        minicbor::to_vec(body).map_err(|source| FormatError::Encode { source })
    }

    /// Reads a body: of the object, or out of a slot. Everything in the result is a claim until
    /// the MAC around it was checked.
    pub fn decode_body(bytes: &[u8]) -> Result<Self, FormatError> {
        let Version { found } = minicbor::decode(bytes)?;
        if found != VERSION {
            return Err(FormatError::UnsupportedVersion {
                found,
                supported: VERSION,
            });
        }
        let body: Body = minicbor::decode(bytes)?;
        let suite = Suite::from_number(body.suite).ok_or(FormatError::UnknownSuite {
            what: "suite",
            found: body.suite.into(),
        })?;
        let chunker = ChunkerSuite::from_number(body.chunker).map_err(|unknown| {
            FormatError::UnknownSuite {
                what: "chunker suite",
                found: unknown.found.into(),
            }
        })?;
        let cuts = Cuts {
            general: cuts::content(body.general)?,
            dense: cuts::content(body.dense)?,
            paged: cuts::fixed(body.paged)?,
            database: cuts::fixed(body.database)?,
        };
        let set = |names: Vec<String>| names.into_iter().collect();
        Ok(Self {
            repository_id: body.repository_id,
            suite,
            chunker,
            cuts,
            features: Features {
                read: set(body.read),
                write: set(body.write),
                collect: set(body.collect),
            },
            created_ms: body.created_ms,
        })
    }
}

/// What every version has, so that a newer one is told from damage.
#[derive(Decode)]
#[cbor(map)]
struct Version {
    #[n(0)]
    found: u64,
}

/// The body as it is stored.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Body {
    #[n(0)]
    version: u64,
    #[n(1)]
    repository_id: RepositoryId,
    #[n(2)]
    suite: u8,
    #[n(3)]
    chunker: u16,
    #[n(4)]
    general: [u32; 3],
    #[n(5)]
    paged: u32,
    #[n(6)]
    read: Vec<String>,
    #[n(7)]
    write: Vec<String>,
    #[n(8)]
    collect: Vec<String>,
    #[n(9)]
    created_ms: u64,
    #[n(10)]
    dense: [u32; 3],
    #[n(11)]
    database: u32,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::entropy::SeededEntropy;

    pub(crate) fn keyring(seed: u64) -> Keyring {
        Keyring::generate(Arc::new(SeededEntropy::new(seed)), Suite::default()).unwrap()
    }

    pub(crate) fn format(keyring: &Keyring) -> Format {
        Format {
            repository_id: keyring.repository_id(),
            suite: keyring.suite(),
            chunker: ChunkerSuite::DEFAULT,
            cuts: Cuts::DEFAULT,
            features: Features::default(),
            created_ms: 1_700_000_000_000,
        }
    }

    #[test]
    fn it_is_read_back_and_belongs_to_one_repository() {
        let (own, other) = (keyring(1), keyring(2));
        let mut format = format(&own);
        format.features.write.insert("later".to_owned());
        let bytes = format.encode(&own).unwrap();
        assert_eq!(Format::claimed(&bytes).unwrap(), format);
        assert_eq!(Format::open(&bytes, &own).unwrap(), format);
        assert!(matches!(
            Format::open(&bytes, &other),
            Err(FormatError::NotAuthentic)
        ));
        // Another repository's name under one's own MAC.
        let forged = Format {
            repository_id: other.repository_id(),
            ..format
        };
        let forged = forged.encode(&own).unwrap();
        assert!(matches!(
            Format::open(&forged, &own),
            Err(FormatError::NotAuthentic)
        ));
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        let keyring = keyring(1);
        let bytes = format(&keyring).encode(&keyring).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(
                    Format::open(&damaged, &keyring).is_err(),
                    "bit {bit} of byte {at}"
                );
            }
            assert!(Format::open(&bytes[..at], &keyring).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let keyring = keyring(1);
        let bytes = format(&keyring).encode(&keyring).unwrap();
        let mut newer = bytes.clone();
        newer[7] = b'2';
        let error = Format::open(&newer, &keyring).unwrap_err();
        assert!(!error.is_damage(), "{error}");
        // A map of one pair: version 2, in a body that version 1 cannot read further.
        let newer = frame(MAGIC, &[0xa1, 0, 2], keyring.meta_key()).unwrap();
        assert!(matches!(
            Format::open(&newer, &keyring),
            Err(FormatError::UnsupportedVersion {
                found: 2,
                supported: 1
            })
        ));
        assert!(Format::open(&bytes[1..], &keyring).unwrap_err().is_damage());
    }
}
