//! Google Cloud Storage: fake-gcs-server behind `gcs-xml`, which adds the XML interface.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use crate::error::ServerError;
use crate::process::Process;
use crate::tools;

/// A Google Cloud Storage server.
#[derive(Debug)]
pub struct GcsServer {
    process: Process,
}

impl GcsServer {
    /// Starts one.
    pub fn start() -> Result<Self, ServerError> {
        let program = tools::find("fake-gcs-server", "FAKE_GCS_SERVER", "fake-gcs-server")?;
        let front = tools::find("gcs-xml", "GCS_XML", "gcs-xml")?;
        let process = Process::start(|port, _data| {
            vec![
                front.clone().into(),
                port.to_string().into(),
                program.clone().into(),
            ]
        })?;
        Ok(Self { process })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.process.port())
    }

    /// Makes an empty bucket; gives its URL.
    pub fn bucket(&self, name: &str) -> Result<String, ServerError> {
        let body = format!("{{\"name\": \"{name}\"}}");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.process.port()))?;
        write!(
            stream,
            "POST /storage/v1/b HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.process.port(),
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(ServerError::new(format!(
                "cannot make bucket {name}: {answer}"
            )));
        }
        Ok(format!("gs://{name}"))
    }

    /// Endpoint and credentials, by their names in the environment.
    pub fn settings(&self) -> Vec<(String, String)> {
        let account = r#"{"disable_oauth": true, "client_email": "", "private_key": "",
            "private_key_id": ""}"#;
        [
            ("GOOGLE_BASE_URL", self.endpoint()),
            ("GOOGLE_SERVICE_ACCOUNT_KEY", account.to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }
}
