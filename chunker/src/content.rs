//! Cutting by content.

use fastcdc::v2020::{cut_gear, select_masks};

use crate::{CutParams, GearTable, Suite};

/// Cuts where the content says so: `FastCDC` of 2020 under the repository's secret gear table.
///
/// A cut depends on the bytes since the previous cut and on nothing else, so inserted or removed
/// bytes move the cuts around them and the rest falls where it fell before. Cheap to make and to
/// copy: any number of files may be cut at the same time under one table.
#[derive(Clone, Copy)]
pub struct Cutter<'a> {
    table: &'a GearTable,
    min: usize,
    avg: usize,
    max: usize,
    /// Asked of the hash below the average length: more bits, so fewer short chunks.
    strict: u64,
    /// Asked above the average: fewer bits, so fewer long chunks.
    relaxed: u64,
}

impl<'a> Cutter<'a> {
    /// Makes a cutter for one suite, table and set of lengths, all three fixed per repository.
    pub fn new(suite: Suite, table: &'a GearTable, params: CutParams) -> Self {
        let [min, avg, max] =
            [params.min(), params.avg(), params.max()].map(|length| length as usize);
        // The average is a power of two, so the logarithm taken inside is exact on every platform.
        let (strict, relaxed) = select_masks(avg, suite.normalization());
        Self {
            table,
            min,
            avg,
            max,
            strict,
            relaxed,
        }
    }

    /// Length in bytes of the chunk that `data` begins with.
    ///
    /// `data` starts at the previous cut, `eof` tells that the file ends with it. `None` asks for
    /// more bytes: fewer than the longest chunk are there and the file goes on. At the end `None`
    /// means that nothing is left. However the reads are split, the cuts are the same.
    pub fn next_cut(&self, data: &[u8], eof: bool) -> Option<usize> {
        if data.is_empty() || (data.len() < self.max && !eof) {
            return None;
        }
        let (_hash, length) = cut_gear(
            data,
            self.min,
            self.avg,
            self.max,
            self.strict,
            self.relaxed,
            self.strict << 1,
            self.relaxed << 1,
            self.table.gear(),
            self.table.shifted(),
        );
        Some(length)
    }

    /// Longest chunk in bytes: what a buffer must be able to hold.
    pub const fn max_len(&self) -> usize {
        self.max
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, one byte a step: what the two-byte scan must agree with.
    fn plain_cut(cutter: &Cutter<'_>, data: &[u8]) -> usize {
        let end = data.len().min(cutter.max);
        let mut hash = 0_u64;
        // The scan tests pairs, so the last byte of an odd end is never a candidate.
        for (at, byte) in data.iter().enumerate().take(end & !1).skip(cutter.min) {
            hash = (hash << 1).wrapping_add(cutter.table.gear()[usize::from(*byte)]);
            let mask = if at < cutter.avg {
                cutter.strict
            } else {
                cutter.relaxed
            };
            if hash & mask == 0 {
                return at;
            }
        }
        end
    }

    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut data = vec![0; length];
        blake3::Hasher::new()
            .update(&seed.to_le_bytes())
            .finalize_xof()
            .fill(&mut data);
        data
    }

    /// Offsets of all cuts of a whole file, its end included.
    fn cuts(cutter: &Cutter<'_>, data: &[u8]) -> Vec<usize> {
        let mut ends = Vec::new();
        let mut at = 0;
        while let Some(length) = cutter.next_cut(&data[at..], true) {
            at += length;
            ends.push(at);
        }
        ends
    }

    fn params() -> CutParams {
        CutParams::new(256, 1024, 4096).unwrap()
    }

    #[test]
    fn masks_lose_no_bit_when_shifted() {
        let table = GearTable::new(&[1; 32]);
        for bits in 8..=20 {
            let params = CutParams::new(64, 1 << bits, crate::MAX_CHUNK_LEN).unwrap();
            let cutter = Cutter::new(Suite::FastCdc2020, &table, params);
            assert_eq!(cutter.strict << 1 >> 1, cutter.strict);
            assert_eq!(cutter.relaxed << 1 >> 1, cutter.relaxed);
            assert!(cutter.strict.count_ones() > cutter.relaxed.count_ones());
        }
    }

