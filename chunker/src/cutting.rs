//! One way to cut a file, whichever it is.

use crate::{Cutter, FixedCutter};

/// Longest file in bytes that is one chunk without being looked at: 64 KiB.
///
/// It is also the block length of [`Cutting::Whole`], so a file that grew while it was read is cut
/// there and no buffer grows with it.
pub const WHOLE_MAX: u32 = 64 << 10;

/// How a file is cut; decided once for each file by its class and recorded.
#[derive(Clone, Copy)]
pub enum Cutting<'a> {
    /// By content: general files, where bytes may be inserted and removed.
    Content(Cutter<'a>),
    /// At aligned offsets: files made of pages, block devices.
    Fixed(FixedCutter),
    /// Not at all: files of at most [`WHOLE_MAX`].
    Whole,
}

impl Cutting<'_> {
    /// Length in bytes of the chunk that `data` begins with, for a file read without gaps.
    ///
    /// `data` starts at the previous cut (the first time: at the start of the file), `eof` tells
    /// that the file ends with it. `None` asks for more bytes, and at the end of the file means
    /// that nothing is left. A result is at least 1 and at most `data.len()`. The cuts are the same
    /// however the reads are split; [`Cutting::max_len`] bytes are always enough for one.
    ///
    /// After a hole, call [`Cutting::next_cut_at`] instead.
    pub fn next_cut(&self, data: &[u8], eof: bool) -> Option<usize> {
        self.next_cut_at(0, data, eof)
    }

    /// Like [`Cutting::next_cut`], where `data` starts at `offset` of the file.
    ///
    /// Only [`Cutting::Fixed`] looks at it: the next cut is at the next multiple of its length, so
    /// that data behind a hole is aligned as it would be without one. `eof` then tells that the
    /// file ends or that a hole follows.
    pub fn next_cut_at(&self, offset: u64, data: &[u8], eof: bool) -> Option<usize> {
        match self {
            Self::Content(cutter) => cutter.next_cut(data, eof),
            Self::Fixed(cutter) => cutter.next_cut_at(offset, data, eof),
            Self::Whole => {
                let limit = WHOLE_MAX as usize;
                let ready = !data.is_empty() && (eof || data.len() >= limit);
                ready.then(|| data.len().min(limit))
            }
        }
    }

    /// Longest chunk in bytes, which is also how much a reader must be able to buffer.
    pub const fn max_len(&self) -> usize {
        match self {
            Self::Content(cutter) => cutter.max_len(),
            Self::Fixed(cutter) => cutter.length() as usize,
            Self::Whole => WHOLE_MAX as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{CutParams, GearTable, Suite};

    fn all(table: &GearTable) -> [Cutting<'_>; 3] {
        let params = CutParams::new(128, 512, 2048).unwrap();
        [
            Cutting::Content(Cutter::new(Suite::DEFAULT, table, params)),
            Cutting::Fixed(FixedCutter::new(1000).unwrap()),
            Cutting::Whole,
        ]
    }

    /// Cuts a file that arrives in reads of the given sizes, over and over, as a pipeline does.
    fn cut_in_reads(cutting: &Cutting<'_>, data: &[u8], reads: &[usize]) -> Vec<usize> {
        let mut sizes = reads.iter().cycle();
        let (mut start, mut read) = (0, 0);
        let mut ends = Vec::new();
        loop {
            let eof = read == data.len();
            if let Some(length) = cutting.next_cut_at(start as u64, &data[start..read], eof) {
                assert!((1..=cutting.max_len()).contains(&length));
                start += length;
                ends.push(start);
            } else if eof {
                return ends;
            } else {
                assert!(
                    read - start < cutting.max_len(),
                    "a full buffer must give a cut"
                );
                read = data.len().min(read + sizes.next().unwrap());
            }
        }
    }

    #[test]
    fn a_small_file_is_one_chunk_and_a_grown_one_is_cut_at_the_limit() {
        let limit = WHOLE_MAX as usize;
        assert_eq!(Cutting::Whole.next_cut(&vec![1; limit - 1], false), None);
        assert_eq!(
            Cutting::Whole.next_cut(&vec![1; limit - 1], true),
            Some(limit - 1)
        );
        assert_eq!(
            Cutting::Whole.next_cut(&vec![1; limit + 9], true),
            Some(limit)
        );
        assert_eq!(Cutting::Whole.next_cut(&[], true), None);
    }

    #[test]
    fn blocks_behind_a_hole_are_aligned_to_the_file() {
        let table = GearTable::new(&[1; 32]);
        let [content, fixed, whole] = all(&table);
        let data = [7; 5000];
        assert_eq!(fixed.next_cut_at(4300, &data, true), Some(700));
        assert_eq!(
            content.next_cut_at(4300, &data, true),
            content.next_cut(&data, true)
        );
        assert_eq!(whole.next_cut_at(4300, &data, true), Some(5000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn cuts_do_not_depend_on_the_size_of_reads(
            data in prop::collection::vec(any::<u8>(), 0..20_000),
            zeros in 0_usize..5000,
            reads in prop::collection::vec(
                prop_oneof![Just(1_usize), Just(2047), Just(2048), Just(2049), 1_usize..10_000],
                1..6,
            ),
        ) {
            let mut data = data;
            data.extend(vec![0; zeros]);
            let table = GearTable::new(&[9; 32]);
            for cutting in all(&table) {
                let at_once = cut_in_reads(&cutting, &data, &[data.len().max(1)]);
                prop_assert_eq!(at_once.last().copied().unwrap_or(0), data.len());
                prop_assert_eq!(cut_in_reads(&cutting, &data, &reads), at_once);
            }
        }
    }
}
