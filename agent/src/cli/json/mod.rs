//! Messages for programs. Names are restic's where the meaning is the same.

mod backup;
mod counts;
mod node;
mod snapshot;

pub(super) use backup::BackupSummaryMessage;
pub(super) use node::{Node, letter};
pub(super) use snapshot::SnapshotMessage;

use jiff::Timestamp;

/// A moment as RFC 3339; `None` for one that no calendar has.
pub(super) fn time_ms(unix_ms: u64) -> Option<String> {
    let time = Timestamp::from_millisecond(i64::try_from(unix_ms).ok()?).ok()?;
    Some(time.to_string())
}

/// A moment as RFC 3339, to the nanosecond.
pub(super) fn time(seconds: i64, nanoseconds: u32) -> Option<String> {
    let time = Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()?;
    Some(time.to_string())
}

/// A path as text, with `�` for what is no UTF-8.
pub(super) fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// The bytes of a path as hex digits, if [`text`] loses some.
pub(super) fn raw(path: &[u8]) -> Option<String> {
    str::from_utf8(path).is_err().then(|| hex::encode(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_and_impossible_ones_absent() {
        assert_eq!(time_ms(1_500).as_deref(), Some("1970-01-01T00:00:01.5Z"));
        assert_eq!(
            time(-1, 5).as_deref(),
            Some("1969-12-31T23:59:59.000000005Z")
        );
        assert_eq!(time(i64::MAX, 0), None);
        assert_eq!(time_ms(u64::MAX), None);
    }

    #[test]
    fn names_that_are_no_text_come_with_their_bytes() {
        assert_eq!(raw(b"a"), None);
        assert_eq!(raw(b"a\xff").as_deref(), Some("61ff"));
        assert_eq!(text(b"a\xff"), "a\u{fffd}");
    }
}
