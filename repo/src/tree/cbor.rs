//! The few forms of CBOR that pages use: a writer that cannot fail, and bounded readers.

use minicbor::Decoder;

use super::page_error::PageError;

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const ARRAY: u8 = 4;
const MAP: u8 = 5;

/// Appends deterministic CBOR (RFC 8949, 4.2.1) to a buffer.
pub(super) struct Writer<'b>(pub(super) &'b mut Vec<u8>);

impl Writer<'_> {
    /// Type and shortest form of an argument.
    #[expect(clippy::big_endian_bytes, reason = "CBOR is big-endian")]
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        let bytes = argument.to_be_bytes();
        let (info, start) = match argument {
            0..24 => {
                self.0.push(major | bytes[7]);
                return;
            }
            24..0x100 => (0x18, 7),
            0x100..0x1_0000 => (0x19, 6),
            0x1_0000..0x1_0000_0000 => (0x1a, 4),
            _ => (0x1b, 0),
        };
        self.0.push(major | info);
        self.0
            .extend_from_slice(bytes.get(start..).unwrap_or_default());
    }

    pub(super) fn uint(&mut self, value: impl Into<u64>) -> &mut Self {
        self.head(UINT, value.into());
        self
    }

    pub(super) fn int(&mut self, value: i64) -> &mut Self {
        match u64::try_from(value) {
            Ok(value) => self.head(UINT, value),
            // CBOR writes a negative n as -1 - n, which is the complement.
            Err(_) => self.head(NEGATIVE, (!value).cast_unsigned()),
        }
        self
    }

    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.head(BYTES, value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn array(&mut self, len: usize) -> &mut Self {
        self.head(ARRAY, len as u64);
        self
    }

    pub(super) fn map(&mut self, len: usize) -> &mut Self {
        self.head(MAP, len as u64);
        self
    }
}

/// Length of a byte string of `len` bytes with its head.
pub(super) const fn bytes_len(len: usize) -> usize {
    len + match len {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        _ => 9,
    }
}

/// Reads the length of an array whose items take at least `item` bytes each. The bytes that
/// remain bound it, so it may be allocated.
pub(super) fn array_len(d: &mut Decoder<'_>, item: usize) -> Result<usize, PageError> {
    let claimed = d.array()?.ok_or(PageError::Indefinite)?;
    bounded(d, claimed, item)
}

/// Reads the number of pairs of a map, likewise.
pub(super) fn map_len(d: &mut Decoder<'_>) -> Result<usize, PageError> {
    let claimed = d.map()?.ok_or(PageError::Indefinite)?;
    bounded(d, claimed, 2)
}

fn bounded(d: &Decoder<'_>, claimed: u64, item: usize) -> Result<usize, PageError> {
    let remaining = d.input().len().saturating_sub(d.position());
    usize::try_from(claimed)
        .ok()
        .filter(|&len| len <= remaining / item)
        .ok_or(PageError::Count { claimed, remaining })
}

/// Reads the head of an array of exactly `len` items.
pub(super) fn expect_array(d: &mut Decoder<'_>, len: u64) -> Result<(), PageError> {
    match d.array()? {
        Some(found) if found == len => Ok(()),
        Some(found) => Err(PageError::Items {
            found,
            expected: len,
        }),
        None => Err(PageError::Indefinite),
    }
}

/// Reads a byte string of exactly `N` bytes.
pub(super) fn fixed<const N: usize>(d: &mut Decoder<'_>) -> Result<[u8; N], PageError> {
    let bytes = d.bytes()?;
    bytes.try_into().map_err(|_| PageError::Items {
        found: bytes.len() as u64,
        expected: N as u64,
    })
}

/// Reads a map key, which must be above the one before it: a key stands once.
pub(super) fn ascending_key(d: &mut Decoder<'_>, last: &mut Option<u64>) -> Result<u64, PageError> {
    let key = d.u64()?;
    if last.is_some_and(|last| key <= last) {
        return Err(PageError::MapOrder { key });
    }
    *last = Some(key);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_writer_agrees_with_another_encoder(
            shift in 0u32..64, unsigned: u64, signed: i64, bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let (unsigned, signed) = (unsigned >> shift, signed >> shift);
            let mut ours = Vec::new();
            Writer(&mut ours).map(bytes.len()).uint(unsigned).int(signed).bytes(&bytes).array(bytes.len());
            let mut theirs = minicbor::Encoder::new(Vec::new());
            theirs.map(bytes.len() as u64).unwrap().u64(unsigned).unwrap().i64(signed).unwrap()
                .bytes(&bytes).unwrap().array(bytes.len() as u64).unwrap();
            prop_assert_eq!(&ours, theirs.writer());
            let mut string = Vec::new();
            Writer(&mut string).bytes(&bytes);
            prop_assert_eq!(string.len(), bytes_len(bytes.len()));
        }
    }
}
