//! Reading back what was restored.

use std::path::Path;

use orlop_repo::explain::explain;
use orlop_repo::model::Extent;
use orlop_repo::repository::TreeError;
use orlop_repo::tree::{Content, Entry, EntryKind, Extents};
use rayon::prelude::*;

use super::RestoreError;
use super::attributes::kind;
use super::beside::{Pair, beside};
use super::options::{Existing, Select};
use super::place::Part;
use super::shared::Shared;
use crate::fs::{FsError, Item, SourceFile, WalkOptions};

/// Files that are compared at once.
const BATCH: usize = 256;
/// Zeros that are compared at once, in bytes.
const ZEROS: usize = 256 << 10;

/// Reads everything that the snapshot has and compares kinds and contents. Differences are
/// reported as failures.
pub(super) fn verify(
    shared: &Shared,
    part: &Part<'_>,
    target: &Path,
    options: WalkOptions,
    select: Option<&mut Select>,
    existing: Existing,
) -> Result<(), RestoreError> {
    let hurt = shared.report.hurt();
    let keeps = matches!(existing, Existing::Never | Existing::IfNewer);
    let mut batch = Vec::new();
    beside(shared, part, target, options, select, |pair| {
        match pair {
            Pair::Missing(entry, path) => {
                let made = !matches!(entry.kind, EntryKind::Socket | EntryKind::Unknown(_));
                if made && !hurt.contains(&path) {
                    let what = "is not there, or could not be read back".to_owned();
                    shared.report.failed(&shared.progress, &path, what);
                }
            }
            Pair::Both(_, item) if hurt.contains(&item.path()) => {}
            // What is kept although it differs need not be the same.
            Pair::Both(entry, item) if keeps && item.stat.mtime != entry.mtime.into() => {}
            Pair::Both(entry, item) if kind(entry.kind) != Some(item.stat.kind) => {
                let what = format!("is a {:?} and not what the snapshot has", item.stat.kind);
                shared.report.failed(&shared.progress, &item.path(), what);
            }
            Pair::Both(entry, item) if entry.kind == EntryKind::File => batch.push((entry, item)),
            Pair::Both(..) | Pair::Extra(_) => {}
        }
        if batch.len() >= BATCH {
            compare(shared, part, &mut batch)?;
        }
        Ok(!shared.stopped())
    })?;
    compare(shared, part, &mut batch)
}

fn compare(
    shared: &Shared,
    part: &Part<'_>,
    batch: &mut Vec<(Box<Entry>, Item)>,
) -> Result<(), RestoreError> {
    batch.par_drain(..).try_for_each(|(entry, item)| {
        if shared.stopped() {
            return Ok(());
        }
        let what = match differs(shared, part, &entry, &item) {
            Ok(None) => return Ok(()),
            Ok(Some(at)) => format!("differs from the snapshot at {at}"),
            Err(Failed::File(error)) => explain(&error),
            Err(Failed::Tree(error)) if error.is_damage() => explain(&error),
            Err(Failed::Tree(error)) => return Err(error.into()),
        };
        shared.report.failed(&shared.progress, &item.path(), what);
        Ok(())
    })
}

enum Failed {
    File(FsError),
    Tree(TreeError),
}

/// Where the content differs, if it does: the offset of the part.
fn differs(
    shared: &Shared,
    part: &Part<'_>,
    entry: &Entry,
    item: &Item,
) -> Result<Option<u64>, Failed> {
    let file = item.open().map_err(Failed::File)?;
    if file.stat().size != entry.size {
        return Ok(Some(file.stat().size.min(entry.size)));
    }
    if let Content::Inline(bytes) = &entry.content {
        let mut found = vec![0; bytes.len()];
        let read = file.read_at(&mut found, 0).map_err(Failed::File)?;
        return Ok((read < bytes.len() || found != *bytes).then_some(0));
    }
    let ids = shared.repository.keys().ids();
    let mut buffer = Vec::new();
    let mut at = 0_u64;
    for extent in Extents::new(part.pages, &entry.content) {
        let extent = extent.map_err(Failed::Tree)?;
        let same = match extent {
            Extent::Data(chunk) => {
                buffer.resize(chunk.len as usize, 0);
                let read = file.read_at(&mut buffer, at).map_err(Failed::File)?;
                read == buffer.len() && ids.chunk_id(&buffer) == chunk.id
            }
            Extent::Zeros(len) | Extent::Hole(len) | Extent::Unwritten(len) => {
                is_zero(&file, at, len, &mut buffer).map_err(Failed::File)?
            }
        };
        if !same {
            return Ok(Some(at));
        }
        at = at.saturating_add(extent.len());
    }
    Ok(None)
}

fn is_zero(file: &SourceFile, at: u64, len: u64, buffer: &mut Vec<u8>) -> Result<bool, FsError> {
    let mut done = 0;
    loop {
        // Where nothing is stored there is nothing to read, in a hole of a tebibyte too.
        done = file.next_data(at + done).saturating_sub(at).max(done);
        if done >= len {
            return Ok(true);
        }
        let part = usize::try_from(len - done).unwrap_or(ZEROS).min(ZEROS);
        buffer.resize(part, 1);
        let read = file.read_at(buffer, at + done)?;
        if read < part || buffer.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        done += part as u64;
    }
}
