//! S3: versitygw over a folder.

use std::path::{Path, PathBuf};

use crate::error::ServerError;
use crate::process::Process;
use crate::tools;

/// A request that a server has answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What was asked, as the S3 API calls it: `GetObject`.
    pub operation: String,
    /// The object, or what was listed.
    pub what: String,
    /// Status of the answer.
    pub status: u16,
}

/// An S3 server.
#[derive(Debug)]
pub struct S3Server {
    process: Process,
}

/// Beside the data.
const ACCESS_LOG: &str = "access.log";

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
                "--access-log".into(),
                data.with_file_name(ACCESS_LOG).into(),
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
        std::fs::create_dir(self.bucket_folder(name))?;
        Ok(format!("s3://{name}"))
    }

    /// Where the server keeps the objects of a bucket, a file for each. What stands in it below
    /// names that no object has is the server's own.
    pub fn bucket_folder(&self, name: &str) -> PathBuf {
        self.process.folder().join(name)
    }

    /// Puts the files of the folder `from`, which holds no links, into an empty bucket as objects.
    pub fn fill_bucket(&self, name: &str, from: &Path) -> Result<(), ServerError> {
        copy(from, &self.bucket_folder(name))
    }

    /// Every request that was answered so far, in order. The server writes its log before it
    /// answers, so a client that has its answer finds it here.
    pub fn requests(&self) -> Result<Vec<Request>, ServerError> {
        let log = self.process.folder().with_file_name(ACCESS_LOG);
        let text = std::fs::read_to_string(log)?;
        text.lines().skip(1).map(Request::parse).collect()
    }

    /// Endpoint and credentials, by their names in the environment.
    pub fn settings(&self) -> Vec<(String, String)> {
        self.settings_at(self.endpoint())
    }

    /// The same for whoever reaches it at another endpoint.
    pub fn settings_at(&self, endpoint: String) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET_KEY.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }
}

impl Request {
    /// Reads a line of the access log: owner, bucket, time (two words), address, requester, id,
    /// operation, key, URI, status, and more.
    fn parse(line: &str) -> Result<Self, ServerError> {
        let words: Vec<_> = line.split(' ').collect();
        let parsed = || {
            let operation = words.get(7)?.strip_prefix("s3_")?.to_owned();
            let what = match words.get(8) {
                Some(&"-") | None => words.get(9)?,
                Some(key) => key,
            };
            let status = words.get(10)?.parse().ok()?;
            let what = (*what).to_owned();
            Some(Self {
                operation,
                what,
                status,
            })
        };
        parsed().ok_or_else(|| ServerError::new(format!("the server logged {line:?}")))
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), ServerError> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
