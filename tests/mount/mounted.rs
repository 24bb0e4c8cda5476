//! A running `orlop mount`.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::bench::{Bench, Call};

/// Why nothing can be mounted here, if it is so.
pub(crate) fn cannot_mount() -> Option<String> {
    let device = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/fuse");
    match device {
        Err(error) => Some(format!("/dev/fuse: {error}")),
        Ok(_) if rustix::process::geteuid().is_root() => None,
        Ok(_) => match Command::new("fusermount3").arg("--version").output() {
            Ok(_) => None,
            Err(error) => Some(format!("not root, and fusermount3: {error}")),
        },
    }
}

/// A mounted folder. It is unmounted in the end, whatever happens.
pub(crate) struct Mounted {
    child: Child,
    pub(crate) folder: PathBuf,
    /// What it said when it was ready.
    pub(crate) ready: String,
}

/// How a mount ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) err: String,
}

impl Mounted {
    /// Mounts on a new folder, by `orlop mount ARGS FOLDER`, and waits until it is ready.
    pub(crate) fn new<I: IntoIterator<Item: AsRef<OsStr>>>(bench: &Bench, args: I) -> Self {
        Self::with_settings(bench, args, &[])
    }

    /// The same with settings in the environment.
    pub(crate) fn with_settings<I: IntoIterator<Item: AsRef<OsStr>>>(
        bench: &Bench,
        args: I,
        settings: &[(String, String)],
    ) -> Self {
        let folder = (0..1000)
            .map(|n| bench.path(&format!("mounted-{n}")))
            .find(|folder| !folder.exists())
            .unwrap();
        std::fs::create_dir(&folder).unwrap();
        let call = bench.orlop(["mount"]);
        let mut command = args
            .into_iter()
            .fold(call, Call::arg)
            .arg(&folder)
            .into_command();
        let mut child = command
            .envs(settings.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut ready).unwrap();
        let mut mounted = Self {
            child,
            folder,
            ready,
        };
        assert!(!mounted.ready.is_empty(), "{:?}", mounted.end());
        mounted
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([name, &pid]).status();
        assert!(status.unwrap().success());
    }

    /// The next line of standard error.
    pub(crate) fn said(&mut self) -> String {
        // Byte by byte: what follows is for the next one who asks.
        let mut line = Vec::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        let mut byte = [0];
        while stderr.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }

    /// Unmounts it, as anybody would, and gives how it ended.
    pub(crate) fn unmount(mut self) -> Ended {
        umount(&self.folder, &[]);
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> Ended {
        let mut err = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut err).unwrap();
        let code = self.child.wait().unwrap().code();
        Ended { code, err }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            umount(&self.folder, &["-l"]);
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

fn umount(folder: &Path, options: &[&str]) {
    let output = Command::new("umount").args(options).arg(folder).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() || std::thread::panicking(),
        "{said}"
    );
}
