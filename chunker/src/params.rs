//! The lengths between which content is cut.

use fastcdc::v2020 as cdc;

/// Longest chunk that the format knows, in bytes: 1 MiB, the plaintext of one block.
///
/// A reader bounds every recorded chunk length by it before it allocates.
pub const MAX_CHUNK_LEN: u32 = 1 << 20;

/// Shortest, wanted and longest chunk in bytes, known to be sound.
///
/// Recorded in the repository: other lengths cut elsewhere, and then nothing deduplicates against
/// what was stored before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CutParams {
    min: u32,
    avg: u32,
    max: u32,
}

/// The lengths are refused; nothing was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CutParamsError {
    /// A length is outside what the cutter or the format can hold.
    #[error("{what} chunk length of {found} bytes is outside {least} to {most}")]
    OutOfRange {
        /// Which of the three lengths.
        what: &'static str,
        /// What was asked for, in bytes.
        found: u32,
        /// Smallest allowed, in bytes.
        least: u32,
        /// Largest allowed, in bytes.
        most: u32,
    },
    /// The scan takes two bytes a step, so an odd length would move the bound by one.
    #[error("{what} chunk length of {found} bytes is odd")]
    Odd {
        /// Which of the three lengths.
        what: &'static str,
        /// What was asked for, in bytes.
        found: u32,
    },
    /// The masks exist for powers of two only; anything else would be rounded silently.
    #[error("average chunk length of {found} bytes is not a power of two")]
    AverageNotPowerOfTwo {
        /// What was asked for, in bytes.
        found: u32,
    },
    /// The three lengths are not in ascending order.
    #[error("chunk lengths are not in order: {min} (min), {avg} (avg), {max} (max)")]
    NotAscending {
        /// Shortest chunk, in bytes.
        min: u32,
        /// Wanted chunk, in bytes.
        avg: u32,
        /// Longest chunk, in bytes.
        max: u32,
    },
}

impl CutParams {
    /// What a new repository takes: 16 KiB, 64 KiB and 256 KiB.
    ///
    /// Measured with `examples/curve.rs`: bytes of the second version stored again, in percent, by
    /// the average in KiB.
    ///
    /// | data, two versions of it | 32 | 64 | 128 | 256 | 512 |
    /// |---|---|---|---|---|---|
    /// | made: 16 files of 8 MiB, half of them with 20 edits each | 4.7 | 8.2 | 15.8 | 25.9 | 38.5 |
    /// | 121 source archives of two releases, 132 MiB | 59 | 69 | 76 | 83 | 87 |
    /// | SQL dump of 92 MiB, 2000 rows changed at random | 77 | 93 | 99 | 100 | 100 |
    /// | write-ahead log of that database, 145 MiB | 28 | 28 | 28 | 28 | 31 |
    ///
    /// Smaller is better for the bytes, at 100 bytes of metadata a chunk too (0.2% of the data at 64
    /// KiB). What stops at 64 KiB is the number of index entries, which then is the one that files
    /// cut at [`FixedCutter::PAGED`](crate::FixedCutter::PAGED) already ask for: 100 million chunks
    /// are 7 TB or more. A minimum of avg/2 or a maximum of 8 avg changed none of the last three
    /// rows by more than 4% of itself. Compression does not enter: it works on blocks of many chunks.
    pub const DEFAULT: Self = Self {
        min: 16 << 10,
        avg: 64 << 10,
        max: 256 << 10,
    };

    /// What a new repository takes for content that does not compress: 512 KiB, 512 KiB and 1 MiB,
    /// so some 640 KiB in the mean.
    ///
    /// Archives, pictures and films are written once; what of them is stored twice is mostly whole
    /// files, which any length finds. Each chunk costs 100 bytes of metadata, and the bytes below the
    /// minimum are not scanned. A minimum as long as the average still cuts nearly all by content (the
    /// mask for what is longer applies from there on), so that what was inserted is left behind with
    /// the next chunk or two.
    pub const DENSE: Self = Self {
        min: 512 << 10,
        avg: 512 << 10,
        max: 1 << 20,
    };

