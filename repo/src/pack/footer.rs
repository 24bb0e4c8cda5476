//! The body of a pack's footer, as it stands in the store.

use minicbor::Decoder;
use orlop_chunker::ChunkId;

use super::ChunkPrefix;

/// The fields of a footer's body; nothing in it was checked against anything else.
///
/// Columns, because so they are stored and so they take the least memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Footer {
    pub(super) kind: u8,
    pub(super) body_hash: [u8; 32],
    pub(super) padding: u64,
    /// Stored length of each block.
    pub(super) block_lens: Vec<u32>,
    /// Number of chunks in each block.
    pub(super) block_chunks: Vec<u32>,
    pub(super) prefixes: Vec<ChunkPrefix>,
    pub(super) chunk_lens: Vec<u32>,
}

impl Footer {
    /// The body in deterministic CBOR.
    pub(super) fn encode(&self) -> Vec<u8> {
        let integers = 2 * self.block_lens.len() + self.chunk_lens.len();
        let mut body = Vec::with_capacity(96 + 5 * integers + self.prefixes.len() * 16);
        head(&mut body, MAP, 7);
        for (key, value) in [(0, u64::from(self.kind)), (2, self.padding)] {
            if key == 2 {
                head(&mut body, UINT, 1);
                head(&mut body, BYTES, 32);
                body.extend_from_slice(&self.body_hash);
            }
            head(&mut body, UINT, key);
            head(&mut body, UINT, value);
        }
        column(&mut body, 3, &self.block_lens);
        column(&mut body, 4, &self.block_chunks);
        head(&mut body, UINT, 5);
        head(
            &mut body,
            BYTES,
            (self.prefixes.len() * ChunkId::PREFIX_LEN) as u64,
        );
        body.extend_from_slice(self.prefixes.as_flattened());
        column(&mut body, 6, &self.chunk_lens);
        body
    }

    /// Reads a body; unknown keys are passed over, and what is allocated is at most four times
    /// as long as `body`.
    pub(super) fn decode(body: &[u8]) -> Result<Self, FooterError> {
        let mut reader = Reader {
            cbor: Decoder::new(body),
            len: body.len(),
        };
        let (mut kind, mut body_hash, mut padding) = (None, None, None);
        let (mut block_lens, mut block_chunks) = (None, None);
        let (mut prefixes, mut chunk_lens) = (None, None);
        let fields = reader.cbor.map().map_err(|_| reader.broken())?;
        let fields = fields.ok_or_else(|| reader.broken())?;
        let mut last = None;
        for _ in 0..fields {
            let key = reader.cbor.u64().map_err(|_| reader.broken())?;
            if last.is_some_and(|last| last >= key) {
                return Err(FooterError {
                    field: key,
                    what: "is out of order",
                });
            }
            last = Some(key);
            match key {
                0 => kind = Some(reader.cbor.u8().map_err(|_| wrong(0))?),
                1 => body_hash = Some(reader.bytes(1)?.try_into().map_err(|_| wrong(1))?),
                2 => padding = Some(reader.cbor.u64().map_err(|_| wrong(2))?),
                3 => block_lens = Some(reader.column(3)?),
                4 => block_chunks = Some(reader.column(4)?),
                5 => prefixes = Some(reader.prefixes()?),
                6 => chunk_lens = Some(reader.column(6)?),
                _ => reader.cbor.skip().map_err(|_| reader.broken())?,
            }
        }
        if reader.cbor.position() != body.len() {
            return Err(reader.broken());
        }
        Ok(Self {
            kind: kind.ok_or(absent(0))?,
            body_hash: body_hash.ok_or(absent(1))?,
            padding: padding.ok_or(absent(2))?,
            block_lens: block_lens.ok_or(absent(3))?,
            block_chunks: block_chunks.ok_or(absent(4))?,
            prefixes: prefixes.ok_or(absent(5))?,
            chunk_lens: chunk_lens.ok_or(absent(6))?,
        })
    }
}

/// A field of a footer's body is not what it must be.
#[derive(Debug, thiserror::Error)]
#[error("field {field} {what}")]
pub(super) struct FooterError {
    field: u64,
    what: &'static str,
}

const fn wrong(field: u64) -> FooterError {
    FooterError {
        field,
        what: "has the wrong type or length",
    }
}

const fn absent(field: u64) -> FooterError {
    FooterError {
        field,
        what: "is absent",
    }
}

/// Major types of CBOR, as they stand in the first byte of an item.
const UINT: u8 = 0 << 5;
const BYTES: u8 = 2 << 5;
const ARRAY: u8 = 4 << 5;
const MAP: u8 = 5 << 5;

