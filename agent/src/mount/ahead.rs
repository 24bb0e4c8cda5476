//! How far to read ahead of whoever reads a file from its beginning to its end.

use std::ops::Range;

/// Reads that are not further than this from where the last one ended go on from there: the kernel
/// asks for several pieces at once, in any order.
const NEAR: u64 = 2 << 20;
/// Bytes in a row after which a reader is believed to go on.
const BELIEVED: u64 = 256 << 10;

/// How a file is being read.
#[derive(Default)]
pub(super) struct Ahead {
    /// Where the furthest read ended.
    end: u64,
    /// Bytes that were read in a row.
    row: u64,
    /// Up to where blocks were asked for.
    asked: u64,
}

impl Ahead {
    /// Notes a read of `len` bytes at `offset`; gives what should be fetched now, at most `most`
    /// bytes ahead.
    ///
    /// It is as much as was read in a row, twice, and then more only when half of that is used up,
    /// so that requests are large.
    pub(super) fn note(&mut self, offset: u64, len: u64, most: u64) -> Option<Range<u64>> {
        let end = offset.saturating_add(len);
        if offset.abs_diff(self.end) > NEAR {
            *self = Self {
                end,
                row: 0,
                asked: end,
            };
        }
        self.end = self.end.max(end);
        self.row = self.row.saturating_add(len);
        if self.row < BELIEVED {
            return None;
        }
        let ahead = self.row.saturating_mul(2).min(most);
        let from = self.asked.max(self.end);
        if from - self.end > ahead / 2 {
            return None;
        }
        self.asked = self.end.saturating_add(ahead);
        (from < self.asked).then_some(from..self.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;

    #[test]
    fn a_reader_in_order_is_read_ahead_of_without_gaps() {
        let mut ahead = Ahead::default();
        let (mut asked, mut requests) = (0, 0);
        for offset in (0..64 << 20).step_by(128 << 10) {
            if let Some(range) = ahead.note(offset, 128 * KIB, 16 << 20) {
                assert!(asked == 0 || range.start == asked, "{range:?} {asked}");
                assert!(range.end <= offset + 128 * KIB + (16 << 20));
                asked = range.end;
                requests += 1;
            }
            assert!(offset < 256 * KIB || asked > offset + 128 * KIB);
        }
        assert!((8..30).contains(&requests), "{requests}");
    }

    #[test]
    fn pieces_out_of_order_are_one_row() {
        let mut ahead = Ahead::default();
        let mut found = 0;
        for piece in [1, 0, 3, 2, 5, 4, 7, 6] {
            found += u32::from(ahead.note(piece * 128 * KIB, 128 * KIB, 16 << 20).is_some());
        }
        assert!(found > 0);
    }

    #[test]
    fn a_reader_who_jumps_is_not_read_ahead_of() {
        let mut ahead = Ahead::default();
        for jump in 0..100 {
            let offset = (jump * 7919 % 100) * (64 << 20);
            assert_eq!(ahead.note(offset, 128 * KIB, 16 << 20), None);
        }
        // Nor at the end of all numbers.
        ahead.note(u64::MAX - 5, u64::MAX, u64::MAX);
    }
}
