//! The two processes of a control plane.

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::Path;

use orlop_test_servers::{ServerError, Watched, tool};

use crate::certificates::Authority;
use crate::error::ClusterError;

/// Of etcd, in its folder. It puts sockets nowhere else and insists on a port in their names.
const CLIENTS: &str = "localhost:1";
const PEERS: &str = "localhost:2";

/// A program of the Kubernetes release that tests use.
pub(crate) fn program(name: &str) -> Result<OsString, ServerError> {
    Ok(tool("kubernetes", "KUBERNETES", name)?.into())
}

/// Writes what the API server proves itself with, and signs and checks tokens with.
pub(crate) fn write_credentials(folder: &Path, authority: &Authority) -> Result<(), ClusterError> {
    let server = authority.server()?;
    let tokens = rcgen::KeyPair::generate()?;
    for (file, content) in [
        ("authority.crt", authority.certificate()),
        ("server.crt", &server.certificate),
        ("server.key", &server.key),
        ("tokens.key", &tokens.serialize_pem()),
        ("tokens.pub", &tokens.public_key_pem()),
    ] {
        std::fs::write(folder.join(file), content)?;
    }
    Ok(())
}

/// Starts etcd over what it finds in `folder`. It is killed and not asked to stop in the end: what
/// it has written then is with the kernel, so it needs no fsync.
pub(crate) fn etcd(folder: &Path) -> Result<Watched, ServerError> {
    let clients = format!("unix://{CLIENTS}");
    let peers = format!("unix://{PEERS}");
    let command = [
        program("etcd")?,
        "--name=test".into(),
        "--data-dir=etcd".into(),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
        format!("--listen-client-urls={clients}").into(),
        format!("--advertise-client-urls={clients}").into(),
        format!("--listen-peer-urls={peers}").into(),
        format!("--initial-advertise-peer-urls={peers}").into(),
        format!("--initial-cluster=test={peers}").into(),
        // Its elections have one candidate, who need not wait for others.
        "--heartbeat-interval=10".into(),
        "--election-timeout=50".into(),
    ];
    Watched::start(command, folder, folder.join("etcd.log"))
}

/// Whether etcd takes connections.
pub(crate) fn etcd_listens(folder: &Path) -> bool {
    UnixStream::connect(folder.join(CLIENTS)).is_ok()
}

/// Starts the API server.
pub(crate) fn api_server(folder: &Path, port: u16) -> Result<Watched, ServerError> {
    let command = [
        program("kube-apiserver")?,
        format!("--etcd-servers=unix://{CLIENTS}").into(),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}").into(),
        "--permit-port-sharing".into(),
        "--tls-cert-file=server.crt".into(),
        "--tls-private-key-file=server.key".into(),
        "--client-ca-file=authority.crt".into(),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        "--service-account-signing-key-file=tokens.key".into(),
        "--service-account-key-file=tokens.pub".into(),
        "--authorization-mode=RBAC".into(),
        "--allow-privileged".into(),
        // A controller would have to take its finalizers off again.
        "--disable-admission-plugins=StorageObjectInUseProtection".into(),
        // No pod reaches the API server through its service: there are none.
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        "--advertise-address=127.0.0.1".into(),
        "--endpoint-reconciler-type=none".into(),
        "--profiling=false".into(),
    ];
    Watched::start(command, folder, folder.join("kube-apiserver.log"))
}