    /// Checks the three lengths, all in bytes.
    ///
    /// The limits are those of `fastcdc` (which asserts them in debug builds only) and
    /// [`MAX_CHUNK_LEN`].
    ///
    /// # Errors
    ///
    /// [`CutParamsError`] names the length and the limit. From a user it is misuse; from a
    /// repository's format object it means that the object was written by something else.
    pub fn new(min: u32, avg: u32, max: u32) -> Result<Self, CutParamsError> {
        in_range("minimum", min, cdc::MINIMUM_MIN, cdc::MINIMUM_MAX)?;
        in_range("average", avg, cdc::AVERAGE_MIN, cdc::AVERAGE_MAX)?;
        in_range("maximum", max, cdc::MAXIMUM_MIN, cdc::MAXIMUM_MAX)?;
        if !avg.is_power_of_two() {
            return Err(CutParamsError::AverageNotPowerOfTwo { found: avg });
        }
        if !(min <= avg && avg <= max) {
            return Err(CutParamsError::NotAscending { min, avg, max });
        }
        Ok(Self { min, avg, max })
    }

    /// Shortest chunk in bytes; only the last of a file may be shorter.
    pub const fn min(&self) -> u32 {
        self.min
    }

    /// Wanted length in bytes; the mean comes out some tenths above it.
    pub const fn avg(&self) -> u32 {
        self.avg
    }

    /// Longest chunk in bytes.
    pub const fn max(&self) -> u32 {
        self.max
    }
}

fn in_range(
    what: &'static str,
    found: u32,
    least: usize,
    most: usize,
) -> Result<(), CutParamsError> {
    let least = u32::try_from(least).unwrap_or(MAX_CHUNK_LEN);
    let most = u32::try_from(most)
        .unwrap_or(MAX_CHUNK_LEN)
        .min(MAX_CHUNK_LEN);
    if !(least..=most).contains(&found) {
        return Err(CutParamsError::OutOfRange {
            what,
            found,
            least,
            most,
        });
    }
    if !found.is_multiple_of(2) {
        return Err(CutParamsError::Odd { what, found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_passes_its_own_check() {
        let CutParams { min, avg, max } = CutParams::DEFAULT;
        assert_eq!(CutParams::new(min, avg, max), Ok(CutParams::DEFAULT));
    }

    #[test]
    fn the_widest_and_the_narrowest_lengths_are_accepted() {
        assert!(CutParams::new(64, 256, 1024).is_ok());
        assert!(CutParams::new(MAX_CHUNK_LEN, MAX_CHUNK_LEN, MAX_CHUNK_LEN).is_ok());
    }

    #[test]
    fn lengths_out_of_range_are_named() {
        let refused = |min, avg, max| match CutParams::new(min, avg, max) {
            Err(CutParamsError::OutOfRange { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(62, 4096, 8192), "minimum");
        assert_eq!(refused(64, 128, 8192), "average");
        assert_eq!(refused(64, 1 << 21, 1 << 22), "average");
        assert_eq!(refused(64, 256, 512), "maximum");
        assert_eq!(refused(64, 256, MAX_CHUNK_LEN + 2), "maximum");
        assert_eq!(refused(0, 0, 0), "minimum");
        assert_eq!(refused(u32::MAX, u32::MAX, u32::MAX), "minimum");
    }

    #[test]
    fn odd_lengths_are_refused() {
        assert_eq!(
            CutParams::new(65, 4096, 8192),
            Err(CutParamsError::Odd {
                what: "minimum",
                found: 65
            })
        );
        assert_eq!(
            CutParams::new(64, 4096, 8191),
            Err(CutParamsError::Odd {
                what: "maximum",
                found: 8191
            })
        );
    }

    #[test]
    fn an_average_that_is_no_power_of_two_is_refused() {
        assert_eq!(
            CutParams::new(64, 5000, 8192),
            Err(CutParamsError::AverageNotPowerOfTwo { found: 5000 })
        );
    }

    #[test]
    fn descending_lengths_are_refused() {
        assert!(matches!(
            CutParams::new(8192, 4096, 16384),
            Err(CutParamsError::NotAscending { .. })
        ));
        assert!(matches!(
            CutParams::new(64, 4096, 2048),
            Err(CutParamsError::NotAscending { .. })
        ));
    }
}
