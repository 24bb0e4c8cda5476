//! A server process with a port and a data folder of its own.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::error::ServerError;
use crate::watched::Watched;

/// Looks at the port before a server counts as broken, 20 ms apart: 30 s.
const LOOKS: u32 = 1500;

/// Ports to try: another process may take one between our choice and the server's start.
const PORTS: u32 = 3;

/// A running server and its data, which goes after it.
#[derive(Debug)]
pub(crate) struct Process {
    server: Watched,
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
        let folder = data.path().join("data");
        std::fs::create_dir(&folder)?;
        let log = data.path().join("server.log");
        let server = Watched::start(command(port, &folder), data.path(), log)?;
        let mut process = Self { server, port, data };
        process.wait_until_ready()?;
        Ok(process)
    }

    fn wait_until_ready(&mut self) -> Result<(), ServerError> {
        for _ in 0..LOOKS {
            let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
            self.server.check()?;
            if connected {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let reason = format!("the server does not listen on port {}", self.port);
        Err(self.server.error(&reason))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where the server keeps its data.
    pub(crate) fn folder(&self) -> std::path::PathBuf {
        self.data.path().join("data")
    }
}
