//! Azure Blob Storage: Azurite over a folder.

use std::process::Command;

use crate::error::ServerError;
use crate::process::Process;
use crate::tools;

/// An Azure Blob server.
#[derive(Debug)]
pub struct AzureServer {
    process: Process,
}

impl AzureServer {
    /// Account and key that Azurite's manual publishes.
    const ACCOUNT: &str = "devstoreaccount1";
    const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/\
                       K1SZFPTOtr/KBHBeksoGMGw==";

    /// Starts one.
    pub fn start() -> Result<Self, ServerError> {
        let script = tools::find(
            "azurite",
            "AZURITE",
            "node_modules/azurite/dist/src/blob/main.js",
        )?;
        let process = Process::start(|port, data| {
            vec![
                "node".into(),
                script.clone().into(),
                "--silent".into(),
                "--disableTelemetry".into(),
                "--skipApiVersionCheck".into(),
                "--blobHost".into(),
                "127.0.0.1".into(),
                "--blobPort".into(),
                port.to_string().into(),
                "--location".into(),
                data.into(),
            ]
        })?;
        Ok(Self { process })
    }

    /// Its URL, account included.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.process.port(), Self::ACCOUNT)
    }

    /// Makes an empty container; gives its URL.
    pub fn container(&self, name: &str) -> Result<String, ServerError> {
        let made = Command::new("node")
            .args([
                "-e",
                include_str!("create_container.js"),
                "create_container.js",
            ])
            .args([
                &self.process.port().to_string(),
                Self::ACCOUNT,
                Self::KEY,
                name,
            ])
            .output()?;
        if !made.status.success() {
            let reason = String::from_utf8_lossy(&made.stderr);
            return Err(ServerError::new(format!(
                "cannot make container {name}: {reason}"
            )));
        }
        Ok(format!("az://{name}"))
    }

    /// Endpoint and credentials, by their names in the environment.
    pub fn settings(&self) -> Vec<(String, String)> {
        [
            ("AZURE_STORAGE_ENDPOINT", self.endpoint()),
            ("AZURE_STORAGE_ACCOUNT_NAME", Self::ACCOUNT.to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", Self::KEY.to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }
}
