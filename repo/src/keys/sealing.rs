//! Sealing and opening with the keys of a repository.

use super::Keyring;
use crate::entropy::{EntropyError, random};
use crate::seal::{
    BlockKind, CipherError, Compression, DecodeError, ENVELOPE_OVERHEAD, Header, Nonce, ObjectKind,
    OpenError, Parts, SealError, Unpacked, block_parts, decode_body, encode_body, envelope_parts,
    with_scratch,
};

/// How to seal a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockOptions {
    /// How hard to compress.
    pub compression: Compression,
    /// Whether to open the block again and compare it with its source. The format demands it of
    /// everything that is uploaded; off only where the cost of it is measured.
    pub verify: bool,
}

impl Default for BlockOptions {
    /// zstd level 3, verified.
    fn default() -> Self {
        Self {
            compression: Compression::default(),
            verify: true,
        }
    }
}

/// A block as it stands in a pack.
pub struct SealedBlock {
    /// Generation, nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
    /// Length of the plaintext in bytes.
    pub plain_len: u32,
}

impl Keyring {
    /// Seals the concatenation of `body`, at most 2 MiB, as one block.
    ///
    /// Fills the calling thread for some milliseconds. The scratch space, up to 4 MiB a thread, is
    /// kept for the next call.
    pub fn seal_block(
        &self,
        kind: BlockKind,
        body: &[&[u8]],
        options: BlockOptions,
    ) -> Result<SealedBlock, SealError> {
        let object_kind = kind.object_kind();
        let total = body.iter().map(|part| part.len() as u64).sum();
        let plain_len = bounded(object_kind, total)?;
        let nonce = self.new_nonce()?;
        let header = self.header(object_kind);
        let bytes = with_scratch(|scratch| {
            let joined = if let [part] = body {
                part
            } else {
                scratch.text.clear();
                scratch.text.reserve(plain_len as usize);
                for part in body {
                    scratch.text.extend_from_slice(part);
                }
                scratch.text.as_slice()
            };
            // Compression needs room for the worst case. Many blocks wait in a queue for their
            // pack: each gets what it is long, and the room stays here.
            let room = &mut scratch.body;
            room.clear();
            room.extend_from_slice(&header.generation.to_le_bytes());
            let how = options.compression;
            self.seal_body(header, "", nonce, joined, plain_len, how, room)?;
            Ok::<_, SealError>(room.clone())
        })?;
        if options.verify {
            self.verify_block(kind, body, total, &bytes)?;
        }
        Ok(SealedBlock { bytes, plain_len })
    }

    /// Opens the stored bytes of a block.
    pub fn open_block(&self, kind: BlockKind, stored: &[u8]) -> Result<Vec<u8>, OpenError> {
        with_scratch(|scratch| {
            let body =
                self.open_block_within(kind, stored, &mut scratch.text, &mut scratch.body)?;
            Ok(body.to_vec())
        })
    }

