//! Removing from the target what the snapshot does not have.

use std::path::Path;

use super::RestoreError;
use super::beside::{Pair, beside};
use super::options::Select;
use super::place::Part;
use super::shared::Shared;
use super::summary::Report;
use crate::fs::{RelPath, SinkCursor, WalkOptions};

/// Removes what the snapshot does not have and the selection does not leave out. Without a cursor
/// it is only counted.
///
/// A folder goes with everything beneath it, unless something beneath is left out by `select`:
/// then only what is not.
pub(super) fn prune(
    shared: &Shared,
    part: &Part<'_>,
    target: &Path,
    options: WalkOptions,
    select: Option<&mut Select>,
    mut cursor: Option<SinkCursor>,
) -> Result<(), RestoreError> {
    let whole = select.is_none();
    let mut gone: Option<RelPath> = None;
    // Folders that may hold something that is left out are kept with it.
    beside(part, target, options, select, |pair| {
        if shared.stopped() {
            return Ok(false);
        }
        let Pair::Extra(item) = pair else {
            return Ok(true);
        };
        let path = item.path();
        if gone
            .as_ref()
            .is_some_and(|gone| path.as_prefix().starts_with(gone.as_prefix()))
        {
            return Ok(true);
        }
        let folder = item.stat.kind == crate::fs::Kind::Folder;
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
            gone = Some(path);
        }
        Ok(true)
    })
}
