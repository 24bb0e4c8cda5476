//! The classes, and the question that gives one.

use orlop_chunker::{Cutter, Cutting, FixedCutter, WHOLE_MAX};

use super::head::Head;
use super::{database, image};

/// How many bytes of a file [`classify`] wants to see: 64 KiB for whatever stands there (a second
/// page of the largest page size, the superblock of btrfs) and 8 KiB of it.
pub const HEAD_LEN: usize = (64 << 10) + (8 << 10);

/// How a file is cut, as its tree entry records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Number 0: by content. Bytes may be inserted and removed anywhere.
    General,
    /// Number 1: aligned blocks of a fixed length. Pages are rewritten in place and never shift.
    Paged,
    /// Number 2: one chunk, since the file is no longer than [`WHOLE_MAX`].
    Whole,
}

/// The number names no class that this build knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("file class {found} is not known")]
pub struct UnknownClass {
    /// The number that was recorded.
    pub found: u8,
}

impl Class {
    /// The number that the format knows the class by.
    pub const fn number(self) -> u8 {
        match self {
            Self::General => 0,
            Self::Paged => 1,
            Self::Whole => 2,
        }
    }

    /// Looks a recorded number up.
    ///
    /// # Errors
    ///
    /// [`UnknownClass`]: a newer version wrote the entry. The file can be restored, since its
    /// content is a list of chunks all the same; for a backup it is classified anew.
    pub const fn from_number(number: u8) -> Result<Self, UnknownClass> {
        match number {
            0 => Ok(Self::General),
            1 => Ok(Self::Paged),
            2 => Ok(Self::Whole),
            found => Err(UnknownClass { found }),
        }
    }

    /// How to cut a file of this class with the repository's cutters.
    pub const fn cutting(self, content: Cutter<'_>, paged: FixedCutter) -> Cutting<'_> {
        match self {
            Self::General => Cutting::Content(content),
            Self::Paged => Cutting::Fixed(paged),
            Self::Whole => Cutting::Whole,
        }
    }
}

/// Decides the class of a regular file that no earlier snapshot knows.
///
/// `name` is the last component of its path, `size` its length in bytes, `head` its first
/// [`HEAD_LEN`] bytes or all of it. Up to [`WHOLE_MAX`] bytes `head` is not looked at and may be
/// empty. A block device is always [`Class::Paged`] and need not be asked about.
///
/// Where in doubt the answer is [`Class::General`], which is never wrong, only dearer for a file
/// that is rewritten in place: on a `PostgreSQL` folder of 157 MiB with a random eighth of its
/// pages changed, blocks of 64 KiB store 103 MiB again and content of 64 KiB on average 128 MiB.
///
/// Write-ahead logs stay general on purpose. They are written in sequence, so only what was written
/// is stored again either way (`PostgreSQL`, 144 MiB of segments: 40.0 MiB fixed, 40.3 MiB by
/// content); content-defined chunks are fewer (1461 against 2304) and also match a segment that was
/// recycled under another name or copied to an archive behind a header.
pub fn classify(name: &[u8], size: u64, head: &[u8]) -> Class {
    if size <= u64::from(WHOLE_MAX) {
        return Class::Whole;
    }
    let bytes = Head(head);
    if database::is_paged(bytes, size) || image::is_paged(name, size, bytes) {
        Class::Paged
    } else {
        Class::General
    }
}

#[cfg(test)]
mod tests {
    use orlop_chunker::{CutParams, GearTable, Suite};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_lead_back_to_their_class() {
        for (number, class) in [(0, Class::General), (1, Class::Paged), (2, Class::Whole)] {
            assert_eq!(class.number(), number);
            assert_eq!(Class::from_number(number), Ok(class));
        }
        assert_eq!(Class::from_number(3), Err(UnknownClass { found: 3 }));
    }

    #[test]
    fn each_class_is_cut_its_own_way() {
        let table = GearTable::new(&[1; 32]);
        let content = Cutter::new(Suite::DEFAULT, &table, CutParams::DEFAULT);
        let cut = |class: Class| class.cutting(content, FixedCutter::PAGED);
        assert!(matches!(cut(Class::General), Cutting::Content(_)));
        assert!(matches!(
            cut(Class::Paged),
            Cutting::Fixed(FixedCutter::PAGED)
        ));
        assert!(matches!(cut(Class::Whole), Cutting::Whole));
    }

    #[test]
    fn small_files_are_whole_whatever_they_hold() {
        assert_eq!(classify(b"a", 0, b""), Class::Whole);
        assert_eq!(
            classify(b"a.db", 64 << 10, b"SQLite format 3\0\x10\x00"),
            Class::Whole
        );
        assert_eq!(classify(b"a", (64 << 10) + 1, b""), Class::General);
    }

    #[test]
    fn text_and_zeros_are_general() {
        assert_eq!(
            classify(b"log.txt", 1 << 30, &b"a line\n".repeat(10_000)),
            Class::General
        );
        assert_eq!(
            classify(b"16397", 1 << 30, &vec![0; HEAD_LEN]),
            Class::General
        );
    }

    proptest! {
        #[test]
        fn noise_is_general(size: u64, seed: [u8; 32], length in 0_usize..HEAD_LEN) {
            let mut head = vec![0; length];
            blake3::Hasher::new().update(&seed).finalize_xof().fill(&mut head);
            let expected = if size <= 65_536 { Class::Whole } else { Class::General };
            prop_assert_eq!(classify(b"noise", size, &head), expected);
        }
    }
}
