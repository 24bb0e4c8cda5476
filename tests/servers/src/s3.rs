//! S3: versitygw over a folder.

use crate::error::ServerError;
use crate::process::Process;
use crate::tools;

/// An S3 server.
#[derive(Debug)]
pub struct S3Server {
    process: Process,
}

impl S3Server {
    const ACCESS_KEY: &str = "orlop-access";
    const SECRET_KEY: &str = "orlop-secret";

    /// Starts one.
    pub fn start() -> Result<Self, ServerError> {
        let program = tools::find("versitygw", "VERSITYGW", "versitygw")?;
        let process = Process::start(|port, data| {
            let sidecar = data.with_file_name("sidecar");
            std::fs::create_dir_all(&sidecar).ok();
            vec![
                program.clone().into(),
                "--quiet".into(),
                "--keep-alive".into(),
                "--access".into(),
                Self::ACCESS_KEY.into(),
                "--secret".into(),
                Self::SECRET_KEY.into(),
                "--port".into(),
                format!("127.0.0.1:{port}").into(),
                "posix".into(),
                // Metadata beside the objects: not every temporary folder has xattrs.
                "--sidecar".into(),
                sidecar.into(),
                data.into(),
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
        std::fs::create_dir(self.process.folder().join(name))?;
        Ok(format!("s3://{name}"))
    }

    /// Endpoint and credentials, by their names in the environment.
    pub fn settings(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET_KEY.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }
}