    #[test]
    fn two_keys_cut_differently() {
        let data = noise(1, 256 << 10);
        let (one, other) = (GearTable::new(&[1; 32]), GearTable::new(&[2; 32]));
        let one = cuts(&Cutter::new(Suite::FastCdc2020, &one, params()), &data);
        let other = cuts(&Cutter::new(Suite::FastCdc2020, &other, params()), &data);
        let shared = one.iter().filter(|end| other.contains(end)).count();
        // The end of the file is always shared; more is chance.
        assert!(shared < 10, "{shared} of {} cuts are the same", one.len());
    }

    #[test]
    fn mean_length_is_near_the_average() {
        let table = GearTable::new(&[1; 32]);
        let data = noise(2, 4 << 20);
        let count = cuts(&Cutter::new(Suite::FastCdc2020, &table, params()), &data).len();
        let mean = data.len() / count;
        assert!(
            (900..1500).contains(&mean),
            "mean of {mean} bytes for an average of 1024"
        );
    }

    #[test]
    fn zeros_are_cut_at_the_maximum() {
        let table = GearTable::new(&[1; 32]);
        let cutter = Cutter::new(Suite::FastCdc2020, &table, params());
        assert_eq!(cuts(&cutter, &[0; 10_000]), [4096, 8192, 10_000]);
    }

    proptest! {
           #![proptest_config(ProptestConfig::with_cases(64))]

           #[test]
           fn chunks_are_contiguous_covering_and_within_bounds(
               seed: u64,
               length in prop_oneof![Just(0), Just(1), 250_usize..260, 4090_usize..4100, 0_usize..60_000],
           ) {
               let table = GearTable::new(&[5; 32]);
               let cutter = Cutter::new(Suite::FastCdc2020, &table, params());
               let data = noise(seed, length);
               let ends = cuts(&cutter, &data);
               prop_assert_eq!(ends.last().copied().unwrap_or(0), length);
               let mut start = 0;
               for (i, end) in ends.iter().enumerate() {
                   let chunk = end - start;
                   prop_assert!(chunk <= 4096);
                   prop_assert!(chunk >= 256 || (i + 1 == ends.len() && chunk > 0));
                   start = *end;
               }
           }

           #[test]
           fn fast_scan_cuts_where_the_plain_scan_does(
               seed: u64,
               length in 1_usize..9000,
               letters in 1_u8..=255,
           ) {
               let table = GearTable::new(&seed.to_le_bytes().repeat(4).try_into().unwrap());
               let cutter = Cutter::new(Suite::FastCdc2020, &table, params());
               let mut data = noise(seed, length);
               for byte in &mut data {
    *byte %= letters;
    }
               prop_assert_eq!(cutter.next_cut(&data, true), Some(plain_cut(&cutter, &data)));
           }

           #[test]
           fn a_local_edit_moves_few_cuts(
               seed: u64,
               at in 0_usize..200_000,
               removed in 0_usize..50,
               inserted in 1_usize..50,
           ) {
               let table = GearTable::new(&[5; 32]);
               let cutter = Cutter::new(Suite::FastCdc2020, &table, params());
               let before = noise(seed, 256 << 10);
               let mut after = before.clone();
               after.splice(at..at + removed, noise(!seed, inserted));

               let ends = cuts(&cutter, &before);
               let moved = after.len().wrapping_sub(before.len());
               let same = cuts(&cutter, &after)
                   .into_iter()
                   .filter(|end| ends.contains(end) || ends.contains(&end.wrapping_sub(moved)))
                   .count();
               // The cut of a chunk that saw the edit, and the few until both sides meet again.
               prop_assert!(ends.len() - same.min(ends.len()) <= 16, "{same} of {}", ends.len());
           }
       }
}