/// Appends the shortest head of an item.
fn head(out: &mut Vec<u8>, major: u8, value: u64) {
    let bytes = value.to_le_bytes();
    let (info, width) = match value {
        // Less than 24 stands in the first byte itself.
        0..=23 => (bytes[0], 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(major | info);
    out.extend(bytes.into_iter().take(width).rev());
}

/// Appends a field that is an array of unsigned integers.
fn column(out: &mut Vec<u8>, key: u64, values: &[u32]) {
    head(out, UINT, key);
    head(out, ARRAY, values.len() as u64);
    for &value in values {
        head(out, UINT, u64::from(value));
    }
}

/// Reads fields whose lengths were not checked by anybody.
struct Reader<'b> {
    cbor: Decoder<'b>,
    len: usize,
}

impl<'b> Reader<'b> {
    /// The error for something that is no CBOR, or too much of it.
    fn broken(&self) -> FooterError {
        FooterError {
            field: self.cbor.position() as u64,
            what: "bytes into the body: no footer",
        }
    }

    fn bytes(&mut self, field: u64) -> Result<&'b [u8], FooterError> {
        self.cbor.bytes().map_err(|_| wrong(field))
    }

    fn prefixes(&mut self) -> Result<Vec<ChunkPrefix>, FooterError> {
        let (prefixes, rest) = self.bytes(5)?.as_chunks();
        if rest.is_empty() {
            Ok(prefixes.to_vec())
        } else {
            Err(wrong(5))
        }
    }

    fn column(&mut self, field: u64) -> Result<Vec<u32>, FooterError> {
        let count = self.cbor.array().ok().flatten().ok_or(wrong(field))?;
        // Every integer takes at least a byte, so a count above the bytes that are left is a lie.
        let left = self.len.saturating_sub(self.cbor.position());
        let count = usize::try_from(count).ok().filter(|&count| count <= left);
        let mut values = Vec::with_capacity(count.ok_or(wrong(field))?);
        for _ in 0..values.capacity() {
            values.push(self.cbor.u32().map_err(|_| wrong(field))?);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn footers()(
            kind: u8, body_hash: [u8; 32],
            padding in prop_oneof![0u64..30, any::<u64>()],
            block_lens in prop::collection::vec(any::<u32>(), 0..30),
            block_chunks in prop::collection::vec(0u32..300, 0..30),
            prefixes in prop::collection::vec(any::<[u8; 16]>(), 0..40),
            chunk_lens in prop::collection::vec(any::<u32>(), 0..30),
        ) -> Footer {
            Footer { kind, body_hash, padding, block_lens, block_chunks, prefixes, chunk_lens }
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(footer in footers()) {
            prop_assert_eq!(Footer::decode(&footer.encode()).unwrap(), footer);
        }

        #[test]
        fn arbitrary_bytes_are_an_error_or_a_footer(mut body in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200, footer in footers()) {
            let _ = Footer::decode(&body).is_ok();
            let mut good = footer.encode();
            good.truncate(cut);
            good.append(&mut body);
            let _ = Footer::decode(&good).is_ok();
        }
    }

    fn small() -> Footer {
        Footer {
            kind: 1,
            body_hash: [7; 32],
            padding: 500,
            block_lens: vec![100],
            block_chunks: vec![1],
            prefixes: vec![[9; 16]],
            chunk_lens: vec![70_000],
        }
    }

    #[test]
    fn the_encoding_is_that_of_the_format() {
        let mut expected = vec![0xa7, 0, 1, 1, 0x58, 32];
        expected.extend([7; 32]);
        expected.extend([2, 0x19, 0x01, 0xf4, 3, 0x81, 0x18, 100, 4, 0x81, 1, 5, 0x50]);
        expected.extend([9; 16]);
        expected.extend([6, 0x81, 0x1a, 0x00, 0x01, 0x11, 0x70]);
        assert_eq!(small().encode(), expected);
    }

    #[test]
    fn every_prefix_of_a_footer_is_refused() {
        let body = small().encode();
        for cut in 0..body.len() {
            assert!(Footer::decode(&body[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_count_that_the_body_cannot_hold_is_refused_before_it_is_allocated() {
        let mut body = vec![0xa1, 3, 0x9b];
        body.extend([0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert!(Footer::decode(&body).is_err());
    }

    #[test]
    fn keys_of_later_versions_are_passed_over() {
        let mut body = small().encode();
        body[0] = 0xa8;
        body.extend([0x18, 99, 0x82, 1, 0x41, 2]);
        assert_eq!(Footer::decode(&body).unwrap(), small());
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let mut body = small().encode();
        body[0] = 0xa8;
        body.extend([6, 0x80]);
        assert!(Footer::decode(&body).is_err());
    }
}
