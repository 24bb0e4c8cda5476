//! How files are cut in one repository.

use orlop_chunker::{CutParams, CutParamsError, FixedCutter};

/// The lengths of chunks, for each way of cutting; recorded when the repository is made. Other
/// lengths would cut elsewhere, and nothing would deduplicate against what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cuts {
    /// General files, cut by content.
    pub general: CutParams,
    /// Files that do not compress, cut by content.
    pub dense: CutParams,
    /// Disk images and devices, cut at multiples of a length.
    pub paged: FixedCutter,
    /// Databases, likewise.
    pub database: FixedCutter,
}

/// A length of chunks cannot be cut.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CutsError {
    /// Of content.
    #[error(transparent)]
    Content(#[from] CutParamsError),
    /// Of a fixed length.
    #[error(
        "{found} bytes as length of fixed chunks: it has to be a power of two from 512 to 1 MiB"
    )]
    Fixed {
        /// The length that it names.
        found: u32,
    },
}

impl Cuts {
    /// What a new repository takes.
    pub const DEFAULT: Self = Self {
        general: CutParams::DEFAULT,
        dense: CutParams::DENSE,
        paged: FixedCutter::PAGED,
        database: FixedCutter::DATABASE,
    };
}

/// Smallest fixed length in bytes: a sector.
const MIN_FIXED: u32 = 512;

/// The three lengths as they are stored.
pub(crate) fn to_array(cut: CutParams) -> [u32; 3] {
    [cut.min(), cut.avg(), cut.max()]
}

/// Three lengths that were stored.
pub(crate) fn content([min, avg, max]: [u32; 3]) -> Result<CutParams, CutsError> {
    Ok(CutParams::new(min, avg, max)?)
}

/// A fixed length that was stored.
pub(crate) fn fixed(found: u32) -> Result<FixedCutter, CutsError> {
    let legal = found >= MIN_FIXED && found.is_power_of_two();
    FixedCutter::new(found)
        .filter(|_| legal)
        .ok_or(CutsError::Fixed { found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_powers_of_two_that_a_chunk_can_have_are_fixed_lengths() {
        for legal in [512, 16 << 10, 64 << 10, 1 << 20] {
            assert_eq!(fixed(legal).unwrap().length(), legal);
        }
        for illegal in [0, 1, 256, 513, 65_535, 2 << 20, u32::MAX] {
            assert!(matches!(fixed(illegal), Err(CutsError::Fixed { found }) if found == illegal));
        }
    }

    #[test]
    fn the_defaults_are_read_back() {
        for cut in [Cuts::DEFAULT.general, Cuts::DEFAULT.dense] {
            assert_eq!(content(to_array(cut)).unwrap(), cut);
        }
        assert!(content([64, 1000, 2000]).is_err());
    }
}
