//! A pod's volume on this node: found under kubelet's folder of pods, and opened.
//!
//! Kubelet mounts the volumes of a pod in a folder named by its UID. Where exactly depends on the
//! kind of volume ([`Place`]); which plugin mounted it is not asked, so one folder among those of
//! all plugins must match.
//!
//! The folders around a volume are kubelet's, what is in the volume is the tenant's. So every step
//! goes by a descriptor and follows no link, and what is found is given as what was opened, not as
//! a path: [`HostVolume::root`] goes to the engine as it is. The one link that is followed is the
//! one by which kubelet itself names a block device, and only into folders that were named for it.

mod device_link;
mod error;
mod place;
mod pods;
#[cfg(test)]
mod tests;

pub use error::HostPathError;
pub use place::{Place, place};
pub use pods::{HostPods, HostVolume};
