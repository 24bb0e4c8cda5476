//! What is to be forgotten, as of some state of the log. Pure but for the time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use orlop_repo::log::State;
use orlop_repo::model::SnapshotId;
use orlop_repo::retention::{Group, GroupBy, Moment, Policy, Verdict, evaluate_groups};
use orlop_repo::snapshot::Snapshot;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::human;
use crate::select::SnapshotFilter;

/// What the user asked for.
pub(super) enum Choice {
    /// These snapshots.
    Named(Vec<SnapshotId>),
    /// What a policy does not keep.
    Policy {
        policy: Policy,
        by: GroupBy,
        filter: SnapshotFilter,
        moment: Moment,
        /// Whether a group may lose all its snapshots.
        all_may_go: bool,
    },
}

/// What becomes of the snapshots that were looked at.
pub(super) struct Chosen<'a> {
    /// Groups, and of each what becomes of its snapshots, oldest first.
    pub(super) groups: Vec<Group<'a>>,
}

impl Chosen<'_> {
    /// Those that go.
    pub(super) fn forgotten(&self) -> impl Iterator<Item = &Snapshot> {
        let verdicts = self.groups.iter().flat_map(|group| &group.verdicts);
        verdicts
            .filter(|verdict| !verdict.is_kept())
            .map(|verdict| verdict.snapshot)
    }
}

/// This moment in the user's time zone.
pub(super) fn moment(context: &Context) -> Moment {
    let now = i64::try_from(context.clock.unix_ms()).unwrap_or(i64::MAX);
    Moment {
        now: Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX),
        zone: TimeZone::system(),
    }
}

impl Choice {
    /// What becomes of the snapshots of `state`.
    pub(super) fn verdicts<'a>(&self, state: &'a State) -> Chosen<'a> {
        let groups = match self {
            Self::Named(ids) => {
                let named = ids.iter().filter_map(|id| state.snapshots.get(id));
                let verdicts: Vec<_> = named
                    .map(|snapshot| Verdict {
                        snapshot,
                        reasons: Vec::new(),
                    })
                    .collect();
                vec![Group {
                    volume: None,
                    tags: None,
                    verdicts,
                }]
            }
            Self::Policy {
                policy,
                by,
                filter,
                moment,
                ..
            } => {
                let snapshots = filter.select(state.snapshots.values());
                evaluate_groups(policy, *by, snapshots, moment)
            }
        };
        Chosen { groups }
    }

    /// Refuses a policy that would leave a group without a snapshot.
    pub(super) fn check(&self, state: &State) -> Result<(), Failure> {
        let all_may_go = match self {
            Self::Named(_) => true,
            Self::Policy { all_may_go, .. } => *all_may_go,
        };
        let chosen = self.verdicts(state);
        let mut groups = chosen.groups.iter();
        let Some(group) = groups.find(|group| group.keeps_nothing() && !all_may_go) else {
            return Ok(());
        };
        let what = match (group.volume, group.tags) {
            (Some(volume), _) => format!("of volume {}", human::name(volume.as_bytes())),
            (None, Some(_)) => "of a set of tags".to_owned(),
            (None, None) => "that it was applied to".to_owned(),
        };
        Err(Failure::new(format!(
            "the policy would forget all {} {what}; nothing was forgotten",
            human::count(group.verdicts.len() as u64, "snapshot", "snapshots"),
        ))
        .next("add a --keep option that keeps one, or --unsafe-allow-remove-all if that is meant"))
    }
}
