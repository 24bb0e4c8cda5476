//! A part of a snapshot beside the target, entry by entry.

use std::cmp::Ordering;
use std::path::Path;

use orlop_repo::tree::{Entry, Located};

use super::RestoreError;
use super::options::{Choice, Select};
use super::place::Part;
use super::shared::Shared;
use crate::fs::{Found, Item, RelPath, Root, Walk, WalkOptions};

/// An entry on one side or on both. Of two things that are both, the kinds may differ.
pub(super) enum Pair {
    /// Only the snapshot has it.
    Missing(Box<Entry>, RelPath),
    /// Only the target has it.
    Extra(Item),
    /// Both have it.
    Both(Box<Entry>, Item),
}

/// Goes through both in the order of the keys; entries that are left out are left out on both
/// sides. Ends early when `each` says no.
///
/// Pages of the tree that cannot be read are reported before anything in their range is given:
/// what the target has there comes as if the snapshot did not have it.
pub(super) fn beside(
    shared: &Shared,
    part: &Part<'_>,
    target: &Path,
    options: WalkOptions,
    mut select: Option<&mut Select>,
    mut each: impl FnMut(Pair) -> Result<bool, RestoreError>,
) -> Result<(), RestoreError> {
    let open = |source| RestoreError::Open {
        target: target.to_owned(),
        source,
    };
    let root = Root::open(target).map_err(open)?;
    let mut wanted = |path: &RelPath, folder: bool| match &mut select {
        None => true,
        Some(select) => {
            let mut above = RelPath::root();
            path.components().all(|name| {
                above = above.child(name);
                let inner = folder || above != *path;
                match select(&above, inner) {
                    Choice::Restore => true,
                    Choice::Enter => above != *path,
                    Choice::Skip => false,
                }
            })
        }
    };
    // What the walk cannot read it does not give: then it is missing here, or of no concern.
    let mut walk = Walk::new(&root, options)
        .filter_map(|found| match found {
            Ok(Found::Item(item)) => Some(Ok(item)),
            Ok(Found::Problem(_)) => None,
            Err(source) => Some(Err(open(source))),
        })
        .filter(|item| !item.as_ref().is_ok_and(Item::is_root));
    let mut tree = part.entries();
    let mut next = || loop {
        match tree.next() {
            Some(Err(failure)) if failure.source.is_damage() => {
                let (report, progress) = (&shared.report, &shared.progress);
                report.lost_page(progress, part.snapshot, &failure);
            }
            other => return other.transpose(),
        }
    };
    let mut there = walk.next().transpose()?;
    let mut stored = next()?;
    loop {
        let order = match (&stored, &there) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(stored), Some(there)) => {
                let key = |parent: &[u8], name: &[u8]| [parent, &[0], name].concat();
                key(part.parent(stored), &stored.entry.name)
                    .cmp(&key(&there.parent_key, &there.name))
            }
        };
        let path_of =
            |located: &Located| RelPath::of_entry(part.parent(located), &located.entry.name);
        let left = if order.is_le() { stored.take() } else { None };
        let right = if order.is_ge() { there.take() } else { None };
        if left.is_some() {
            stored = next()?;
        }
        let pair = match (left, right) {
            (Some(left), Some(right)) => {
                let folder = left.entry.kind == orlop_repo::tree::EntryKind::Folder;
                wanted(&right.path(), folder).then(|| Pair::Both(Box::new(left.entry), right))
            }
            (Some(left), None) => {
                let folder = left.entry.kind == orlop_repo::tree::EntryKind::Folder;
                let path = path_of(&left);
                wanted(&path, folder).then_some(Pair::Missing(Box::new(left.entry), path))
            }
            (None, Some(right)) => {
                let folder = right.stat.kind == crate::fs::Kind::Folder;
                wanted(&right.path(), folder).then_some(Pair::Extra(right))
            }
            (None, None) => None,
        };
        let go_on = pair.map_or(Ok(true), &mut each)?;
        if !go_on {
            return Ok(());
        }
        if there.is_none() {
            there = walk.next().transpose()?;
        }
    }
}
