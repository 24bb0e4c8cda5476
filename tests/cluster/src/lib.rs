//! A real Kubernetes control plane for tests: kube-apiserver over etcd, and nothing else.
//!
//! There is no controller-manager, scheduler or kubelet, so nothing happens by itself: no pod
//! starts, no claim is bound, no namespace goes away, nothing is collected with its owner. What a
//! test needs of it, it makes with [`objects`], as those would have left it.
//!
//! Who may do what is decided as in a real cluster: [`ControlPlane::client`] may do everything, and
//! [`accounts`] gives what a pod would have. The programs come from `tests/setup.sh`.

pub mod accounts;
mod certificates;
pub mod crds;
mod error;
mod folder;
pub mod objects;
mod plane;
mod port;
mod servers;
mod until;

pub use error::ClusterError;
pub use plane::ControlPlane;