    /// Opens the stored bytes of a block; its plaintext then stands in one of the two buffers,
    /// which are kept between calls for speed only.
    pub fn open_block_within<'b>(
        &self,
        kind: BlockKind,
        stored: &[u8],
        text: &'b mut Vec<u8>,
        body: &'b mut Vec<u8>,
    ) -> Result<&'b [u8], OpenError> {
        let parts = block_parts(kind, stored)?;
        Ok(
            match self.open_parts(kind.object_kind(), "", &parts, text, body)? {
                Unpacked::Raw(stored) => stored,
                Unpacked::Body => body,
            },
        )
    }

    /// Seals an object under its name, or the footer of a pack under the pack's name.
    ///
    /// zstd level 3 where it gains, except for footers and generations: those are stored as they
    /// are, so that their length is known before, `body.len()` + [`ENVELOPE_OVERHEAD`].
    pub fn seal_object(
        &self,
        kind: ObjectKind,
        context: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.seal_object_under(self.current_generation(), kind, context, body)
    }

    /// As [`seal_object`](Self::seal_object), under a generation that is held.
    ///
    /// # Errors
    ///
    /// [`SealError::Cipher`] also if it is not.
    pub fn seal_object_under(
        &self,
        generation: u32,
        kind: ObjectKind,
        context: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.seal_object_with_nonce((generation, self.new_nonce()?), kind, context, body)
    }

    /// As [`seal_object_under`](Self::seal_object_under), with a nonce from
    /// [`new_nonce`](Self::new_nonce) that was needed before: the padding of a pack comes from the
    /// generation and the nonce of its footer. A nonce is never used twice.
    pub fn seal_object_with_nonce(
        &self,
        (generation, nonce): (u32, Nonce),
        kind: ObjectKind,
        context: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let len = bounded(kind, body.len() as u64)?;
        let header = Header {
            kind,
            suite: self.suite,
            generation,
        };
        let compression = match kind {
            ObjectKind::PackFooter(_) | ObjectKind::Generation => Compression::None,
            _ => Compression::default(),
        };
        let mut bytes = Vec::new();
        if compression == Compression::None {
            bytes.reserve_exact(ENVELOPE_OVERHEAD + body.len());
        }
        bytes.extend_from_slice(&header.encode());
        self.seal_body(header, context, nonce, body, len, compression, &mut bytes)?;
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    /// Opens an object that was read from `context`: its name, or that of the footer's pack.
    pub fn open_object(
        &self,
        kind: ObjectKind,
        context: &str,
        bytes: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        let parts = envelope_parts(kind, self.suite, context, bytes)?;
        let mut body = Vec::new();
        with_scratch(|scratch| {
            let opened = self.open_parts(kind, context, &parts, &mut scratch.text, &mut body)?;
            Ok(match opened {
                Unpacked::Raw(stored) => stored.to_vec(),
                Unpacked::Body => std::mem::take(&mut body),
            })
        })
    }

    /// A nonce for [`seal_object_with_nonce`](Self::seal_object_with_nonce).
    pub fn new_nonce(&self) -> Result<Nonce, EntropyError> {
        random(&*self.entropy)
    }

    /// The stream that the padding of a pack is cut from. `None` if the generation is not held.
    pub fn pad_stream(
        &self,
        generation: u32,
        footer_nonce: &Nonce,
    ) -> Option<blake3::OutputReader> {
        let keys = self.generation(generation)?;
        Some(
            blake3::Hasher::new_keyed(&keys.pad)
                .update(footer_nonce)
                .finalize_xof(),
        )
    }

    fn header(&self, kind: ObjectKind) -> Header {
        Header {
            kind,
            suite: self.suite,
            generation: self.current_generation(),
        }
    }

    /// Appends nonce, ciphertext and tag to `bytes`, which hold what stands before the nonce.
    #[expect(clippy::too_many_arguments, reason = "one private step of two callers")]
    fn seal_body(
        &self,
        header: Header,
        context: &str,
        nonce: Nonce,
        body: &[u8],
        len: u32,
        compression: Compression,
        bytes: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let kind = header.kind;
        bytes.extend_from_slice(&nonce);
        let start = bytes.len();
        encode_body(body, len, compression, bytes)
            .map_err(|source| SealError::Compress { kind, source })?;
        let associated = header.associated(&self.repository_id, context);
        let refused = |_: CipherError| SealError::Cipher { kind };
        let (_, text) = bytes.split_at_mut(start);
        let keys = self
            .generation(header.generation)
            .ok_or(SealError::Cipher { kind })?;
        let tag = keys
            .key(kind)
            .seal(&nonce, &associated, text)
            .map_err(refused)?;
        bytes.extend_from_slice(&tag);
        Ok(())
    }

    /// Opens into `text`, and unpacks into `body` what is packed.
    fn open_parts<'b>(
        &self,
        kind: ObjectKind,
        context: &str,
        parts: &Parts<'_>,
        text: &'b mut Vec<u8>,
        body: &mut Vec<u8>,
    ) -> Result<Unpacked<'b>, OpenError> {
        // A block has no name of its own: its reader adds that of the pack.
        let name = || {
            if context.is_empty() {
                kind.to_string()
            } else {
                context.to_owned()
            }
        };
        let generation = parts.generation;
        let keys = self
            .generation(generation)
            .ok_or_else(|| OpenError::UnknownGeneration {
                context: name(),
                generation,
            })?;
        let header = Header {
            kind,
            suite: self.suite,
            generation,
        };
        let associated = header.associated(&self.repository_id, context);
        text.resize(parts.ciphertext.len(), 0);
        keys.key(kind)
            .open(parts.nonce, &associated, parts.ciphertext, parts.tag, text)
            .map_err(|CipherError| OpenError::Authentication { context: name() })?;
        decode_body(text, kind.max_body(), body).map_err(|error| match error {
            DecodeError::Length(len) => OpenError::Length {
                context: name(),
                len,
                min: 0,
                max: kind.max_body().into(),
            },
            DecodeError::Codec(found) => OpenError::UnknownCodec {
                context: name(),
                found,
            },
            DecodeError::Data(len, source) => OpenError::Decompress {
                context: name(),
                len,
                source,
            },
        })
    }

    /// Opens what was sealed and compares it with the parts that it was made from.
    fn verify_block(
        &self,
        kind: BlockKind,
        body: &[&[u8]],
        len: u64,
        stored: &[u8],
    ) -> Result<(), SealError> {
        let kind_sealed = kind.object_kind();
        let failed = |source| SealError::VerifyFailed {
            kind: kind_sealed,
            len,
            source,
        };
        with_scratch(|scratch| {
            let mut rest = self
                .open_block_within(kind, stored, &mut scratch.text, &mut scratch.body)
                .map_err(|error| failed(Some(Box::new(error))))?;
            for part in body {
                rest = rest.strip_prefix(*part).ok_or_else(|| failed(None))?;
            }
            if rest.is_empty() {
                Ok(())
            } else {
                Err(failed(None))
            }
        })
    }
}

