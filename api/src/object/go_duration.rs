//! Durations as Go writes them: `4h0m0s`, `1.5s`, `300ms`.
//!
//! The `Duration` of kube is not used: it prints `14400s` where Go prints `4h0m0s`, and works in
//! floating point where Go works in integers.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

const NANOSECOND: u64 = 1;
const MICROSECOND: u64 = 1_000 * NANOSECOND;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The size of the most negative duration, which is one more than that of the longest.
const LIMIT: u64 = 1 << 63;

/// A duration as Go has it: nanoseconds, at most 292 years, maybe negative.
///
/// Parsing takes what Go's `time.ParseDuration` takes and gives the same number; printing gives the
/// text of its `String`. What is printed parses to the same duration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct GoDuration {
    nanoseconds: i64,
}

impl GoDuration {
    /// A duration of so many nanoseconds.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self { nanoseconds }
    }

    /// Its length in nanoseconds.
    pub const fn nanoseconds(self) -> i64 {
        self.nanoseconds
    }

    /// Whether it points backwards.
    pub const fn is_negative(self) -> bool {
        self.nanoseconds < 0
    }

    /// As a length of time; `None` if it is negative.
    pub fn to_std(self) -> Option<Duration> {
        u64::try_from(self.nanoseconds)
            .ok()
            .map(Duration::from_nanos)
    }
}

impl From<Duration> for GoDuration {
    /// Cut to 292 years if it is longer.
    fn from(duration: Duration) -> Self {
        Self::from_nanoseconds(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.nanoseconds.unsigned_abs();
        let sign = if self.is_negative() { "-" } else { "" };
        let text = match size {
            0 => "0s".to_owned(),
            _ if size < MICROSECOND => format!("{sign}{size}ns"),
            _ if size < MILLISECOND => format!("{sign}{}µs", decimal(size, MICROSECOND)),
            _ if size < SECOND => format!("{sign}{}ms", decimal(size, MILLISECOND)),
            _ if size < MINUTE => format!("{sign}{}s", decimal(size, SECOND)),
            _ => {
                let (hours, minutes) = (size / HOUR, size % HOUR / MINUTE);
                let seconds = decimal(size % MINUTE, SECOND);
                if hours == 0 {
                    format!("{sign}{minutes}m{seconds}s")
                } else {
                    format!("{sign}{hours}h{minutes}m{seconds}s")
                }
            }
        };
        f.pad(&text)
    }
}

/// `size` in units, with the digits that are needed and no more.
fn decimal(size: u64, unit: u64) -> String {
    let (whole, rest) = (size / unit, size % unit);
    if rest == 0 {
        return whole.to_string();
    }
    // As many digits as the unit, a power of ten, has zeros.
    let width = unit.ilog10() as usize;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// Why a text is no duration.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseDurationError {
    /// Not of the form.
    #[error("{text:?} is no duration: numbers with units are wanted, as in 4h, 1h30m or 1.5s")]
    Form {
        /// What was to be parsed.
        text: String,
    },
    /// A number without a unit.
    #[error("the duration {text:?} lacks a unit: ns, us, ms, s, m or h")]
    NoUnit {
        /// What was to be parsed.
        text: String,
    },
    /// A unit that does not exist; Go has no days.
    #[error("the duration {text:?} has the unit {unit:?}: only ns, us, ms, s, m and h exist")]
    UnknownUnit {
        /// What was to be parsed.
        text: String,
        /// What stands where a unit should be.
        unit: String,
    },
    /// More than 292 years.
    #[error("the duration {text:?} is longer than 292 years")]
    TooLong {
        /// What was to be parsed.
        text: String,
    },
}

impl FromStr for GoDuration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || ParseDurationError::Form {
            text: text.to_owned(),
        };
        let too_long = || ParseDurationError::TooLong {
            text: text.to_owned(),
        };
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self::default());
        }
        if rest.is_empty() {
            return Err(form());
        }
        let mut size = 0u64;
        while !rest.is_empty() {
            let (whole, fraction);
            (whole, rest) = digits(rest);
            (fraction, rest) = match rest.strip_prefix('.') {
                Some(after) => digits(after),
                None => ("", rest),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(form());
            }
            let name;
            (name, rest) = split(rest, |c| c == '.' || c.is_ascii_digit());
            let unit = unit(name).ok_or_else(|| {
                let text = text.to_owned();
                if name.is_empty() {
                    ParseDurationError::NoUnit { text }
                } else {
                    let unit = name.to_owned();
                    ParseDurationError::UnknownUnit { text, unit }
                }
            })?;
            let part = whole_units(whole, unit)
                .and_then(|part| part.checked_add(part_of_unit(fraction, unit)));
            size = part
                .and_then(|part| size.checked_add(part))
                .filter(|size| *size <= LIMIT)
                .ok_or_else(too_long)?;
        }
        let nanoseconds = if negative {
            0i64.checked_sub_unsigned(size)
        } else {
            i64::try_from(size).ok()
        };
        nanoseconds.map(Self::from_nanoseconds).ok_or_else(too_long)
    }
}

/// Splits before the first character that `ends`.
fn split(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn digits(text: &str) -> (&str, &str) {
    split(text, |c| !c.is_ascii_digit())
}

fn unit(name: &str) -> Option<u64> {
    match name {
        "ns" => Some(NANOSECOND),
        // The sign for micro exists twice: U+00B5 and the Greek letter U+03BC.
        "us" | "\u{b5}s" | "\u{3bc}s" => Some(MICROSECOND),
        "ms" => Some(MILLISECOND),
        "s" => Some(SECOND),
        "m" => Some(MINUTE),
        "h" => Some(HOUR),
        _ => None,
    }
}

/// `whole` units in nanoseconds.
fn whole_units(whole: &str, unit: u64) -> Option<u64> {
    let number: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    number.checked_mul(unit).filter(|size| *size <= LIMIT)
}

/// The digits behind the point in nanoseconds, by the same floating-point steps as Go takes.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Go's arithmetic is meant to be repeated; the result is below one unit"
)]
fn part_of_unit(fraction: &str, unit: u64) -> u64 {
    let (mut number, mut scale) = (0u64, 1f64);
    for digit in fraction.bytes().map(|byte| u64::from(byte - b'0')) {
        // Digits that do not fit are too small to count.
        if number > (LIMIT - 1) / 10 {
            break;
        }
        let more = number * 10 + digit;
        if more > LIMIT {
            break;
        }
        number = more;
        scale *= 10.0;
    }
    (number as f64 * (unit as f64 / scale)) as u64
}

/// A duration in an object: the text that somebody wrote.
///
/// The schema takes any text, so one that is no duration is a mistake in one object, to be reported
/// there, and no reason not to read it. What was written stays as it was written.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DurationText(String);

impl DurationText {
    /// What was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it means.
    ///
    /// # Errors
    ///
    /// [`ParseDurationError`], to be shown to whoever wrote the object, with the name of the field.
    pub fn parse(&self) -> Result<GoDuration, ParseDurationError> {
        self.0.parse()
    }
}

impl Default for DurationText {
    /// Zero, as Go writes it.
    fn default() -> Self {
        GoDuration::default().into()
    }
}

impl From<GoDuration> for DurationText {
    fn from(duration: GoDuration) -> Self {
        Self(duration.to_string())
    }
}

impl From<&str> for DurationText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

#[cfg(test)]
#[path = "go_duration_tests.rs"]
mod tests;
