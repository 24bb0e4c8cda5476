//! The options that make a policy.

use clap::{Args, ValueEnum};
use orlop_repo::retention::{GroupBy, Period, Policy, Rule};

use crate::cli::values::{KeepAge, KeepCount, KeepTag};

/// What is to be kept.
#[derive(Args, Debug)]
#[command(next_help_heading = "What is kept")]
pub(super) struct KeepOptions {
    /// Keep the newest N snapshots
    #[arg(long, short = 'l', value_name = "N")]
    keep_last: Option<KeepCount>,

    /// Keep the newest snapshot of each of the last N hours that have one
    #[arg(long, short = 'H', value_name = "N")]
    keep_hourly: Option<KeepCount>,

    /// Keep the newest snapshot of each of the last N days that have one
    #[arg(long, short = 'd', value_name = "N")]
    keep_daily: Option<KeepCount>,

    /// Keep the newest snapshot of each of the last N weeks that have one
    #[arg(long, short = 'w', value_name = "N")]
    keep_weekly: Option<KeepCount>,

    /// Keep the newest snapshot of each of the last N months that have one
    #[arg(long, short = 'm', value_name = "N")]
    keep_monthly: Option<KeepCount>,

    /// Keep the newest snapshot of each of the last N years that have one
    #[arg(long, short = 'y', value_name = "N")]
    keep_yearly: Option<KeepCount>,

    /// Keep all that are at most so much older than the newest, such as 1y6m, 7d or 36h
    #[arg(long, value_name = "DURATION")]
    keep_within: Option<KeepAge>,

    /// Keep one of each hour of that time
    #[arg(long, value_name = "DURATION")]
    keep_within_hourly: Option<KeepAge>,

    /// Keep one of each day of that time
    #[arg(long, value_name = "DURATION")]
    keep_within_daily: Option<KeepAge>,

    /// Keep one of each week of that time
    #[arg(long, value_name = "DURATION")]
    keep_within_weekly: Option<KeepAge>,

    /// Keep one of each month of that time
    #[arg(long, value_name = "DURATION")]
    keep_within_monthly: Option<KeepAge>,

    /// Keep one of each year of that time
    #[arg(long, value_name = "DURATION")]
    keep_within_yearly: Option<KeepAge>,

    /// Keep all with this tag; may be given again
    #[arg(long, value_name = "KEY[=VALUE]")]
    keep_tag: Vec<KeepTag>,

    /// Apply the policy to the snapshots of each volume, of each set of tags, of each of both
    /// (volume,tags), or to all together (none) [default: volume]
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    group_by: Vec<GroupName>,
}

/// What snapshots are grouped by.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum GroupName {
    Volume,
    Tags,
    None,
}

impl KeepOptions {
    /// As rules; none if nothing was said.
    pub(super) fn policy(&self) -> Policy {
        let counts = [
            (Period::Hour, self.keep_hourly),
            (Period::Day, self.keep_daily),
            (Period::Week, self.keep_weekly),
            (Period::Month, self.keep_monthly),
            (Period::Year, self.keep_yearly),
        ];
        let ages = [
            (Period::Hour, self.keep_within_hourly),
            (Period::Day, self.keep_within_daily),
            (Period::Week, self.keep_within_weekly),
            (Period::Month, self.keep_within_monthly),
            (Period::Year, self.keep_within_yearly),
        ];
        let mut rules = Vec::new();
        rules.extend(self.keep_last.map(|count| Rule::Last(count.0)));
        for (period, count) in counts {
            rules.extend(count.map(|count| Rule::Every(period, count.0)));
        }
        rules.extend(self.keep_within.map(|age| Rule::Within(age.0)));
        for (period, age) in ages {
            rules.extend(age.map(|age| Rule::EveryWithin(period, age.0)));
        }
        rules.extend(self.keep_tag.iter().cloned().map(|tag| Rule::Tagged {
            key: tag.key,
            value: tag.value,
        }));
        Policy { rules }
    }

    /// What the policy is applied to by itself.
    pub(super) fn group_by(&self) -> GroupBy {
        let has = |name| self.group_by.contains(&name);
        GroupBy {
            volume: self.group_by.is_empty() || has(GroupName::Volume),
            tags: has(GroupName::Tags),
        }
    }

    /// Whether anything was said.
    pub(super) fn is_used(&self) -> bool {
        !self.group_by.is_empty() || !self.policy().rules.is_empty()
    }
}
