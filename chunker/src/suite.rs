//! Registered numbers for ways to cut.

use fastcdc::v2020::Normalization;

/// How content is cut and named, as the number that the repository's format object records.
///
/// Everything that moves a cut point or changes an id and is not a length or a key belongs to the
/// suite, so a repository is readable by whoever knows the number. A suite is frozen once released;
/// an improvement gets the next number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Suite {
    /// Number 1: `FastCDC` of 2020 with normalisation level 2 and a secret gear table; ids are
    /// keyed BLAKE3.
    FastCdc2020,
}

/// The number names no suite that this build knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("chunker suite {found} is not known, the newest known is {newest}")]
pub struct UnknownSuite {
    /// The number that was recorded.
    pub found: u16,
    /// The highest number of this build.
    pub newest: u16,
}

impl Suite {
    /// What a new repository takes.
    pub const DEFAULT: Self = Self::FastCdc2020;

    /// The registered number.
    pub const fn number(self) -> u16 {
        match self {
            Self::FastCdc2020 => 1,
        }
    }

    /// Looks a recorded number up.
    ///
    /// # Errors
    ///
    /// [`UnknownSuite`]: a newer version made the repository. Update; do not cut with another
    /// suite, since nothing would deduplicate.
    pub const fn from_number(number: u16) -> Result<Self, UnknownSuite> {
        match number {
            1 => Ok(Self::FastCdc2020),
            found => Err(UnknownSuite {
                found,
                newest: Self::FastCdc2020.number(),
            }),
        }
    }

    /// How strictly lengths gather around the average.
    pub(crate) const fn normalization(self) -> Normalization {
        match self {
            Self::FastCdc2020 => Normalization::Level2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_suite() {
        assert_eq!(
            Suite::from_number(Suite::FastCdc2020.number()),
            Ok(Suite::FastCdc2020)
        );
        assert_eq!(Suite::FastCdc2020.number(), 1);
    }

    #[test]
    fn unknown_numbers_are_an_error_with_the_number() {
        for found in [0, 2, u16::MAX] {
            assert_eq!(
                Suite::from_number(found),
                Err(UnknownSuite { found, newest: 1 })
            );
        }
        assert_eq!(
            Suite::from_number(9).unwrap_err().to_string(),
            "chunker suite 9 is not known, the newest known is 1"
        );
    }
}
