//! A user of their own for each test: home, files, and the binary.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A home folder and what is in it.
pub(crate) struct Bench {
    folder: TempDir,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    /// An empty home and a folder `source` with some files.
    pub(crate) fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let source = bench.source();
        std::fs::create_dir_all(source.join("sub/deep")).unwrap();
        std::fs::create_dir_all(bench.path("home")).unwrap();
        std::fs::write(source.join("a.txt"), "hello\n").unwrap();
        std::fs::write(source.join("sub/b.conf"), "x = 1\n").unwrap();
        std::fs::write(source.join("sub/deep/data"), noise(300_000, 1)).unwrap();
        std::fs::write(source.join("empty"), "").unwrap();
        std::os::unix::fs::symlink("a.txt", source.join("link")).unwrap();
        std::fs::hard_link(source.join("a.txt"), source.join("same")).unwrap();
        bench
    }

    /// A bench whose own repository holds one snapshot of `source`.
    pub(crate) fn with_snapshot() -> Self {
        let bench = Self::new();
        bench
            .orlop(["backup", "--volume", "v"])
            .arg(bench.source())
            .run()
            .done();
        bench
    }

    /// A path below the temporary folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The files to save.
    pub(crate) fn source(&self) -> PathBuf {
        self.path("source")
    }

    /// Where the user's own repository is.
    pub(crate) fn repository(&self) -> PathBuf {
        self.path("home/.local/share/orlop/repository")
    }

    /// Where its key is.
    pub(crate) fn key(&self) -> PathBuf {
        self.path("home/.config/orlop/key")
    }

    /// The binary with `args`, in the temporary folder, knowing nothing of this machine's user.
    pub(crate) fn orlop<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Call {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orlop"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("TZ", "UTC")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        Call(command)
    }

    /// The packs of the user's own repository, the largest first.
    pub(crate) fn packs(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for session in std::fs::read_dir(self.repository().join("packs")).unwrap() {
            for pack in std::fs::read_dir(session.unwrap().path()).unwrap() {
                found.push(pack.unwrap().path());
            }
        }
        found.sort_by_key(|pack| std::cmp::Reverse(std::fs::metadata(pack).unwrap().len()));
        found
    }
}

/// A command that is about to run.
pub(crate) struct Call(Command);

impl Call {
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(key, value);
        self
    }

    /// Gives `bytes` on standard input.
    pub(crate) fn run_with(mut self, bytes: &[u8]) -> Run {
        use std::io::Write as _;

        self.0
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.0.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = bytes.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&bytes));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        Run::of(output)
    }

    pub(crate) fn run(mut self) -> Run {
        Run::of(self.0.output().unwrap())
    }

    /// The bytes of standard output of a command that succeeds.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let output = self.0.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    pub(crate) fn into_command(self) -> Command {
        self.0
    }
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails the test unless the command succeeded.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Fails the test unless the command ended with `code` and said `words`.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, words: &str) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(words), "{self:?}");
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// Standard output as one JSON value a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Bytes that neither compress nor repeat.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            // Marsaglia's xorshift64.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[4]
        })
        .collect()
}

/// Files and folders below `folder` with their content, by relative path.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            let name = entry.path().strip_prefix(folder).unwrap().to_owned();
            if kind.is_dir() {
                folders.push(entry.path());
                found.push((name, None));
            } else if kind.is_symlink() {
                let target = std::fs::read_link(entry.path()).unwrap();
                found.push((name, Some(target.into_os_string().into_encoded_bytes())));
            } else {
                found.push((name, Some(std::fs::read(entry.path()).unwrap())));
            }
        }
    }
    found.sort();
    found
}
