//! Listing a folder's files and clearing away what interrupted puts left.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::disk::{Disk, is_staging};
use crate::model::ObjectName;
use crate::store::backend::ObjectInfo;
use crate::store::error::{At, StoreError};
use crate::store::folder::Folder;

/// Objects handed over at a time.
const BATCH: usize = 1000;

/// Age at which a staging file is taken to be left behind.
///
/// A put that is still running after this fails and is tried again.
const DEBRIS_AGE: Duration = Duration::from_hours(24);

/// Hands the objects in `folder` that order behind `after` to `take`, until it returns `false`.
pub(super) fn objects(
    disk: &Disk,
    folder: &Folder,
    after: Option<&ObjectName>,
    mut take: impl FnMut(Vec<ObjectInfo>) -> bool,
) -> Result<(), StoreError> {
    let mut batch = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(folder) = folders.pop() {
        for (name, is_folder) in entries(disk, &folder)? {
            if is_folder {
                folders.push(Folder::from(name));
            } else if after.is_none_or(|after| name > *after) {
                match disk.head(&name) {
                    Ok(info) => batch.push(info),
                    // Deleted since the folder was read.
                    Err(error) if error.is_missing() => {}
                    Err(error) => return Err(error),
                }
            }
            if batch.len() == BATCH && !take(std::mem::take(&mut batch)) {
                return Ok(());
            }
        }
    }
    if !batch.is_empty() {
        take(batch);
    }
    Ok(())
}

/// The folders directly in `folder`.
pub(super) fn folders(disk: &Disk, folder: &Folder) -> Result<Vec<Folder>, StoreError> {
    let entries = entries(disk, folder)?;
    Ok(entries
        .into_iter()
        .filter_map(|(name, is)| is.then(|| Folder::from(name)))
        .collect())
}

/// What lies in `folder` under names that objects can have, and whether it is a folder.
///
/// A folder that is absent is empty, as on object stores.
fn entries(disk: &Disk, folder: &Folder) -> Result<Vec<(ObjectName, bool)>, StoreError> {
    let error = |error| disk.root_error(At::folder(disk.location().clone(), folder), error);
    let listing = match fs::read_dir(disk.folder_path(folder)).map_err(error) {
        Ok(listing) => listing,
        Err(StoreError::NotFound { .. }) => return Ok(Vec::new()),
        Err(StoreError::NotAFolder { .. }) if disk.root().is_dir() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(error)?;
        let Some(name) = entry
            .file_name()
            .to_str()
            .and_then(|name| folder.object(name).ok())
        else {
            continue;
        };
        let kind = entry.file_type().map_err(error)?;
        // A folder may be a link to another disk.
        let is_folder = if kind.is_symlink() {
            disk.path(&name).is_dir()
        } else {
            kind.is_dir()
        };
        found.push((name, is_folder));
    }
    Ok(found)
}

/// Removes staging files that are older than [`DEBRIS_AGE`], and folders that are empty for as
/// long, by the file system's clock.
pub(super) fn remove_debris(disk: &Disk) -> Result<u64, StoreError> {
    let error = |error| disk.root_error(At::store(disk.location().clone()), error);
    let clock = disk.now().map_err(error)?;
    let Some(limit) = clock.checked_sub(DEBRIS_AGE) else {
        return Ok(0);
    };
    clear(disk, disk.root(), limit).map_err(error)
}

fn clear(disk: &Disk, folder: &Path, limit: SystemTime) -> std::io::Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let kind = entry.file_type()?;
        if kind.is_dir() && ObjectName::parse(&name).is_ok() {
            let modified = entry.metadata()?.modified()?;
            removed += clear(disk, &path, limit)?;
            // Refused if anything is in it, which is all that has to be known.
            if modified < limit && fs::remove_dir(&path).is_ok() {
                disk.folder_removed(&path);
                removed += 1;
            }
        } else if kind.is_file() && is_staging(&name) {
            match entry.metadata().and_then(|metadata| metadata.modified()) {
                Ok(modified) if modified < limit => {
                    removed += u64::from(fs::remove_file(&path).is_ok());
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(removed)
}
