//! A server process that cannot outlive its test.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::ServerError;

/// Looks at the port before a server counts as broken, 20 ms apart: 30 s.
const LOOKS: u32 = 1500;

/// Ports to try: another process may take one between our choice and the server's start.
const PORTS: u32 = 3;

/// Runs the server, and kills it as soon as standard input ends, which it does when the test
/// process drops it or dies.
const WATCH: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -9 "$server" 2>/dev/null; } &
wait "$server"
"#;

/// A running server and its data.
#[derive(Debug)]
pub(crate) struct Process {
    watcher: Child,
    port: u16,
    data: TempDir,
}

impl Process {
    /// Starts the server whose command line `command` gives for a port and a data folder, and
    /// waits until it takes connections.
    pub(crate) fn start(
        command: impl Fn(u16, &Path) -> Vec<OsString>,
    ) -> Result<Self, ServerError> {
        let mut last = ServerError::new("no port was tried");
        for _ in 0..PORTS {
            match Self::try_start(&command) {
                Ok(process) => return Ok(process),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn try_start(command: impl Fn(u16, &Path) -> Vec<OsString>) -> Result<Self, ServerError> {
        let data = TempDir::new()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let log_path = data.path().join("server.log");
        let log = File::create(&log_path)?;
        let folder = data.path().join("data");
        std::fs::create_dir(&folder)?;
        let watcher = Command::new("sh")
            .args(["-c", WATCH, "sh"])
            .args(command(port, &folder))
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut process = Self {
            watcher,
            port,
            data,
        };
        process.wait_until_ready().map_err(|reason| {
            let log = std::fs::read_to_string(&log_path).unwrap_or_default();
            ServerError::new(format!("{reason}; its output:\n{log}"))
        })?;
        Ok(process)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        for _ in 0..LOOKS {
            let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
            if let Some(status) = self.watcher.try_wait().map_err(|error| error.to_string())? {
                return Err(format!("the server ended with {status}"));
            }
            if connected {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("the server does not listen on port {}", self.port))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where the server keeps its data.
    pub(crate) fn folder(&self) -> std::path::PathBuf {
        self.data.path().join("data")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        self.watcher.wait().ok();
    }
}
