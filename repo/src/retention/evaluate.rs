//! From snapshots and rules to verdicts.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::age::Age;
use super::policy::{Count, Period, Policy, Rule};
use crate::snapshot::Snapshot;

/// When and where a policy is applied.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Snapshots later than this do not count as the newest, from which ages are reckoned: one
    /// with a wrong date must not make all others look old.
    pub now: Timestamp,
    /// Where hours, days, … begin and end.
    pub zone: TimeZone,
}

/// What becomes of a snapshot.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict<'a> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// Why it is kept; if there is no reason, it is not.
    pub reasons: Vec<Reason>,
}

impl Verdict<'_> {
    /// Whether it is kept.
    pub fn is_kept(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// Why a snapshot is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// One of the newest.
    Last,
    /// The newest of its hour, day, …
    Newest(Period),
    /// The oldest of all, where fewer hours, days, … than asked for have a snapshot.
    Oldest(Period),
    /// Young enough.
    Within(Age),
    /// The newest of its hour, day, …, and young enough.
    NewestWithin(Period, Age),
    /// It has the tag.
    Tagged(String, Option<String>),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last => f.write_str("last snapshot"),
            Self::Newest(period) => write!(f, "{period} snapshot"),
            Self::Oldest(period) => write!(f, "oldest {period} snapshot"),
            Self::Within(age) => write!(f, "within {age}"),
            Self::NewestWithin(period, age) => write!(f, "{period} within {age}"),
            Self::Tagged(key, Some(value)) => write!(f, "has tag {key}={value}"),
            Self::Tagged(key, None) => write!(f, "has tag {key}"),
        }
    }
}

/// A snapshot that is being judged.
struct Judged<'a> {
    verdict: Verdict<'a>,
    time: Zoned,
}

/// Applies a policy to snapshots that compete with each other; gives them oldest first.
///
/// The result does not depend on their order. Applied to what it kept, it keeps all of that.
pub fn evaluate<'a>(
    policy: &Policy,
    snapshots: impl IntoIterator<Item = &'a Snapshot>,
    moment: &Moment,
) -> Vec<Verdict<'a>> {
    let mut judged: Vec<_> = snapshots
        .into_iter()
        .map(|snapshot| Judged {
            verdict: Verdict {
                snapshot,
                reasons: Vec::new(),
            },
            time: time_of(snapshot).to_zoned(moment.zone.clone()),
        })
        .collect();
    // Newest first; the id decides between two that began in the same millisecond.
    judged.sort_by_key(|j| {
        let snapshot = j.verdict.snapshot;
        std::cmp::Reverse((snapshot.started_ms, snapshot.id))
    });
    let newest = judged
        .iter()
        .map(|j| &j.time)
        .find(|time| time.timestamp() <= moment.now)
        .cloned()
        .unwrap_or_else(|| moment.now.to_zoned(moment.zone.clone()));
    for rule in &policy.rules {
        apply(rule, &mut judged, &newest);
    }
    judged.into_iter().rev().map(|j| j.verdict).collect()
}

fn time_of(snapshot: &Snapshot) -> Timestamp {
    let milliseconds = i64::try_from(snapshot.started_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// Gives its reason to each of `judged`, newest first, that the rule keeps.
fn apply(rule: &Rule, judged: &mut [Judged<'_>], newest: &Zoned) {
    match rule {
        Rule::Last(count) => {
            for (taken, j) in (0..).zip(judged) {
                if !count.has_room(taken) {
                    return;
                }
                j.verdict.reasons.push(Reason::Last);
            }
        }
        Rule::Every(period, count) => every(*period, *count, judged),
        Rule::Within(age) => {
            for j in judged.iter_mut().filter(|j| is_within(j, *age, newest)) {
                j.verdict.reasons.push(Reason::Within(*age));
            }
        }
        Rule::EveryWithin(period, age) => {
            let mut last = None;
            for j in judged.iter_mut().filter(|j| is_within(j, *age, newest)) {
                if last.replace(period.of(&j.time)) != Some(period.of(&j.time)) {
                    let reason = Reason::NewestWithin(*period, *age);
                    j.verdict.reasons.push(reason);
                }
            }
        }
        Rule::Tagged { key, value } => {
            for j in judged {
                let tag = j.verdict.snapshot.tags.get(key);
                if tag.is_some_and(|tag| value.as_ref().is_none_or(|value| value == tag)) {
                    let reason = Reason::Tagged(key.clone(), value.clone());
                    j.verdict.reasons.push(reason);
                }
            }
        }
    }
}

fn every(period: Period, count: Count, judged: &mut [Judged<'_>]) {
    let (mut taken, mut last) = (0, None);
    for j in &mut *judged {
        if !count.has_room(taken) {
            return;
        }
        let of = period.of(&j.time);
        if last.replace(of) != Some(of) {
            taken += 1;
            j.verdict.reasons.push(Reason::Newest(period));
        }
    }
    if let Some(oldest) = judged.last_mut().filter(|_| count.has_room(taken)) {
        let reasons = &mut oldest.verdict.reasons;
        if !reasons.contains(&Reason::Newest(period)) {
            reasons.push(Reason::Oldest(period));
        }
    }
}

/// Whether a snapshot is not older than `age`. What the calendar cannot tell is kept.
fn is_within(judged: &Judged<'_>, age: Age, newest: &Zoned) -> bool {
    age.before(newest)
        .is_none_or(|cutoff| judged.time.timestamp() > cutoff.timestamp())
}
