//! Rules of what is to be kept.

use std::fmt;
use std::num::NonZeroU32;

use jiff::Zoned;

use super::age::Age;

/// What is to be kept: whatever any of the rules keeps.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The rules. None of them keep nothing.
    pub rules: Vec<Rule>,
}

/// One reason to keep snapshots.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rule {
    /// The newest ones.
    Last(Count),
    /// The newest of each of the newest hours, days, … that have one. While there are fewer of
    /// those than asked for, the oldest snapshot of all is kept, too.
    Every(Period, Count),
    /// All that are not older than that, compared with the newest one.
    Within(Age),
    /// The newest of each hour, day, … of that time before the newest snapshot.
    EveryWithin(Period, Age),
    /// All that have a tag.
    Tagged {
        /// Its key.
        key: String,
        /// Its value; any if there is none here.
        value: Option<String>,
    },
}

/// How many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count {
    /// At most as many.
    AtMost(NonZeroU32),
    /// All there are.
    Unlimited,
}

impl Count {
    /// Whether one more fits after `taken`.
    pub(super) fn has_room(self, taken: u32) -> bool {
        match self {
            Self::AtMost(count) => taken < count.get(),
            Self::Unlimited => true,
        }
    }
}

/// A part of the calendar, of which one snapshot stands for all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Period {
    /// By the clock on the wall.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday, as ISO 8601 numbers weeks.
    Week,
    /// Of the calendar.
    Month,
    /// Of the calendar.
    Year,
}

impl Period {
    /// The one that holds `time`: equal for two times exactly if they lie in the same one.
    pub(super) fn of(self, time: &Zoned) -> (i16, i8, i8, i8) {
        match self {
            Self::Hour => (time.year(), time.month(), time.day(), time.hour()),
            Self::Day => (time.year(), time.month(), time.day(), 0),
            Self::Week => {
                let week = time.date().iso_week_date();
                (week.year(), week.week(), 0, 0)
            }
            Self::Month => (time.year(), time.month(), 0, 0),
            Self::Year => (time.year(), 0, 0, 0),
        }
    }
}

impl fmt::Display for Period {
    /// `hourly`, `daily`, …
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "yearly",
        })
    }
}
