//! Policies on snapshots with made-up times.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::model::SnapshotId;
use crate::snapshot::Snapshot;
use crate::snapshot::tests::largest;

fn snapshot(id: u8, time: &str) -> Snapshot {
    let time: Timestamp = time.parse().unwrap();
    at(id, time.as_millisecond().try_into().unwrap())
}

fn at(id: u8, started_ms: u64) -> Snapshot {
    static PLAIN: LazyLock<Snapshot> = LazyLock::new(|| {
        let mut snapshot = largest();
        snapshot.volume = "v".to_owned();
        snapshot.tags.clear();
        snapshot.problems.clear();
        snapshot.source.clear();
        snapshot
    });
    Snapshot {
        id: SnapshotId::from_bytes([id; 16]),
        started_ms,
        ..PLAIN.clone()
    }
}

fn utc() -> Moment {
    Moment {
        now: "2030-01-01T00:00:00Z".parse().unwrap(),
        zone: TimeZone::UTC,
    }
}

fn count(count: u32) -> Count {
    NonZeroU32::new(count).map_or(Count::Unlimited, Count::AtMost)
}

/// First bytes of the ids of what is kept, with the reasons, oldest first.
fn kept(rules: &[Rule], snapshots: &[Snapshot], moment: &Moment) -> Vec<(u8, String)> {
    let policy = Policy {
        rules: rules.to_vec(),
    };
    evaluate(&policy, snapshots, moment)
        .into_iter()
        .filter(Verdict::is_kept)
        .map(|verdict| {
            let reasons: Vec<_> = verdict.reasons.iter().map(ToString::to_string).collect();
            (verdict.snapshot.id.as_bytes()[0], reasons.join(", "))
        })
        .collect()
}

fn ids(kept: &[(u8, String)]) -> Vec<u8> {
    kept.iter().map(|(id, _)| *id).collect()
}

#[test]
fn the_newest_of_each_day_stays_and_the_oldest_while_there_are_too_few() {
    let snapshots = [
        snapshot(1, "2026-03-01T08:00:00Z"),
        snapshot(2, "2026-03-01T20:00:00Z"),
        snapshot(3, "2026-03-05T08:00:00Z"),
        snapshot(4, "2026-03-05T23:59:59Z"),
        snapshot(5, "2026-03-06T00:00:00Z"),
    ];
    let daily = |n| kept(&[Rule::Every(Period::Day, count(n))], &snapshots, &utc());
    assert_eq!(ids(&daily(1)), [5]);
    assert_eq!(ids(&daily(2)), [4, 5]);
    assert_eq!(ids(&daily(3)), [2, 4, 5]);
    assert_eq!(
        daily(4),
        [
            (1, "oldest daily snapshot".to_owned()),
            (2, "daily snapshot".to_owned()),
            (4, "daily snapshot".to_owned()),
            (5, "daily snapshot".to_owned()),
        ]
    );
    assert_eq!(ids(&daily(0)), [1, 2, 4, 5]);
}

#[test]
fn a_day_ends_where_the_time_zone_says() {
    let snapshots = [
        snapshot(1, "2026-03-01T22:30:00Z"),
        snapshot(2, "2026-03-01T23:30:00Z"),
    ];
    let rule = [Rule::Every(Period::Day, Count::Unlimited)];
    let berlin = Moment {
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        ..utc()
    };
    assert_eq!(kept(&rule, &snapshots, &utc()).len(), 2);
    // In UTC the older one is kept as the oldest of all; in Berlin each has a day of its own.
    assert_eq!(
        kept(&rule, &snapshots, &berlin)[0].1,
        "daily snapshot".to_owned()
    );
    assert_eq!(
        kept(&rule, &snapshots, &utc())[0].1,
        "oldest daily snapshot".to_owned()
    );
}

#[test]
fn weeks_begin_on_monday_and_may_lie_in_two_years() {
    let snapshots = [
        snapshot(1, "2025-12-28T12:00:00Z"),
        snapshot(2, "2025-12-29T12:00:00Z"),
        snapshot(3, "2026-01-04T12:00:00Z"),
        snapshot(4, "2026-01-05T12:00:00Z"),
    ];
    let weekly = [Rule::Every(Period::Week, count(3))];
    assert_eq!(ids(&kept(&weekly, &snapshots, &utc())), [1, 3, 4]);
}

#[test]
fn ages_are_reckoned_from_the_newest_that_is_not_of_the_future() {
    let snapshots = [
        snapshot(1, "2026-01-28T12:00:00Z"),
        snapshot(2, "2026-01-28T12:00:01Z"),
        snapshot(3, "2026-02-28T12:00:00Z"),
        snapshot(4, "2126-01-01T00:00:00Z"),
    ];
    let month = Age {
        months: 1,
        ..Age::default()
    };
    let rule = [Rule::Within(month)];
    assert_eq!(ids(&kept(&rule, &snapshots, &utc())), [2, 3, 4]);
    let daily = [Rule::EveryWithin(Period::Year, month)];
    assert_eq!(
        kept(&daily, &snapshots, &utc()),
        [
            (3, "yearly within 1m".to_owned()),
            (4, "yearly within 1m".to_owned())
        ]
    );
}

#[test]
fn an_age_that_no_calendar_has_keeps_everything() {
    let snapshots = [at(1, 0), at(2, u64::MAX)];
    let age = Age {
        years: u16::MAX,
        ..Age::default()
    };
    assert_eq!(kept(&[Rule::Within(age)], &snapshots, &utc()).len(), 2);
}

