//! Kubelet's folder of pods, as it is mounted here.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Dir;
use rustix::io::Errno;

use super::device_link::{LinkTarget, follow};
use super::error::HostPathError;
use super::place::Place;
use crate::fs::{DirHandle, FsError, Kind, RelPath, Root, Stat, check_name};
use crate::node::described::{Pod, VolumeMode};

/// Kubelet's folder of pods.
#[derive(Debug)]
pub struct HostPods {
    path: PathBuf,
    folder: Arc<DirHandle>,
    /// Whose it is: kubelet's account.
    kubelet: u32,
    targets: Vec<LinkTarget>,
}

/// A volume of a pod on this node.
#[derive(Debug)]
pub struct HostVolume {
    /// The volume itself: a folder or a block device.
    pub root: Root,
    /// Where it was found, for people.
    pub path: PathBuf,
}

/// What stands at a place.
struct Match {
    pointer: OwnedFd,
    stat: Stat,
    path: PathBuf,
}

impl HostPods {
    /// Opens the folder, which the pod of the agent has mounted: `/host_pods`.
    ///
    /// # Errors
    ///
    /// [`HostPathError::Fs`] if it is not there or no folder.
    pub fn open(path: &Path) -> Result<Self, HostPathError> {
        let (folder, stat) = open_folder(path)?;
        Ok(Self {
            path: path.to_owned(),
            folder,
            kubelet: stat.uid,
            targets: Vec::new(),
        })
    }

    /// Lets links by which kubelet names block devices lead into a folder that it knows as
    /// `named`, `/var/lib/kubelet/plugins` or `/dev`, and that is mounted here at `path`.
    ///
    /// # Errors
    ///
    /// [`HostPathError::Fs`] if it is not there or no folder.
    pub fn devices_in(mut self, named: &Path, path: &Path) -> Result<Self, HostPathError> {
        let (folder, _) = open_folder(path)?;
        self.targets.push(LinkTarget {
            named: named.to_owned(),
            folder,
        });
        Ok(self)
    }

    /// Whether a pod that runs on this node has its folder here. If one has not, the folder is not
    /// kubelet's.
    ///
    /// # Errors
    ///
    /// [`HostPathError::BadName`]; [`HostPathError::Fs`] if that cannot be told.
    pub fn has(&self, pod: &Pod) -> Result<bool, HostPathError> {
        let name = pod.mirror.as_ref().unwrap_or(&pod.uid);
        check_name(name.as_bytes()).map_err(|_| HostPathError::BadName { name: name.clone() })?;
        match self.folder.point_at(&RelPath::root(), name.as_bytes()) {
            Ok((_, stat)) => Ok(stat.kind == Kind::Folder),
            Err(error) if error.is_vanished() => Ok(false),
            Err(source) => Err(self.fs(source)),
        }
    }

    /// Opens the volume at `place`.
    ///
    /// # Errors
    ///
    /// [`HostPathError`]; [`HostPathError::is_not_there`] tells whether it may come.
    pub fn volume(&self, place: &Place) -> Result<HostVolume, HostPathError> {
        let root = RelPath::root();
        let pod = self.folder.open_dir(&root, place.pod.as_bytes(), None);
        let pod = pod.map_err(|error| {
            if error.is_vanished() {
                HostPathError::NoPod {
                    path: self.path.join(&place.pod),
                }
            } else {
                self.fs(error)
            }
        })?;
        let mut found = self.matches(&pod, place)?;
        let count = found.len();
        let (Some(one), true) = (found.pop(), found.is_empty()) else {
            let pattern = self.path.join(place.pattern());
            return Err(HostPathError::NotOne {
                pattern: pattern.display().to_string(),
                found: count,
            });
        };
        match place.mode {
            VolumeMode::Filesystem => self.folder(place, one),
            VolumeMode::Block => self.device(one),
        }
    }

