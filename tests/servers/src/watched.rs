//! A process that cannot outlive its test.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::ServerError;

/// Runs the server, and kills it as soon as standard input ends, which it does when the test
/// process drops it or dies.
const WATCH: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -9 "$server" 2>/dev/null; } &
wait "$server"
"#;

/// A running process. It is killed, and is gone, when the value is dropped; it is killed, too, when
/// the process that started it dies in any way.
#[derive(Debug)]
pub struct Watched {
    watcher: Child,
    log: PathBuf,
}

impl Watched {
    /// Runs a command in `folder`. What it writes is added to the file `log`.
    pub fn start(
        command: impl IntoIterator<Item = impl AsRef<OsStr>>,
        folder: &Path,
        log: PathBuf,
    ) -> Result<Self, ServerError> {
        let output = File::options().append(true).create(true).open(&log)?;
        let watcher = Command::new("sh")
            .args(["-c", WATCH, "sh"])
            .args(command)
            .current_dir(folder)
            // Ctrl-C ends the test's own process group, and is not to end the watcher with it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Self { watcher, log })
    }

    /// # Errors
    ///
    /// If it does not run any more: how it ended, and its output.
    pub fn check(&mut self) -> Result<(), ServerError> {
        match self.watcher.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.error(&format!("the server ended with {status}"))),
        }
    }

    /// An error for `reason`, with the output.
    pub fn error(&self, reason: &str) -> ServerError {
        ServerError::new(format!("{reason}; its output:\n{}", self.output()))
    }

    /// What it has written, and what those wrote that were started before with the same log.
    pub fn output(&self) -> String {
        let output = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&output).into_owned()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        self.watcher.wait().ok();
    }
}