/// Holds a length against the bound of its kind.
fn bounded(kind: ObjectKind, len: u64) -> Result<u32, SealError> {
    let bound = kind.max_body();
    u32::try_from(len)
        .ok()
        .filter(|&len| len <= bound)
        .ok_or(SealError::TooLarge { kind, len, bound })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::keys::GenerationError;
    use crate::seal::Suite;

    const SUITES: [Suite; 2] = [Suite::XChaCha20Poly1305, Suite::Xaes256Gcm];
    const KINDS: [ObjectKind; 8] = [
        ObjectKind::PackFooter(BlockKind::Data),
        ObjectKind::PackFooter(BlockKind::Tree),
        ObjectKind::Segment,
        ObjectKind::LogEntry,
        ObjectKind::LogTail,
        ObjectKind::Fold,
        ObjectKind::Side,
        ObjectKind::Generation,
    ];

    fn keyring(suite: Suite) -> Keyring {
        Keyring::generate(Arc::new(SeededEntropy::new(7)), suite).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_block_opens_to_its_parts(
            parts in prop::collection::vec(prop::collection::vec(0_u8..4, 0..3000), 0..6),
            tree: bool,
            second: bool,
        ) {
            let keyring = keyring(SUITES[usize::from(second)]);
            let kind = if tree { BlockKind::Tree } else { BlockKind::Data };
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let block = keyring.seal_block(kind, &parts, BlockOptions::default()).unwrap();
            let body = parts.concat();
            prop_assert_eq!(block.plain_len as usize, body.len());
            prop_assert_eq!(keyring.open_block(kind, &block.bytes).unwrap(), body);
        }

        #[test]
        fn an_object_opens_under_its_name(
            body in prop::collection::vec(any::<u8>(), 0..32),
            kind in prop::sample::select(&KINDS[..]),
            second: bool,
        ) {
            let keyring = keyring(SUITES[usize::from(second)]);
            let sealed = keyring.seal_object(kind, "index/a/1", &body).unwrap();
            prop_assert_eq!(keyring.open_object(kind, "index/a/1", &sealed).unwrap(), body);
        }

        #[test]
        fn any_bytes_are_refused(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200),
            head: bool,
        ) {
            let keyring = keyring(Suite::XChaCha20Poly1305);
            if head {
                let start = keyring.header(ObjectKind::Fold).encode();
                bytes.splice(0..0, start);
            }
            prop_assert!(keyring.open_block(BlockKind::Data, &bytes).is_err());
            prop_assert!(keyring.open_object(ObjectKind::Fold, "x", &bytes).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        for suite in SUITES {
            let keyring = keyring(suite);
            let object = keyring
                .seal_object(ObjectKind::LogEntry, "log/1", b"entry")
                .unwrap();
            let block = keyring
                .seal_block(BlockKind::Data, &[b"chunk"], BlockOptions::default())
                .unwrap();
            let open_object =
                |bytes: &[u8]| keyring.open_object(ObjectKind::LogEntry, "log/1", bytes);
            let open_block = |bytes: &[u8]| keyring.open_block(BlockKind::Data, bytes);
            for (bytes, open) in [
                (
                    &object,
                    &open_object as &dyn Fn(&[u8]) -> Result<Vec<u8>, OpenError>,
                ),
                (&block.bytes, &open_block),
            ] {
                assert!(open(bytes).is_ok());
                for at in 0..bytes.len() {
                    for bit in 0..8 {
                        let mut damaged = bytes.clone();
                        damaged[at] ^= 1 << bit;
                        assert!(open(&damaged).is_err(), "bit {bit} of byte {at}");
                    }
                    assert!(open(&bytes[..at]).is_err(), "cut at {at}");
                }
                assert!(
                    open(&[bytes.as_slice(), &[0]].concat()).is_err(),
                    "one byte more"
                );
            }
        }
    }

    #[test]
    fn nothing_opens_as_another_kind_under_another_name_or_in_another_repository() {
        let keyring = keyring(Suite::XChaCha20Poly1305);
        let other = Keyring::generate(Arc::new(SeededEntropy::new(8)), keyring.suite()).unwrap();
        for kind in KINDS {
            let sealed = keyring.seal_object(kind, "a", b"body").unwrap();
            for wrong in KINDS.into_iter().filter(|&wrong| wrong != kind) {
                let error = keyring.open_object(wrong, "a", &sealed).unwrap_err();
                assert!(error.is_damage(), "{kind} as {wrong}: {error}");
            }
            let renamed = keyring.open_object(kind, "b", &sealed).unwrap_err();
            assert!(matches!(renamed, OpenError::Authentication { context } if context == "b"));
            let foreign = other.open_object(kind, "a", &sealed).unwrap_err();
            assert!(matches!(foreign, OpenError::Authentication { .. }));
        }
        let block = keyring
            .seal_block(BlockKind::Data, &[b"x"], BlockOptions::default())
            .unwrap();
        let as_tree = keyring
            .open_block(BlockKind::Tree, &block.bytes)
            .unwrap_err();
        assert!(matches!(as_tree, OpenError::Authentication { .. }));
    }

    #[test]
    fn the_head_of_an_envelope_tells_what_is_wrong() {
        let keyring = keyring(Suite::XChaCha20Poly1305);
        let sealed = keyring.seal_object(ObjectKind::Fold, "f", b"body").unwrap();
        let open = |at: usize, byte: u8| {
            let mut bytes = sealed.clone();
            bytes[at] = byte;
            keyring
                .open_object(ObjectKind::Fold, "f", &bytes)
                .unwrap_err()
        };
        assert!(matches!(open(0, b'X'), OpenError::NotAnObject { .. }));
        let newer = open(4, 2);
        assert!(matches!(
            newer,
            OpenError::UnsupportedVersion {
                found: 2,
                supported: 1,
                ..
            }
        ));
        assert!(!newer.is_damage());
        assert!(matches!(open(5, 4), OpenError::WrongKind { found: 4, .. }));
        assert!(matches!(
            open(6, 2),
            OpenError::WrongSuite {
                found: 2,
                expected: 1,
                ..
            }
        ));
        let later = open(8, 9);
        assert!(matches!(
            later,
            OpenError::UnknownGeneration { generation: 9, .. }
        ));
        assert!(!later.is_damage());
        assert!(matches!(
            open(12, !sealed[12]),
            OpenError::Authentication { .. }
        ));
    }

    #[test]
    fn a_body_above_the_bound_of_its_kind_is_refused() {
        let keyring = keyring(Suite::XChaCha20Poly1305);
        let body = vec![0; (1 << 20) + 1];
        assert!(matches!(
            keyring.seal_object(ObjectKind::LogEntry, "l", &body),
            Err(SealError::TooLarge {
                len: 1_048_577,
                bound: 1_048_576,
                ..
            })
        ));
        let parts = [&body[..]; 2];
        assert!(matches!(
            keyring.seal_block(BlockKind::Data, &parts, BlockOptions::default()),
            Err(SealError::TooLarge { .. })
        ));
        let full = [&body[1..]; 2];
        assert!(
            keyring
                .seal_block(BlockKind::Data, &full, BlockOptions::default())
                .is_ok()
        );
    }

    #[test]
    fn a_block_that_does_not_open_to_its_source_is_reported() {
        let keyring = keyring(Suite::Xaes256Gcm);
        let block = keyring
            .seal_block(BlockKind::Data, &[b"ab", b"c"], BlockOptions::default())
            .unwrap();
        let verify = |body: &[&[u8]]| keyring.verify_block(BlockKind::Data, body, 3, &block.bytes);
        assert!(verify(&[b"abc"]).is_ok());
        for wrong in [&b"abd"[..], b"ab", b"abcd", b""] {
            assert!(matches!(
                verify(&[wrong]),
                Err(SealError::VerifyFailed { source: None, .. })
            ));
        }
    }

    #[test]
    fn a_footer_has_the_length_that_was_foretold() {
        let keyring = keyring(Suite::XChaCha20Poly1305);
        let kind = ObjectKind::PackFooter(BlockKind::Data);
        let nonce = keyring.new_nonce().unwrap();
        let sealed = keyring
            .seal_object_with_nonce((1, nonce), kind, "p", &[7; 1000])
            .unwrap();
        assert_eq!(sealed.len(), 1000 + ENVELOPE_OVERHEAD);
        assert_eq!(sealed[12..36], nonce);
        let mut padding = [[0; 40]; 2];
        for bytes in &mut padding {
            keyring.pad_stream(1, &nonce).unwrap().fill(bytes);
        }
        assert_eq!(padding[0], padding[1]);
        assert!(keyring.pad_stream(2, &nonce).is_none());
    }

    #[test]
    fn older_generations_come_back_one_by_one() {
        for suite in SUITES {
            let first = keyring(suite);
            let block = first
                .seal_block(BlockKind::Data, &[b"old"], BlockOptions::default())
                .unwrap();
            let (second, second_object) = first.start_generation().unwrap();
            let (third, third_object) = second.start_generation().unwrap();
            assert_eq!(third.current_generation(), 3);
            assert_eq!(third.needs_older(), None);
            assert_eq!(
                third.open_block(BlockKind::Data, &block.bytes).unwrap(),
                b"old"
            );
            assert!(
                third_object
                    .name
                    .as_str()
                    .starts_with("meta/generations/0000000003-")
            );
            assert_eq!(third.generation_name(3).unwrap(), third_object.name);
            assert_eq!(third.commitment(3).unwrap(), third_object.commitment);

            // As after opening a slot, which holds the newest generation alone.
            let copy = |bytes: &[u8; 32]| zeroize::Zeroizing::new(*bytes);
            let opened = Keyring::from_parts(
                Arc::clone(third.entropy()),
                suite,
                super::super::RootKey::from_bytes(copy(third.root_key().as_bytes())),
                (3, third.current_material().unwrap().1),
                [],
            );
            let early = opened
                .open_block(BlockKind::Data, &block.bytes)
                .unwrap_err();
            assert!(matches!(
                early,
                OpenError::UnknownGeneration { generation: 1, .. }
            ));
            assert_eq!(opened.needs_older(), Some(3));
            assert!(opened.add_older(2, &second_object.bytes).is_err());
            opened.add_older(3, &third_object.bytes).unwrap();
            assert_eq!(opened.needs_older(), Some(2));
            opened.add_older(2, &second_object.bytes).unwrap();
            assert_eq!(opened.needs_older(), None);
            assert_eq!(
                opened.open_block(BlockKind::Data, &block.bytes).unwrap(),
                b"old"
            );
            // A holder of the old generation reads nothing of the new one.
            let new = third
                .seal_block(BlockKind::Data, &[b"n"], BlockOptions::default())
                .unwrap();
            assert!(first.open_block(BlockKind::Data, &new.bytes).is_err());
        }
    }

    #[test]
    fn a_keyring_that_is_in_use_goes_on_to_newer_generations() {
        let keyring = keyring(Suite::XChaCha20Poly1305);
        let old = keyring
            .seal_block(BlockKind::Data, &[b"old"], BlockOptions::default())
            .unwrap();
        let (second, _) = keyring.start_generation().unwrap();
        let (third, _) = second.start_generation().unwrap();
        let material = |of: &Keyring| of.current_material().unwrap().1;
        let early = keyring.go_on_to(3, material(&third)).unwrap_err();
        assert!(matches!(
            early,
            GenerationError::OutOfOrder {
                found: 3,
                next: Some(2)
            }
        ));
        keyring.go_on_to(2, material(&second)).unwrap();
        assert!(keyring.go_on_to(2, material(&second)).is_err());
        keyring.go_on_to(3, material(&third)).unwrap();
        let new = keyring
            .seal_block(BlockKind::Data, &[b"new"], BlockOptions::default())
            .unwrap();
        assert_eq!(new.bytes[..4], 3_u32.to_le_bytes());
        assert_eq!(
            third.open_block(BlockKind::Data, &new.bytes).unwrap(),
            b"new"
        );
        assert_eq!(
            keyring.open_block(BlockKind::Data, &old.bytes).unwrap(),
            b"old"
        );
    }
}
