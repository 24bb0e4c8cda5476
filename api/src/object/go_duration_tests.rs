use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What Go 1.26 makes of texts: nothing, or nanoseconds and the text that it prints for them.
#[expect(clippy::unreadable_literal, reason = "as Go prints them")]
const VECTORS: [(&str, Option<(i64, &str)>); 100] = [
    ("0", Some((0, "0s"))),
    ("0s", Some((0, "0s"))),
    ("-0", Some((0, "0s"))),
    ("+0", Some((0, "0s"))),
    ("", None),
    ("+", None),
    ("-", None),
    ("5s", Some((5000000000, "5s"))),
    ("30s", Some((30000000000, "30s"))),
    ("1478s", Some((1478000000000, "24m38s"))),
    ("-5s", Some((-5000000000, "-5s"))),
    ("+5s", Some((5000000000, "5s"))),
    ("1h", Some((3600000000000, "1h0m0s"))),
    ("4h0m0s", Some((14400000000000, "4h0m0s"))),
    ("720h", Some((2592000000000000, "720h0m0s"))),
    ("1h30m0.5s", Some((5400500000000, "1h30m0.5s"))),
    ("300ms", Some((300000000, "300ms"))),
    ("1.5h", Some((5400000000000, "1h30m0s"))),
    ("1m0.000000001s", Some((60000000001, "1m0.000000001s"))),
    ("5.0s", Some((5000000000, "5s"))),
    ("5.6s", Some((5600000000, "5.6s"))),
    ("5.", None),
    ("5.s", Some((5000000000, "5s"))),
    (".5s", Some((500000000, "500ms"))),
    ("1.0s", Some((1000000000, "1s"))),
    ("1.00s", Some((1000000000, "1s"))),
    ("1.004s", Some((1004000000, "1.004s"))),
    ("1.0040s", Some((1004000000, "1.004s"))),
    ("100.00100s", Some((100001000000, "1m40.001s"))),
    ("10ns", Some((10, "10ns"))),
    ("11us", Some((11000, "11µs"))),
    ("12µs", Some((12000, "12µs"))),
    ("12μs", Some((12000, "12µs"))),
    ("13ms", Some((13000000, "13ms"))),
    ("14s", Some((14000000000, "14s"))),
    ("15m", Some((900000000000, "15m0s"))),
    ("16h", Some((57600000000000, "16h0m0s"))),
    ("3h30m", Some((12600000000000, "3h30m0s"))),
    ("10.5s4m", Some((250500000000, "4m10.5s"))),
    ("-2m3.4s", Some((-123400000000, "-2m3.4s"))),
    ("1h2m3s4ms5us6ns", Some((3723004005006, "1h2m3.004005006s"))),
    ("39h9m14.425s", Some((140954425000000, "39h9m14.425s"))),
    ("52763797000ns", Some((52763797000, "52.763797s"))),
    ("0.3333333333333333333h", Some((1200000000000, "20m0s"))),
    (
        "9007199254740993ns",
        Some((9007199254740993, "2501h59m59.254740993s")),
    ),
    (
        "9223372036854775807ns",
        Some((9223372036854775807, "2562047h47m16.854775807s")),
    ),
    (
        "9223372036854775.807us",
        Some((9223372036854775807, "2562047h47m16.854775807s")),
    ),
    (
        "9223372036s854ms775us807ns",
        Some((9223372036854775807, "2562047h47m16.854775807s")),
    ),
    (
        "-9223372036854775808ns",
        Some((-9223372036854775808, "-2562047h47m16.854775808s")),
    ),
    (
        "-9223372036854775.808us",
        Some((-9223372036854775808, "-2562047h47m16.854775808s")),
    ),
    (
        "-9223372036s854ms775us808ns",
        Some((-9223372036854775808, "-2562047h47m16.854775808s")),
    ),
    ("9223372036854775808ns", None),
    ("9223372036854775.808us", None),
    ("-9223372036854775809ns", None),
    ("0.100000000000000000000h", Some((360000000000, "6m0s"))),
    (
        "0.830103483285477580700h",
        Some((2988372539827, "49m48.372539827s")),
    ),
    (
        "0.9223372036854775807h",
        Some((3320413933267, "55m20.413933267s")),
    ),
    ("1d", None),
    ("1 day", None),
    ("1w", None),
    ("3", None),
    ("1h 5m", None),
    ("s", None),
    ("..", None),
    ("-.", None),
    ("-.s", None),
    (".s", None),
    ("1e3s", None),
    ("0x1h", None),
    ("1H", None),
    ("99999999999999999999s", None),
    (
        "2562047h47m16.854775807s",
        Some((9223372036854775807, "2562047h47m16.854775807s")),
    ),
    ("2562047h47m16.854775808s", None),
    (
        "-2562047h47m16.854775808s",
        Some((-9223372036854775808, "-2562047h47m16.854775808s")),
    ),
    ("1m59.999999999s", Some((119999999999, "1m59.999999999s"))),
    ("999ns", Some((999, "999ns"))),
    ("999.999us", Some((999999, "999.999µs"))),
    ("1000us", Some((1000000, "1ms"))),
    ("1.1us", Some((1100, "1.1µs"))),
    ("1.001ms", Some((1001000, "1.001ms"))),
    ("999.999999ms", Some((999999999, "999.999999ms"))),
    ("59.999s", Some((59999000000, "59.999s"))),
    ("1h0.5s", Some((3600500000000, "1h0m0.5s"))),
    ("00001s", Some((1000000000, "1s"))),
    ("1.s1s", Some((2000000000, "2s"))),
    ("1m-1s", None),
    ("--1s", None),
    ("+-1s", None),
    ("1.5.5s", None),
    ("1ms1", None),
    ("0.0000000001s", Some((0, "0s"))),
    ("١s", None),
    ("1µ", None),
    ("5ns5", None),
    ("0h0m0s", Some((0, "0s"))),
    ("72h3m0.5s", Some((259380500000000, "72h3m0.5s"))),
    ("2h45m", Some((9900000000000, "2h45m0s"))),
    ("10m", Some((600000000000, "10m0s"))),
    ("15s", Some((15000000000, "15s"))),
    (
        "1h15m30.918273645s",
        Some((4530918273645, "1h15m30.918273645s")),
    ),
];

