//! Numbers and names for people.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::progress::ProblemSeen;

/// A problem with one file or part of a snapshot, in one line.
pub(super) fn problem(problem: &ProblemSeen) -> String {
    let path = match problem.path.as_slice() {
        [] => "/".to_owned(),
        path => name(path),
    };
    format!("{path}: {}", problem.what)
}

/// Bytes with three digits and a binary unit: `12.3 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1 << 10 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut number = bytes as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    // Where rounding would show four digits, the next unit is due.
    while number >= 999.5 {
        number /= 1024.0;
        unit = units.next();
    }
    let decimals = match number {
        n if n < 9.995 => 2,
        n if n < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$} {}", unit.unwrap_or(&"EiB"))
}

/// A count with the word in one or many: `1 file`, `3 files`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A time span as on a clock: `0:42`, `1:02:03`.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A moment in the user's time zone, to the second.
pub(super) fn local_time(unix_ms: u64) -> String {
    local_seconds(i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX))
}

/// A moment in the user's time zone; times that no calendar has as seconds since 1970.
pub(super) fn local_seconds(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time
            .to_zoned(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => format!("@{seconds}"),
    }
}

/// A name that cannot control the terminal: control characters and bytes that are no UTF-8 are
/// shown as escapes.
pub(super) fn name(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || is_invisible(c) {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Characters that change the order or the look of what follows them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Mode as `ls -l` shows it, without the letter of the kind.
pub(super) fn permissions(mode: u32) -> String {
    let mut text: Vec<u8> = (0..9)
        .map(|bit| {
            if mode & (0o400 >> bit) == 0 {
                b'-'
            } else {
                b"rwx"[bit % 3]
            }
        })
        .collect();
    for (mask, at, with_x, without_x) in [
        (0o4000, 2, b's', b'S'),
        (0o2000, 5, b's', b'S'),
        (0o1000, 8, b't', b'T'),
    ] {
        if mode & mask != 0 {
            text[at] = if text[at] == b'x' { with_x } else { without_x };
        }
    }
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits() {
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (10 * 1024 + 512, "10.5 KiB"),
            (1023 * 1024, "1.00 MiB"),
            (500 << 30, "500 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn spans_read_like_a_clock() {
        assert_eq!(span(Duration::from_secs(42)), "0:42");
        assert_eq!(span(Duration::from_secs(3723)), "1:02:03");
    }

    #[test]
    fn a_name_cannot_control_the_terminal() {
        assert_eq!(name(b"a\x1b[2Jb\n\xff"), r"a\u{1b}[2Jb\n\xff");
        assert_eq!(name("ü\u{202e}x".as_bytes()), "ü\\u{202e}x");
    }

    #[test]
    fn permissions_read_as_ls_shows_them() {
        assert_eq!(permissions(0o644), "rw-r--r--");
        assert_eq!(permissions(0o4755), "rwsr-xr-x");
        assert_eq!(permissions(0o1777), "rwxrwxrwt");
        assert_eq!(permissions(0o2640), "rw-r-S---");
    }
}
