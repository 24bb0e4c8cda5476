//! The link by which kubelet names the block device of a volume.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::readlinkat;

use super::error::HostPathError;
use crate::fs::{DirHandle, FsError, Kind, RelPath, Root, Stat};

/// A folder that links of kubelet may lead into.
#[derive(Debug)]
pub(super) struct LinkTarget {
    /// Its path as kubelet has it.
    pub(super) named: PathBuf,
    /// Itself.
    pub(super) folder: Arc<DirHandle>,
}

/// The device that kubelet's link `pointer` at `path` names.
///
/// Only kubelet's own link is followed, told by its owner, and only into one of `targets`: beneath
/// that, nothing is a link any more.
pub(super) fn follow(
    path: &Path,
    pointer: impl AsFd,
    stat: &Stat,
    kubelet: u32,
    targets: &[LinkTarget],
) -> Result<Root, HostPathError> {
    let refuse = |why: String| HostPathError::Link {
        path: path.to_owned(),
        why,
    };
    if stat.uid != kubelet {
        return Err(refuse(
            "it is not kubelet's, so somebody has planted it".to_owned(),
        ));
    }
    let leads = readlinkat(pointer, c"", Vec::new())
        .map_err(|errno| refuse(format!("it cannot be read ({errno})")))?;
    let leads = Path::new(OsStr::from_bytes(leads.to_bytes())).to_owned();
    let plain = leads
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let target = targets
        .iter()
        .filter(|_| plain && leads.is_absolute())
        .find_map(|target| Some((target, leads.strip_prefix(&target.named).ok()?)));
    let Some((target, rest)) = target else {
        let named: Vec<_> = targets
            .iter()
            .map(|target| target.named.display().to_string())
            .collect();
        return Err(refuse(format!(
            "it leads to {}, which is in none of the folders that devices may be in ({}); mount \
             that folder of the node",
            leads.display(),
            named.join(", ")
        )));
    };
    let fs = |source: FsError| HostPathError::Fs {
        folder: target.named.clone(),
        source,
    };
    let mut names: Vec<&[u8]> = rest.iter().map(OsStrExt::as_bytes).collect();
    let last = names
        .pop()
        .ok_or_else(|| refuse(format!("it leads to the folder {}", leads.display())))?;
    let mut folder = Arc::clone(&target.folder);
    let mut at = RelPath::root();
    for name in names {
        folder = Arc::new(folder.open_dir(&at, name, None).map_err(fs)?);
        at = at.child(name);
    }
    let (device, found) = folder.point_at(&at, last).map_err(fs)?;
    if found.kind != Kind::BlockDevice {
        return Err(HostPathError::WrongKind {
            path: leads,
            found: found.kind,
            wanted: Kind::BlockDevice,
        });
    }
    Root::of(device).map_err(fs)
}
