//! Removing from the target what the snapshot does not have.

use std::collections::BTreeSet;
use std::path::Path;

use orlop_repo::tree::EntryKind;

use super::RestoreError;
use super::beside::{Pair, beside};
use super::options::Select;
use super::place::Part;
use super::shared::Shared;
use super::summary::Report;
use crate::fs::{Kind, RelPath, SinkCursor, WalkOptions};

/// Removes what the snapshot does not have and the selection does not leave out. Without a cursor
/// it is only counted.
///
/// A folder goes with everything beneath it; where there is a selection folders stay. Nothing
/// more is removed once a page of the tree cannot be read: nobody knows what the snapshot has.
pub(super) fn prune(
    shared: &Shared,
    part: &Part<'_>,
    target: &Path,
    options: WalkOptions,
    select: Option<&mut Select>,
    mut cursor: Option<SinkCursor>,
) -> Result<(), RestoreError> {
    let whole = select.is_none();
    // Of a folder that goes, or that made room for something else, nothing is counted apart.
    let mut gone = BTreeSet::new();
    let mut unsure = false;
    beside(shared, part, target, options, select, |pair| {
        unsure = shared.report.has_lost_pages();
        if shared.stopped() || unsure {
            return Ok(false);
        }
        let item = match pair {
            Pair::Extra(item) => item,
            Pair::Both(entry, item) => {
                let was_folder = item.stat.kind == Kind::Folder;
                if was_folder && entry.kind != EntryKind::Folder {
                    gone.insert(item.path());
                }
                return Ok(true);
            }
            Pair::Missing(..) => return Ok(true),
        };
        let path = item.path();
        let mut above = path.clone();
        above.pop();
        while !above.is_root() {
            if gone.contains(&above) {
                return Ok(true);
            }
            above.pop();
        }
        let folder = item.stat.kind == Kind::Folder;
        if folder && !whole {
            return Ok(true);
        }
        drop(item);
        let removed = cursor
            .as_mut()
            .map_or(Ok(()), |cursor| cursor.remove(&path));
        match removed {
            Ok(()) => Report::add(&shared.report.deleted, 1),
            Err(error) => shared.failed(&path, error),
        }
        if folder {
            gone.insert(path);
        }
        Ok(true)
    })?;
    if unsure {
        let what = "what the snapshot does not have was not deleted: a part of its tree cannot be \
                    read, so that nobody knows what it has";
        let (report, progress) = (&shared.report, &shared.progress);
        report.failed(progress, &RelPath::root(), what.to_owned());
    }
    Ok(())
}
