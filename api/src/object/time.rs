//! Points in time.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A point in time, in RFC 3339 and UTC as Kubernetes writes it.
///
/// Reading keeps fractions of a second, which others may write; [`Time::seconds`] makes one without,
/// which is what Velero writes and its command line shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub Timestamp);

impl Time {
    /// The second in which `now` is.
    pub fn seconds(now: Timestamp) -> Self {
        // Before 1970 a fraction counts backwards.
        let fraction = now.subsec_nanosecond();
        let second = now.as_second() - i64::from(fraction < 0);
        Self(Timestamp::from_second(second).unwrap_or(now))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<meta::Time> for Time {
    fn from(time: meta::Time) -> Self {
        Self(time.0)
    }
}

impl From<Time> for meta::Time {
    fn from(time: Time) -> Self {
        Self(time.0)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Clients send null for a time that is not there, so Velero allows it at every one.
        json_schema!({ "type": "string", "format": "date-time", "nullable": true })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_written_in_utc() {
        let time: Time = serde_json::from_value(json!("2026-03-01T12:00:00+02:00")).unwrap();
        assert_eq!(serde_json::to_value(time).unwrap(), "2026-03-01T10:00:00Z");
        assert_eq!(time.to_string(), "2026-03-01T10:00:00Z");
    }

    #[test]
    fn fractions_that_others_wrote_stay() {
        let time: Time = serde_json::from_value(json!("2026-03-01T12:00:00.25Z")).unwrap();
        let text = serde_json::to_value(time).unwrap();
        assert_eq!(text, "2026-03-01T12:00:00.25Z");
    }

    #[test]
    fn seconds_round_down_on_both_sides_of_1970() {
        for (nanoseconds, second) in [(1_999_999_999, 1), (-1, -1), (-1_000_000_000, -1), (0, 0)] {
            let time = Timestamp::from_nanosecond(nanoseconds).unwrap();
            let expected = Timestamp::from_second(second).unwrap();
            assert_eq!(Time::seconds(time).0, expected, "{nanoseconds}");
        }
    }

    #[test]
    fn the_zero_time_of_go_is_a_time() {
        let time: Time = serde_json::from_value(json!("0001-01-01T00:00:00Z")).unwrap();
        assert_eq!(time.to_string(), "0001-01-01T00:00:00Z");
    }
}