#[test]
fn texts_mean_what_they_mean_to_go() {
    for (text, expected) in VECTORS {
        let found = text.parse::<GoDuration>().ok();
        let found = found.map(|duration| (duration.nanoseconds(), duration.to_string()));
        let expected = expected.map(|(number, text)| (number, text.to_owned()));
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn a_text_that_is_no_duration_is_named_with_the_reason() {
    for (text, reason) in [
        ("1 day", "unit \" day\""),
        ("3", "lacks a unit"),
        ("soon", "is no duration"),
        ("300000000000h", "longer than 292 years"),
    ] {
        let error = text.parse::<GoDuration>().unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains(text), "{error}");
    }
}

#[test]
fn a_duration_of_an_object_keeps_its_text() {
    for text in ["720h", "1h0m0s", "a while", ""] {
        let duration: DurationText = serde_json::from_value(json!(text)).unwrap();
        assert_eq!(serde_json::to_value(&duration).unwrap(), text);
        assert_eq!(duration.parse(), text.parse());
    }
    assert_eq!(DurationText::default().as_str(), "0s");
}

#[test]
fn lengths_of_time_become_durations_and_back() {
    let length = Duration::from_millis(90_500);
    let duration = GoDuration::from(length);
    assert_eq!(duration.to_string(), "1m30.5s");
    assert_eq!(duration.to_std(), Some(length));
    assert_eq!(GoDuration::from_nanoseconds(-1).to_std(), None);
    assert_eq!(GoDuration::from(Duration::MAX).nanoseconds(), i64::MAX);
}

/// Numbers of every size, for most of those that are drawn at random are of hundreds of years.
fn nanoseconds() -> impl Strategy<Value = i64> {
    (any::<i64>(), 0..64u32).prop_map(|(number, shift)| number >> shift)
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same(number in nanoseconds()) {
        let duration = GoDuration::from_nanoseconds(number);
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|[-+]?([0-9.]{0,25}(ns|us|µs|ms|s|m|h|d)?){0,4}") {
        drop(text.parse::<GoDuration>());
    }

    #[test]
    fn parts_add_up(hours in 0..1000i64, minutes in 0..1000i64, millis in 0..1_000_000i64) {
        let text = format!("{hours}h{minutes}m{millis}ms");
        let millis = (hours * 60 + minutes) * 60_000 + millis;
        let parsed = text.parse().map(GoDuration::nanoseconds);
        prop_assert_eq!(parsed, Ok(millis * 1_000_000));
    }
}
