//! The classes, and the question that gives one.

use orlop_chunker::{Cutter, Cutting, GearTable, Suite, WHOLE_MAX};
use orlop_repo::cuts::Cuts;
use orlop_repo::tree::FileClass;

use super::head::Head;
use super::{database, dense, image};

/// How many bytes of a file [`classify`] wants to see: 64 KiB for whatever stands there (a second
/// page of the largest page size, the superblock of btrfs) and 8 KiB of it.
pub const HEAD_LEN: usize = (64 << 10) + (8 << 10);

/// How a file is cut, as its tree entry records it (FORMAT.md section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// By content. Bytes may be inserted and removed anywhere.
    General,
    /// Aligned blocks of a fixed length: disk images and devices. They never shift.
    Paged,
    /// One chunk, since the file is no longer than [`WHOLE_MAX`].
    Whole,
    /// Aligned blocks of a smaller fixed length: databases, whose pages are rewritten at random.
    Database,
    /// By content, in longer chunks: what does not compress, so archives, pictures, films.
    Dense,
}

impl Class {
    /// What is recorded for it.
    pub const fn recorded(self) -> FileClass {
        match self {
            Self::General => FileClass::General,
            Self::Paged => FileClass::Paged,
            Self::Whole => FileClass::Whole,
            Self::Database => FileClass::Database,
            Self::Dense => FileClass::Dense,
        }
    }

    /// The class that was recorded. `None` if a newer version wrote it: the file can be restored,
    /// since its content is a list of chunks all the same; for a backup it is classified anew.
    pub const fn from_recorded(class: FileClass) -> Option<Self> {
        Some(match class {
            FileClass::General => Self::General,
            FileClass::Paged => Self::Paged,
            FileClass::Whole => Self::Whole,
            FileClass::Database => Self::Database,
            FileClass::Dense => Self::Dense,
            FileClass::Unknown(_) => return None,
        })
    }

    /// How to cut a file of this class in a repository that cuts by `suite`, `table` and `cuts`.
    pub fn cutting<'a>(self, suite: Suite, table: &'a GearTable, cuts: &Cuts) -> Cutting<'a> {
        match self {
            Self::General => Cutting::Content(Cutter::new(suite, table, cuts.general)),
            Self::Dense => Cutting::Content(Cutter::new(suite, table, cuts.dense)),
            Self::Paged => Cutting::Fixed(cuts.paged),
            Self::Database => Cutting::Fixed(cuts.database),
            Self::Whole => Cutting::Whole,
        }
    }

    /// The class of a file that an earlier snapshot knows by `old` and `old_size`, and that looks
    /// like `self` now, with `size` bytes.
    ///
    /// Cut another way, everything in it is stored once more. That is paid only when pages are
    /// found in a file of which the larger part is new.
    #[must_use]
    pub fn after(self, old: Self, old_size: u64, size: u64) -> Self {
        let pages_found = matches!(self, Self::Database | Self::Paged)
            && matches!(old, Self::General | Self::Dense);
        if old == Self::Whole || self == Self::Whole || (pages_found && size / 2 >= old_size) {
            self
        } else {
            old
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
    if database::is_paged(bytes, size) {
        Class::Database
    } else if image::is_paged(name, size, bytes) {
        Class::Paged
    } else if dense::is_dense(head) {
        Class::Dense
    } else {
        Class::General
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Class; 5] = [
        Class::General,
        Class::Paged,
        Class::Whole,
        Class::Database,
        Class::Dense,
    ];

    #[test]
    fn what_is_recorded_leads_back_to_the_class() {
        for class in ALL {
            assert_eq!(Class::from_recorded(class.recorded()), Some(class));
        }
        assert_eq!(Class::from_recorded(FileClass::Unknown(9)), None);
    }

    #[test]
    fn each_class_is_cut_its_own_way() {
        let table = GearTable::new(&[1; 32]);
        let cuts = Cuts::DEFAULT;
        let longest = |class: Class| class.cutting(Suite::DEFAULT, &table, &cuts).max_len();
        let longest = ALL.map(longest);
        assert_eq!(longest, [256 << 10, 64 << 10, 64 << 10, 16 << 10, 1 << 20]);
    }

    #[test]
    fn a_known_file_changes_its_class_only_where_most_of_it_is_new() {
        use Class::{Database, Dense, General, Paged, Whole};
        for old in [General, Dense, Paged, Database] {
            for now in [General, Dense] {
                assert_eq!(now.after(old, 100_000, 10_000_000), old, "{old:?} {now:?}");
            }
        }
        assert_eq!(Database.after(General, 100_000, 200_000), Database);
        assert_eq!(Database.after(General, 100_001, 200_000), General);
        assert_eq!(Paged.after(Database, 100_000, 900_000), Database);
        assert_eq!(General.after(Whole, 60_000, 70_000), General);
        assert_eq!(Whole.after(Database, 100_000, 10), Whole);
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
        fn noise_is_dense(size: u64, seed: [u8; 32]) {
            let mut head = vec![0; HEAD_LEN];
            blake3::Hasher::new().update(&seed).finalize_xof().fill(&mut head);
            let expected = if size <= 65_536 { Class::Whole } else { Class::Dense };
            prop_assert_eq!(classify(b"noise", size, &head), expected);
        }
    }
}
