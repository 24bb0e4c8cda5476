//! How much a policy keeps: counts, spans of the calendar, tags.

use std::num::NonZeroU32;
use std::str::FromStr;

use orlop_repo::retention::{Age, Count};

/// A number of snapshots to keep, or `unlimited`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cli) struct KeepCount(pub(in crate::cli) Count);

impl FromStr for KeepCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unlimited" {
            return Ok(Self(Count::Unlimited));
        }
        text.parse::<NonZeroU32>()
            .map(|count| Self(Count::AtMost(count)))
            .map_err(|_| "give a number above 0, or `unlimited`".to_owned())
    }
}

/// A span of the calendar, written as `1y6m`, `7d` or `36h`; `m` are months.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cli) struct KeepAge(pub(in crate::cli) Age);

impl FromStr for KeepAge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).map(Self).ok_or_else(|| {
            "give numbers with units y, m (months), w, d or h, such as 1y6m, 7d or 36h".to_owned()
        })
    }
}

fn parse(text: &str) -> Option<Age> {
    let mut age = Age::default();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let number: u16 = number.parse().ok()?;
        let mut units = tail.chars();
        let (field, factor) = match units.next()? {
            'y' => (&mut age.years, 1),
            'm' => (&mut age.months, 1),
            'w' => (&mut age.days, 7),
            'd' => (&mut age.days, 1),
            'h' => (&mut age.hours, 1),
            _ => return None,
        };
        *field = field.checked_add(number.checked_mul(factor)?)?;
        rest = units.as_str();
    }
    (!text.is_empty()).then_some(age)
}

/// A tag with any value, written as `KEY`, or with one, `KEY=VALUE`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) struct KeepTag {
    /// Not empty.
    pub(in crate::cli) key: String,
    /// After the first `=`, if there is one.
    pub(in crate::cli) value: Option<String>,
}

impl FromStr for KeepTag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        if key.is_empty() {
            return Err("give a tag as KEY or KEY=VALUE".to_owned());
        }
        Ok(Self {
            key: key.to_owned(),
            value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_no_minutes_and_weeks_are_days() {
        let KeepAge(age) = "1y2m1w3d4h".parse().unwrap();
        let expected = Age {
            years: 1,
            months: 2,
            days: 10,
            hours: 4,
        };
        assert_eq!(age, expected);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "7", "d", "-1d", "7s", "99999d", "9999w"] {
            assert!(text.parse::<KeepAge>().is_err(), "{text}");
        }
        for text in ["0", "-1", "", "all"] {
            assert!(text.parse::<KeepCount>().is_err(), "{text}");
        }
        assert!("=v".parse::<KeepTag>().is_err());
    }

    #[test]
    fn a_tag_may_have_no_value_or_an_empty_one() {
        assert_eq!("a".parse::<KeepTag>().unwrap().value, None);
        let empty = "a=".parse::<KeepTag>().unwrap().value;
        assert_eq!(empty.as_deref(), Some(""));
    }
}
