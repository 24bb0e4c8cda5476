//! Which snapshots a policy weighs against each other.

use std::collections::BTreeMap;

use super::evaluate::{Moment, Verdict, evaluate};
use super::policy::Policy;
use crate::snapshot::Snapshot;

/// What the snapshots of a group have in common. With neither, all are one group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupBy {
    /// The volume.
    pub volume: bool,
    /// All tags.
    pub tags: bool,
}

/// Snapshots to which a policy was applied together.
#[derive(Clone, PartialEq, Debug)]
pub struct Group<'a> {
    /// Their volume, if they were grouped by it.
    pub volume: Option<&'a str>,
    /// Their tags, if they were grouped by them.
    pub tags: Option<&'a BTreeMap<String, String>>,
    /// What becomes of each, oldest first.
    pub verdicts: Vec<Verdict<'a>>,
}

impl Group<'_> {
    /// Whether none of them would be left.
    pub fn keeps_nothing(&self) -> bool {
        self.verdicts.iter().all(|verdict| !verdict.is_kept())
    }
}

/// Applies a policy to each group of `snapshots` by itself; groups in the order of volumes, then
/// of tags.
pub fn evaluate_groups<'a>(
    policy: &Policy,
    by: GroupBy,
    snapshots: impl IntoIterator<Item = &'a Snapshot>,
    moment: &Moment,
) -> Vec<Group<'a>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for snapshot in snapshots {
        let volume = by.volume.then_some(snapshot.volume.as_str());
        let tags = by.tags.then_some(&snapshot.tags);
        groups.entry((volume, tags)).or_default().push(snapshot);
    }
    groups
        .into_iter()
        .map(|((volume, tags), snapshots)| Group {
            volume,
            tags,
            verdicts: evaluate(policy, snapshots, moment),
        })
        .collect()
}
