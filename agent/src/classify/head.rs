//! Numbers at offsets of bytes that may be short, hostile or both.

/// The first bytes of a file; whatever lies behind them is absent, not an error.
#[derive(Clone, Copy)]
pub(super) struct Head<'a>(pub(super) &'a [u8]);

impl<'a> Head<'a> {
    /// Tells whether `wanted` stands at `offset`.
    pub(super) fn has(self, offset: usize, wanted: &[u8]) -> bool {
        self.0
            .get(offset..)
            .is_some_and(|rest| rest.starts_with(wanted))
    }

    pub(super) fn byte(self, offset: usize) -> Option<u8> {
        self.0.get(offset).copied()
    }

    pub(super) fn le16(self, offset: usize) -> Option<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(super) fn le32(self, offset: usize) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    /// Big-endian, as `SQLite`, `InnoDB`, XFS and qcow2 write.
    pub(super) fn be16(self, offset: usize) -> Option<u16> {
        self.array(offset).map(u16::from_be_bytes)
    }

    pub(super) fn be32(self, offset: usize) -> Option<u32> {
        self.array(offset).map(u32::from_be_bytes)
    }

    /// The complete pages of a length, which must not be 0.
    pub(super) fn pages(self, length: usize) -> impl Iterator<Item = Head<'a>> {
        self.0.chunks_exact(length).map(Head)
    }

    fn array<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_their_order_of_bytes() {
        let head = Head(&[1, 2, 3, 4, 5]);
        assert_eq!(head.le16(1), Some(0x0302));
        assert_eq!(head.be16(1), Some(0x0203));
        assert_eq!(head.le32(1), Some(0x0504_0302));
        assert_eq!(head.be32(0), Some(0x0102_0304));
        assert!(head.has(3, &[4, 5]));
    }

    #[test]
    fn what_lies_behind_the_end_is_absent() {
        let head = Head(&[1, 2, 3, 4, 5]);
        assert_eq!(head.byte(5), None);
        assert_eq!(head.le16(4), None);
        assert_eq!(head.be32(2), None);
        assert_eq!(head.le32(usize::MAX), None);
        assert!(!head.has(4, &[5, 6]));
        assert_eq!(head.pages(2).count(), 2);
    }
}

/// Heads of files, written down as the few bytes that matter.
#[cfg(test)]
pub(super) mod fixture {
    /// Bytes from hexadecimal.
    pub(crate) fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    /// Zeros with bytes at offsets.
    pub(crate) fn patched(length: usize, places: &[(usize, &str)]) -> Vec<u8> {
        let mut head = vec![0; length];
        for (offset, text) in places {
            let bytes = bytes(text);
            head[*offset..offset + bytes.len()].copy_from_slice(&bytes);
        }
        head
    }
}
