//! Where kubelet puts a volume in the folder of its pod.

use super::error::HostPathError;
use crate::fs::check_name;
use crate::node::described::{Claim, PersistentVolume, Pod, PodVolume, VolumeMode, VolumeSource};

/// Where a volume is, in the folder of its pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the pod's folder.
    pub(super) pod: String,
    /// How it is seen, which decides the folder that the plugins' folders are in.
    pub(super) mode: VolumeMode,
    /// Name of its folder in that of its plugin.
    pub(super) name: String,
    /// Whether it is the folder `mount` in that.
    pub(super) within_mount: bool,
    /// Whether something is mounted there: then an empty folder without a mount is not the volume.
    pub(super) mounted: bool,
}

impl Place {
    /// Folder of the plugins' folders.
    pub(super) fn plugins(&self) -> &'static str {
        match self.mode {
            VolumeMode::Filesystem => "volumes",
            VolumeMode::Block => "volumeDevices",
        }
    }

    /// How the volume is seen.
    pub fn mode(&self) -> VolumeMode {
        self.mode
    }

    /// The path below the folder of pods, `*` for the plugin.
    pub fn pattern(&self) -> String {
        let end = if self.within_mount { "/mount" } else { "" };
        format!("{}/{}/*/{}{end}", self.pod, self.plugins(), self.name)
    }
}

/// Where `volume` of `pod` is. Of one that is a claim, `bound` is that claim and the persistent
/// volume that it is bound to; `drivers` are the names of the cluster's `CSIDriver` objects.
///
/// Volumes that are never data have places too: nobody should ask for them, see
/// [`never_data`](crate::node::volume_kinds::never_data).
///
/// # Errors
///
/// [`HostPathError`]: what was given does not belong together, or has names that no folder has.
pub fn place(
    pod: &Pod,
    volume: &PodVolume,
    bound: Option<(&Claim, &PersistentVolume)>,
    drivers: &[impl AsRef<str>],
) -> Result<Place, HostPathError> {
    let (name, mode, within_mount, mounted) = match &volume.source {
        VolumeSource::Claim { .. } | VolumeSource::EphemeralClaim => {
            let persistent = bound_volume(pod, volume, bound)?;
            let folder = persistent.mode == VolumeMode::Filesystem;
            let within_mount = folder && persistent.is_csi(drivers);
            (&persistent.name, persistent.mode, within_mount, true)
        }
        VolumeSource::InlineCsi { .. } => (&volume.name, VolumeMode::Filesystem, true, true),
        source => {
            let mounted = match source {
                VolumeSource::EmptyDir { in_memory } => *in_memory,
                // Kubelet fills a folder of its own.
                VolumeSource::InTree { kind } => kind != "gitRepo",
                _ => false,
            };
            (&volume.name, VolumeMode::Filesystem, false, mounted)
        }
    };
    let pod = pod.mirror.as_ref().unwrap_or(&pod.uid);
    for name in [pod, name] {
        check_name(name.as_bytes()).map_err(|_| HostPathError::BadName { name: name.clone() })?;
    }
    Ok(Place {
        pod: pod.clone(),
        mode,
        name: name.clone(),
        within_mount,
        mounted,
    })
}

/// The persistent volume, if it is that of the claim that the pod names.
fn bound_volume<'a>(
    pod: &Pod,
    volume: &PodVolume,
    bound: Option<(&Claim, &'a PersistentVolume)>,
) -> Result<&'a PersistentVolume, HostPathError> {
    let wanted = volume.claim(&pod.name).unwrap_or_default();
    let Some((claim, persistent)) = bound else {
        return Err(HostPathError::NoClaim {
            volume: volume.name.clone(),
            claim: wanted,
        });
    };
    let other = |found: String| HostPathError::OtherClaim {
        volume: volume.name.clone(),
        claim: wanted.clone(),
        found,
    };
    if claim.name != wanted {
        return Err(other(format!("claim {}", claim.name)));
    }
    if claim.volume.as_ref() != Some(&persistent.name) {
        return Err(other(format!("persistent volume {}", persistent.name)));
    }
    if volume.source == VolumeSource::EphemeralClaim && !claim.owners.contains(&pod.uid) {
        return Err(HostPathError::NotThePods {
            volume: volume.name.clone(),
            claim: wanted,
        });
    }
    Ok(persistent)
}
