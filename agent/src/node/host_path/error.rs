//! Why a volume is not found on the node.

use std::path::PathBuf;

use crate::fs::{FsError, Kind};

/// A volume that cannot be opened. Each says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostPathError {
    /// The claim is not there, or was not looked up.
    #[error(
        "volume {volume} is claim {claim}, which was not found with its persistent volume: wait \
         until it is bound, or leave the volume out"
    )]
    NoClaim {
        /// Name of the volume in the pod.
        volume: String,
        /// Name of the claim.
        claim: String,
    },
    /// Another claim or persistent volume was looked up than the pod names.
    #[error(
        "volume {volume} is claim {claim}, and {found} was looked up for it: somebody has replaced \
         one of them, so the volume is to be looked up again"
    )]
    OtherClaim {
        /// Name of the volume in the pod.
        volume: String,
        /// Name of the claim that the pod has.
        claim: String,
        /// What was given.
        found: String,
    },
    /// The claim that goes with the pod is somebody else's.
    #[error(
        "volume {volume} goes with the pod, and claim {claim} is not the pod's: delete or rename \
         that claim, then kubelet makes the right one"
    )]
    NotThePods {
        /// Name of the volume in the pod.
        volume: String,
        /// Name of the claim.
        claim: String,
    },
    /// A name that would lead out of its folder.
    #[error("{name:?} is no name of a pod or volume; the object that has it must be corrected")]
    BadName {
        /// The name.
        name: String,
    },
    /// The pod has no folder on this node.
    #[error(
        "{path} does not exist: the pod is gone from this node, or the kubelet's folder of pods is \
         another one and must be mounted there (--kubelet-root-dir)"
    )]
    NoPod {
        /// Where it would be.
        path: PathBuf,
    },
    /// Not exactly one place is the volume's.
    #[error("expected one matching path: {pattern}, got {found}; {}", next(*found))]
    NotOne {
        /// Where was looked.
        pattern: String,
        /// How many there are.
        found: usize,
    },
    /// Nothing is mounted where the volume should be, and the folder is empty: what is in the volume is
    /// not seen here.
    #[error(
        "{path} is an empty folder and nothing is mounted on it: mount the kubelet's folder of pods \
         with mountPropagation HostToContainer, or wait until the pod runs"
    )]
    NotMounted {
        /// Where it is.
        path: PathBuf,
    },
    /// A link stands there, and is not followed.
    #[error("{path} is a link, which is not followed: {why}")]
    Link {
        /// Where it is.
        path: PathBuf,
        /// Why not, and what to do.
        why: String,
    },
    /// Something else than a volume stands there.
    #[error(
        "{path} is a {found:?} where a {wanted:?} must be: the persistent volume's volumeMode has \
         changed, or kubelet has not set the volume up"
    )]
    WrongKind {
        /// Where it is.
        path: PathBuf,
        /// What stands there.
        found: Kind,
        /// What should.
        wanted: Kind,
    },
    /// The node's file system refused.
    #[error("cannot open the volume under {folder}")]
    Fs {
        /// The folder of pods.
        folder: PathBuf,
        /// Why.
        #[source]
        source: FsError,
    },
}

/// What to do when there is not exactly one place.
fn next(found: usize) -> &'static str {
    if found == 0 {
        "wait until kubelet has mounted the volume, and see that the folder of pods is mounted with \
         mountPropagation HostToContainer"
    } else {
        "a plugin has left a folder behind: restart the pod, or remove the folder that nothing is \
         mounted on"
    }
}

impl HostPathError {
    /// Whether the same volume may well be found a moment later: it is not there yet, or not any
    /// more.
    pub fn is_not_there(&self) -> bool {
        match self {
            Self::NoClaim { .. }
            | Self::NoPod { .. }
            | Self::NotOne { found: 0, .. }
            | Self::NotMounted { .. } => true,
            Self::OtherClaim { .. }
            | Self::NotThePods { .. }
            | Self::BadName { .. }
            | Self::NotOne { .. }
            | Self::Link { .. }
            | Self::WrongKind { .. } => false,
            Self::Fs { source, .. } => source.is_vanished(),
        }
    }
}
