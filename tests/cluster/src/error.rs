//! Why there is no control plane.

use orlop_test_servers::ServerError;

/// What went wrong, for whoever runs the tests.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A server does not start or has ended; its output is in the message.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The API server answers otherwise than it must.
    #[error(transparent)]
    Kubernetes(#[from] kube::Error),
    /// The API server does not come to be as it must.
    #[error(transparent)]
    Wait(#[from] kube::runtime::wait::Error),
    /// The client makes nothing of its own configuration.
    #[error(transparent)]
    Config(#[from] kube::config::KubeconfigError),
    /// A certificate cannot be made.
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    /// A file cannot be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It was waited for in vain.
    #[error("it does not come to be that {what}")]
    Never {
        /// What was waited for.
        what: &'static str,
    },
    /// The control plane was stopped.
    #[error("the control plane is stopped")]
    Stopped,
}
