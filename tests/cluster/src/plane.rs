//! The control plane as a whole.

use std::path::{Path, PathBuf};
use std::process::Command;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use orlop_test_servers::{Watched, tool};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::accounts;
use crate::certificates::Authority;
use crate::error::ClusterError;
use crate::folder::Folder;
use crate::port::ReservedPort;
use crate::servers;
use crate::until::{LOOKS, PAUSE};

static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();

/// An API server and its database, with data of their own. They end with the value, and with the
/// process that started them; then their data is gone, too.
#[derive(Debug)]
pub struct ControlPlane {
    // In this order: the servers end before their folder goes.
    running: Option<Running>,
    folder: Folder,
    port: ReservedPort,
    config: Config,
}

#[derive(Debug)]
struct Running {
    api_server: Watched,
    _etcd: Watched,
}

impl ControlPlane {
    /// Starts one, and waits until it is ready for everything.
    pub async fn start() -> Result<Self, ClusterError> {
        let folder = Folder::new()?;
        let port = ReservedPort::new()?;
        let authority = Authority::new()?;
        servers::write_credentials(folder.path(), &authority)?;
        let config = write_kubeconfig(folder.path(), &authority, port.number()).await?;
        let mut plane = Self {
            running: None,
            folder,
            port,
            config,
        };
        plane.resume().await?;
        Ok(plane)
    }

    /// The one of this test process, started when it is first asked for. Every test takes
    /// namespaces of its own, and leaves alone what belongs to none.
    pub async fn shared() -> Result<&'static Self, ClusterError> {
        SHARED.get_or_try_init(Self::start).await
    }

    /// Kills both servers. Their data and their port stay theirs.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts what was stopped, over the same data and at the same port.
    pub async fn resume(&mut self) -> Result<(), ClusterError> {
        if self.running.is_some() {
            return Ok(());
        }
        let folder = self.folder.path();
        let mut etcd = servers::etcd(folder)?;
        wait(&mut etcd, "etcd", async || servers::etcd_listens(folder)).await?;
        let mut api_server = servers::api_server(folder, self.port.number())?;
        let client = self.client()?;
        wait(&mut api_server, "kube-apiserver", async || {
            is_ready(&client).await
        })
        .await?;
        self.running = Some(Running {
            api_server,
            _etcd: etcd,
        });
        Ok(())
    }

    /// A client that may do everything. It belongs to the runtime that it is made in.
    pub fn client(&self) -> Result<Client, ClusterError> {
        Ok(Client::try_from(self.config.clone())?)
    }

    /// A client that may do what the bearer of a token may.
    pub fn client_with_token(&self, token: String) -> Result<Client, ClusterError> {
        let mut config = self.config.clone();
        config.auth_info = kube::config::AuthInfo {
            token: Some(token.into()),
            ..Default::default()
        };
        Ok(Client::try_from(config)?)
    }

    /// A client that may do what a service account may.
    pub async fn client_as(&self, namespace: &str, account: &str) -> Result<Client, ClusterError> {
        let token = accounts::token(&self.client()?, namespace, account, &[], None).await?;
        self.client_with_token(token)
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        self.config.cluster_url.to_string()
    }

    /// A configuration file for programs, for a user that may do everything.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join(KUBECONFIG)
    }

    /// The certificate of its authority, as PEM: a pod's `ca.crt`.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.crt")
    }

    /// Kubernetes' own client as a user that may do everything.
    pub fn kubectl(&self) -> Result<Command, ClusterError> {
        Ok(self.command(&servers::program("kubectl")?))
    }

    /// Velero's client as a user that may do everything.
    pub fn velero(&self) -> Result<Command, ClusterError> {
        let program = tool("velero", "VELERO", "velero")?;
        Ok(self.command(program.as_ref()))
    }

    /// A program that finds this control plane and nothing of whoever runs the tests.
    fn command(&self, program: &std::ffi::OsStr) -> Command {
        let mut command = Command::new(program);
        command
            .env("KUBECONFIG", self.kubeconfig())
            // Caches and settings of the programs.
            .env("HOME", self.folder.path());
        command
    }

    /// What the API server has written.
    pub fn output(&self) -> Result<String, ClusterError> {
        let running = self.running.as_ref().ok_or(ClusterError::Stopped)?;
        Ok(running.api_server.output())
    }
}

impl Drop for ControlPlane {
    /// A test that fails says what the API server had to say, as far as that is worth a warning.
    #[expect(clippy::print_stderr, reason = "beside the panic's message")]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let output = self.output().unwrap_or_default();
        let warnings = output.lines().filter(|line| !line.starts_with('I'));
        for line in warnings {
            eprintln!("kube-apiserver: {line}");
        }
    }
}

/// In the folder of the control plane.
const KUBECONFIG: &str = "kubeconfig.json";

async fn write_kubeconfig(
    folder: &Path,
    authority: &Authority,
    port: u16,
) -> Result<Config, ClusterError> {
    let admin = authority.user("admin", "system:masters")?;
    for (file, content) in [("admin.crt", &admin.certificate), ("admin.key", &admin.key)] {
        std::fs::write(folder.join(file), content)?;
    }
    let content = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "clusters": [{"name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority": folder.join("authority.crt"),
        }}],
        "users": [{"name": "admin", "user": {
            "client-certificate": folder.join("admin.crt"),
            "client-key": folder.join("admin.key"),
        }}],
    });
    let file = folder.join(KUBECONFIG);
    std::fs::write(&file, content.to_string())?;
    let kubeconfig = Kubeconfig::read_from(file)?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}

/// Waits until a server is as it should be, or has ended.
async fn wait(
    server: &mut Watched,
    name: &str,
    ready: impl AsyncFn() -> bool,
) -> Result<(), ClusterError> {
    for _ in 0..LOOKS {
        if ready().await {
            return Ok(());
        }
        server.check()?;
        tokio::time::sleep(PAUSE).await;
    }
    Err(server
        .error(&format!("{name} does not become ready"))
        .into())
}

async fn is_ready(client: &Client) -> bool {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
        return false;
    };
    client.request_text(request).await.is_ok()
}
