//! Shares of a whole.

use std::str::FromStr;

/// A share, written as `5%` or `0.5%`: above nothing, at most everything.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub(in crate::cli) struct Percent(f64);

impl Percent {
    /// As a number above 0, at most 1.
    pub(in crate::cli) fn share(self) -> f64 {
        self.0 / 100.0
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_suffix('%')
            .unwrap_or(text)
            .parse::<f64>()
            .ok()
            .filter(|percent| *percent > 0.0 && *percent <= 100.0)
            .map(Self)
            .ok_or_else(|| "give a share above 0% and at most 100%, such as 5%".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_may_be_left_out() {
        assert_eq!("5".parse(), "5%".parse::<Percent>());
        assert!(("0.5%".parse::<Percent>().unwrap().share() - 0.005).abs() < 1e-9);
    }

    #[test]
    fn more_than_everything_and_nothing_are_refused() {
        for text in ["0", "101%", "-3%", "NaN", "inf", "", "%"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }
}
