//! Spans of time back from now.

use std::str::FromStr;
use std::time::Duration;

/// A span of time, written as `90s`, `36h`, `7d` or `1y2w`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cli) struct Age(pub(in crate::cli) Duration);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text)
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(|| {
                "give numbers with units s, m, h, d, w or y, such as 36h or 7d".to_owned()
            })
    }
}

/// A day has 24 hours and a year 365 days: an age needs no calendar.
fn parse(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let mut units = tail.chars();
        let unit = match units.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            'y' => 365 * 86_400,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = units.as_str();
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        assert_eq!("1h30m".parse(), Ok(Age(Duration::from_mins(90))));
        assert_eq!("7d".parse(), Ok(Age(Duration::from_hours(7 * 24))));
    }

    #[test]
    fn a_number_needs_a_unit() {
        for text in ["", "7", "d", "7 d", "-7d", "7D", "99999999999999999999y"] {
            assert!(text.parse::<Age>().is_err(), "{text}");
        }
    }
}
