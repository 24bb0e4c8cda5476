//! A temporary folder that goes even if its test process is killed.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Waits for the end of standard input, then removes the folder. Servers that are killed at the
/// same time may still write into it, hence more than one try.
const KEEP: &str = r#"
cat >/dev/null
for _ in 1 2 3 4 5 6 7 8 9; do
    rm -rf "$1" 2>/dev/null && exit
    sleep 0.1
done
"#;

/// A folder of its own, which is gone when the value is dropped.
///
/// A `tempfile::TempDir` would stay behind for a value in a static, which is never dropped, and
/// where a test is killed; a data folder of etcd has 128 MB.
#[derive(Debug)]
pub(crate) struct Folder {
    keeper: Child,
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new() -> std::io::Result<Self> {
        let path = tempfile::Builder::new()
            .prefix("orlop-cluster-")
            .tempdir()?
            .keep();
        let keeper = Command::new("sh")
            .args(["-c", KEEP, "sh"])
            .arg(&path)
            // As with the servers: Ctrl-C is not to end it before its work.
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()?;
        Ok(Self { keeper, path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().ok();
    }
}