    /// What stands at a place in the folders of all plugins.
    fn matches(&self, pod: &DirHandle, place: &Place) -> Result<Vec<Match>, HostPathError> {
        let mut at = RelPath::root().child(place.pod.as_bytes());
        let mut path = self.path.join(&place.pod).join(place.plugins());
        let plugins = match pod.open_dir(&at, place.plugins().as_bytes(), None) {
            Ok(plugins) => plugins,
            Err(error) if error.is_vanished() => return Ok(Vec::new()),
            Err(error) => return Err(self.fs(error)),
        };
        at = at.child(place.plugins().as_bytes());
        let mut found = Vec::new();
        for name in names(&plugins).map_err(|errno| {
            self.fs(FsError::Io {
                action: "list the folder",
                path: at.clone(),
                source: errno,
            })
        })? {
            let plugin = match plugins.open_dir(&at, &name, None) {
                Ok(plugin) => plugin,
                // A file, or gone meanwhile.
                Err(FsError::Swapped { .. }) => continue,
                Err(error) if error.is_vanished() => continue,
                Err(error) => return Err(self.fs(error)),
            };
            let within = at.child(&name);
            path.push(String::from_utf8_lossy(&name).as_ref());
            found.extend(self.match_in(&plugin, &within, &path, place)?);
            path.pop();
        }
        Ok(found)
    }

    /// What stands at a place in the folder of one plugin.
    fn match_in(
        &self,
        plugin: &DirHandle,
        at: &RelPath,
        path: &Path,
        place: &Place,
    ) -> Result<Option<Match>, HostPathError> {
        let name = place.name.as_bytes();
        let seen = if place.within_mount {
            let path = path.join(&place.name);
            match plugin.open_dir(at, name, None) {
                Ok(volume) => volume.point_at(&at.child(name), b"mount"),
                Err(FsError::Swapped { .. }) => return Err(refused(path)),
                Err(error) => Err(error),
            }
        } else {
            plugin.point_at(at, name)
        };
        let mut path = path.join(&place.name);
        if place.within_mount {
            path.push("mount");
        }
        match seen {
            Ok((pointer, stat)) => Ok(Some(Match {
                pointer,
                stat,
                path,
            })),
            Err(error) if error.is_vanished() => Ok(None),
            Err(error) => Err(self.fs(error)),
        }
    }

    fn folder(&self, place: &Place, one: Match) -> Result<HostVolume, HostPathError> {
        let Match {
            pointer,
            stat,
            path,
        } = one;
        match stat.kind {
            Kind::Folder => {}
            Kind::Symlink => return Err(refused(path)),
            found => {
                return Err(HostPathError::WrongKind {
                    path,
                    found,
                    wanted: Kind::Folder,
                });
            }
        }
        let root = Root::of(pointer).map_err(|error| self.fs(error))?;
        // A kernel that tells no mounts (before 5.8) tells nothing here either.
        let bare = place.mounted && stat.mount.is_some() && !stat.mount_root;
        if bare && let Some(folder) = root.folder() {
            let names = names(folder).map_err(|errno| {
                self.fs(FsError::Io {
                    action: "list the folder",
                    path: RelPath::root(),
                    source: errno,
                })
            })?;
            if names.is_empty() {
                return Err(HostPathError::NotMounted { path });
            }
        }
        Ok(HostVolume { root, path })
    }

    fn device(&self, one: Match) -> Result<HostVolume, HostPathError> {
        let Match {
            pointer,
            stat,
            path,
        } = one;
        let root = match stat.kind {
            Kind::BlockDevice => Root::of(pointer).map_err(|error| self.fs(error))?,
            Kind::Symlink => follow(&path, &pointer, &stat, self.kubelet, &self.targets)?,
            found => {
                return Err(HostPathError::WrongKind {
                    path,
                    found,
                    wanted: Kind::BlockDevice,
                });
            }
        };
        Ok(HostVolume { root, path })
    }

    fn fs(&self, source: FsError) -> HostPathError {
        HostPathError::Fs {
            folder: self.path.clone(),
            source,
        }
    }
}

fn refused(path: PathBuf) -> HostPathError {
    HostPathError::Link {
        path,
        why: "kubelet makes folders there; find out who has made it".to_owned(),
    }
}

fn open_folder(path: &Path) -> Result<(Arc<DirHandle>, Stat), HostPathError> {
    let fs = |source| HostPathError::Fs {
        folder: path.to_owned(),
        source,
    };
    let root = Root::open(path).map_err(fs)?;
    let stat = *root.stat();
    match root.folder() {
        Some(folder) => Ok((Arc::clone(folder), stat)),
        None => Err(fs(FsError::WrongKind {
            path: RelPath::root(),
            found: stat.kind,
        })),
    }
}

/// Names in a folder of kubelet's, or the first ones of a volume.
fn names(folder: &DirHandle) -> Result<Vec<Vec<u8>>, Errno> {
    /// A node has some tens of plugins; of a volume, one name is enough.
    const MOST: usize = 4096;

    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(name);
        }
        if names.len() == MOST {
            break;
        }
    }
    Ok(names)
}