#[test]
fn tags_keep_what_has_them() {
    let mut tagged = at(1, 0);
    tagged.tags.insert("keep".to_owned(), "yes".to_owned());
    let snapshots = [tagged, at(2, 1)];
    let rule = |value: Option<&str>| {
        [Rule::Tagged {
            key: "keep".to_owned(),
            value: value.map(str::to_owned),
        }]
    };
    for (value, reason) in [
        (None, Some("has tag keep")),
        (Some("yes"), Some("has tag keep=yes")),
        (Some("no"), None),
    ] {
        let kept = kept(&rule(value), &snapshots, &utc());
        assert_eq!(kept.first().map(|(_, reason)| reason.as_str()), reason);
    }
}

#[test]
fn volumes_do_not_compete_unless_asked_to() {
    let mut other = at(1, 0);
    other.volume = "w".to_owned();
    let snapshots = [other, at(2, 1)];
    let policy = Policy {
        rules: vec![Rule::Last(count(1))],
    };
    let groups = |volume, tags| {
        evaluate_groups(&policy, GroupBy { volume, tags }, &snapshots, &utc())
            .iter()
            .map(|group| (group.volume, group.verdicts.len(), group.keeps_nothing()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        groups(true, true),
        [(Some("v"), 1, false), (Some("w"), 1, false)]
    );
    assert_eq!(groups(false, false), [(None, 2, false)]);
}

#[test]
fn ages_are_written_as_they_are_read() {
    let age = |years, months, days, hours| Age {
        years,
        months,
        days,
        hours,
    };
    assert_eq!(age(1, 6, 0, 12).to_string(), "1y6m12h");
    assert_eq!(age(0, 0, 0, 0).to_string(), "0h");
}

fn rules() -> impl Strategy<Value = Rule> {
    let period = || {
        prop::sample::select(vec![
            Period::Hour,
            Period::Day,
            Period::Week,
            Period::Month,
            Period::Year,
        ])
    };
    let age = || {
        (0u16..3, 0u16..4, 0u16..20, 0u16..30).prop_map(|(years, months, days, hours)| Age {
            years,
            months,
            days,
            hours,
        })
    };
    prop_oneof![
        (0u32..5).prop_map(|n| Rule::Last(count(n))),
        (period(), 0u32..5).prop_map(|(period, n)| Rule::Every(period, count(n))),
        age().prop_map(Rule::Within),
        (period(), age()).prop_map(|(period, age)| Rule::EveryWithin(period, age)),
    ]
}

/// Times within some years, in steps that make hours, days and weeks collide.
fn snapshots() -> impl Strategy<Value = Vec<Snapshot>> {
    let step = prop_oneof![0u64..3_600, 0u64..200_000, 0u64..20_000_000];
    prop::collection::vec(step, 0..30).prop_map(|steps| {
        let mut time = 1_700_000_000;
        (0u8..)
            .zip(steps)
            .map(|(id, step)| {
                time += step;
                at(id, time * 1_000)
            })
            .collect()
    })
}

fn zones() -> impl Strategy<Value = Moment> {
    prop::sample::select(vec![
        "UTC",
        "Europe/Berlin",
        "Pacific/Apia",
        "America/St_Johns",
    ])
    .prop_map(|name| Moment {
        zone: TimeZone::get(name).unwrap(),
        ..utc()
    })
}

proptest! {
    #[test]
    fn keep_last_keeps_exactly_the_newest(snapshots in snapshots(), n in 1u32..40) {
        let kept = ids(&kept(&[Rule::Last(count(n))], &snapshots, &utc()));
        let mut newest: Vec<_> = snapshots.iter().map(|s| (s.started_ms, s.id)).collect();
        newest.sort_unstable();
        let from = newest.len().saturating_sub(n as usize);
        let newest: Vec<_> = newest[from..].iter().map(|(_, id)| id.as_bytes()[0]).collect();
        prop_assert_eq!(kept, newest);
    }

    #[test]
    fn another_rule_or_a_higher_count_never_forgets_more(
        snapshots in snapshots(),
        some in prop::collection::vec(rules(), 0..4),
        more in rules(),
        moment in zones(),
    ) {
        let before: BTreeSet<_> = ids(&kept(&some, &snapshots, &moment)).into_iter().collect();
        let mut all = some.clone();
        all.push(more);
        let after: BTreeSet<_> = ids(&kept(&all, &snapshots, &moment)).into_iter().collect();
        prop_assert!(before.is_subset(&after));
        let raised: Vec<_> = some.iter().map(|rule| match rule.clone() {
            Rule::Last(Count::AtMost(n)) => Rule::Last(Count::AtMost(n.saturating_add(1))),
            Rule::Every(period, Count::AtMost(n)) =>
                Rule::Every(period, Count::AtMost(n.saturating_add(1))),
            rule => rule,
        }).collect();
        let after: BTreeSet<_> = ids(&kept(&raised, &snapshots, &moment)).into_iter().collect();
        prop_assert!(before.is_subset(&after));
    }

    #[test]
    fn order_does_not_matter_and_what_was_kept_is_kept_again(
        snapshots in snapshots(),
        rules in prop::collection::vec(rules(), 1..4),
        turn in 0usize..30,
        moment in zones(),
    ) {
        let first = kept(&rules, &snapshots, &moment);
        let mut turned = snapshots.clone();
        turned.rotate_left(turn % snapshots.len().max(1));
        turned.reverse();
        prop_assert_eq!(&kept(&rules, &turned, &moment), &first);
        let left: Vec<_> = snapshots
            .into_iter()
            .filter(|s| ids(&first).contains(&s.id.as_bytes()[0]))
            .collect();
        prop_assert_eq!(ids(&kept(&rules, &left, &moment)), ids(&first));
    }
}
