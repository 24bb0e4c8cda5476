//! Removing what stands in the way of a restore.

use std::mem::MaybeUninit;

use rustix::fs::{AtFlags, OFlags, RawDir, RenameFlags, SeekFrom, renameat_with, seek, unlinkat};
use rustix::io::Errno;

use super::apply::unlock;
use super::beneath::reopen;
use super::{DirHandle, FsError, Kind, RelPath, Stat};

/// Removes `name` and, if it is a folder, everything beneath; never through a link.
///
/// With `force`, immutable and append-only flags are taken off where they forbid it.
pub(super) fn remove(
    dir: &DirHandle,
    at: &RelPath,
    name: &[u8],
    force: bool,
) -> Result<(), FsError> {
    match Stat::at(dir, name) {
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(FsError::io("look at", &at.child(name))(errno)),
        Ok(stat) if stat.kind == Kind::Folder => remove_tree(dir, at, name, force),
        Ok(_) => unlink(dir, name, AtFlags::empty(), force)
            .map_err(FsError::io("remove", &at.child(name))),
    }
}

fn unlink(dir: &DirHandle, name: &[u8], flags: AtFlags, force: bool) -> Result<(), Errno> {
    match unlinkat(dir, name, flags) {
        Err(Errno::PERM | Errno::ACCESS) if force => {
            unlock_at(dir, name)?;
            unlinkat(dir, name, flags)
        }
        Err(Errno::NOENT) => Ok(()),
        answer => answer,
    }
}

/// Takes the flags off the folder and the entry that forbid to remove or move it.
pub(super) fn unlock_at(dir: &DirHandle, name: &[u8]) -> Result<(), Errno> {
    unlock(dir).or_else(|errno| {
        if errno == Errno::NOTTY {
            Ok(false)
        } else {
            Err(errno)
        }
    })?;
    let pointer = super::beneath::open_at(dir, name, OFlags::PATH, rustix::fs::Mode::empty())?;
    // Only files and folders have flags; a device must not be opened.
    match Stat::of(&pointer)?.kind {
        Kind::File | Kind::Folder => unlock(reopen(&pointer, OFlags::RDONLY)?).map(|_| ()),
        _ => Ok(()),
    }
}

/// Empties a folder of any depth with two descriptors: a subfolder is moved up to the top before
/// it is emptied, so nothing is ever deeper than two.
fn remove_tree(parent: &DirHandle, at: &RelPath, name: &[u8], force: bool) -> Result<(), FsError> {
    let path = at.child(name);
    let failed = |action| FsError::io(action, &path);
    let top = parent.open_dir(at, name, None)?;
    if force {
        // Where there are no flags there is nothing to take off.
        unlock(&top).unwrap_or_default();
    }
    let mut serial = 0_u64;
    loop {
        let names = list(&top).map_err(failed("list the folder"))?;
        if names.is_empty() {
            break;
        }
        for child in names {
            if Stat::at(&top, &child).is_ok_and(|stat| stat.kind == Kind::Folder) {
                let inner = top.open_dir(&path, &child, None)?;
                if force {
                    unlock(&inner).unwrap_or_default();
                }
                empty_into(&inner, &top, &mut serial, force).map_err(failed("empty"))?;
                unlink(&top, &child, AtFlags::REMOVEDIR, force).map_err(failed("remove"))?;
            } else {
                unlink(&top, &child, AtFlags::empty(), force).map_err(failed("remove"))?;
            }
        }
    }
    unlink(parent, name, AtFlags::REMOVEDIR, force).map_err(failed("remove"))
}

/// Unlinks what is in `inner` and moves its subfolders up into `top`.
fn empty_into(
    inner: &DirHandle,
    top: &DirHandle,
    serial: &mut u64,
    force: bool,
) -> Result<(), Errno> {
    loop {
        let names = list(inner)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            if !Stat::at(inner, &name).is_ok_and(|stat| stat.kind == Kind::Folder) {
                unlink(inner, &name, AtFlags::empty(), force)?;
                continue;
            }
            if force {
                unlock_at(inner, &name).unwrap_or_default();
            }
            loop {
                *serial += 1;
                let fresh = format!(".orlop-removed-{serial}");
                match renameat_with(inner, &*name, top, fresh, RenameFlags::NOREPLACE) {
                    Err(Errno::EXIST) => {}
                    Err(errno) => return Err(errno),
                    Ok(()) => break,
                }
            }
        }
    }
}

/// Names in a folder, as many as one call gives; none when it is empty.
fn list(dir: &DirHandle) -> Result<Vec<Vec<u8>>, Errno> {
    seek(dir, SeekFrom::Start(0))?;
    let mut buffer = vec![MaybeUninit::uninit(); 64 << 10];
    let mut entries = RawDir::new(dir, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(name);
        }
        if entries.is_buffer_empty() && !names.is_empty() {
            break;
        }
    }
    Ok(names)
}
