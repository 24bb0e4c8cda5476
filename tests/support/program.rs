//! The program, as processes of several users of one repository on a disk or in a bucket.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use orlop_test_servers::S3Server;
use serde_json::Value;
use tempfile::TempDir;

/// Runs a program, and tells the most memory that it had, in KiB, on the last line of its standard
/// error.
const MEASURE: &str = "
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)
";

/// Memory that each process has, in bytes.
pub(crate) const MEMORY: u64 = 48 << 20;

/// Where repositories stand.
pub(crate) struct Stand {
    pub(crate) folder: TempDir,
    server: Option<S3Server>,
}

/// A repository, or the room for one.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// As the program takes it.
    pub(crate) url: String,
    /// Where its objects lie, a file for each.
    pub(crate) objects: PathBuf,
}

/// Somebody with a key and a cache of their own.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) home: PathBuf,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    /// The most memory that it had, in KiB; 0 if that was not measured.
    pub(crate) peak: u64,
}

impl Stand {
    /// On this machine's disk.
    pub(crate) fn local() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            server: None,
        }
    }

    /// In a real S3 server.
    pub(crate) fn s3() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            server: Some(S3Server::start().unwrap()),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Room for a repository; `name` is one of a bucket.
    pub(crate) fn place(&self, name: &str) -> Place {
        match &self.server {
            Some(server) => Place {
                url: server.bucket(name).unwrap(),
                objects: server.bucket_folder(name),
            },
            None => Place {
                url: self.path(name).to_str().unwrap().to_owned(),
                objects: self.path(name),
            },
        }
    }

    /// A copy of the objects of `from` at a place of its own.
    pub(crate) fn copy_of(&self, from: &Place, name: &str) -> Place {
        let place = self.place(name);
        if !from.objects.exists() {
            return place;
        }
        for object in from.contents().into_keys() {
            let to = place.objects.join(&object);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from.objects.join(&object), to).unwrap();
        }
        place
    }

    /// A user, with a key that is made of their name.
    pub(crate) fn user(&self, name: &str) -> User {
        let home = self.path(name);
        std::fs::create_dir_all(&home).unwrap();
        let key = blake3::hash(name.as_bytes());
        std::fs::write(home.join("key"), key.as_bytes()).unwrap();
        User { home }
    }

    /// The same user on another machine: the key is the same, nothing else is there.
    pub(crate) fn another_machine(&self, user: &User, name: &str) -> User {
        let home = self.path(name);
        std::fs::create_dir_all(&home).unwrap();
        std::fs::copy(user.home.join("key"), home.join("key")).unwrap();
        User { home }
    }

    /// The program, as `user` calls it. `ORLOP_BINARY` names another build of it.
    pub(crate) fn orlop(&self, user: &User, place: &Place, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        self.prepare(&mut command, user, place, args);
        command
    }

    fn prepare(&self, command: &mut Command, user: &User, place: &Place, args: &[&str]) {
        command
            .args(args)
            .args([
                "--repo",
                &place.url,
                "--key-file",
                "key",
                "--cache-dir",
                "cache",
            ])
            .args(["--memory", &MEMORY.to_string(), "--threads", "2"])
            .env_clear()
            .env("HOME", &user.home)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TZ", "UTC")
            .current_dir(&user.home)
            .stdin(Stdio::null());
        if let Some(server) = &self.server {
            command
                .envs(server.settings())
                .env("AWS_ALLOW_HTTP", "true");
        }
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, user: &User, place: &Place, args: &[&str]) -> Run {
        Run::of(&mut self.orlop(user, place, args))
    }

    /// Runs the program to its end, and measures the most memory that it had.
    pub(crate) fn measured(&self, user: &User, place: &Place, args: &[&str]) -> Run {
        let mut command = Command::new("python3");
        command.args(["-c", MEASURE]).arg(binary());
        self.prepare(&mut command, user, place, args);
        let mut run = Run::of(&mut command);
        let (rest, peak) = match run.err.trim_end().rsplit_once('\n') {
            Some((rest, peak)) => (rest.to_owned(), peak),
            None => (String::new(), run.err.trim()),
        };
        run.peak = peak.parse().unwrap();
        run.err = rest;
        run
    }

    /// Makes a repository that opens with the keys of all `users`.
    pub(crate) fn init(&self, place: &Place, users: &[&User]) {
        let (first, others) = users.split_first().unwrap();
        self.run(first, place, &["init", "-q"]).done();
        for other in others {
            let key = other.home.join("key");
            let args = ["key", "add", "-q", "--new-key-file", key.to_str().unwrap()];
            self.run(first, place, &args).done();
        }
    }
}

fn binary() -> PathBuf {
    std::env::var_os("ORLOP_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_orlop")), PathBuf::from)
}

impl Place {
    /// Names of the objects that are there, with their lengths.
    pub(crate) fn contents(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        for part in ["meta", "log", "packs", "index", "side"] {
            list(&self.objects, part, &mut found);
        }
        found
    }

    /// Those of a kind: `packs/`, `log/`.
    pub(crate) fn of_kind(&self, kind: &str) -> BTreeMap<String, u64> {
        let mut found = self.contents();
        found.retain(|name, _| name.starts_with(kind));
        found
    }
}

/// Objects come and go while they are listed.
fn list(root: &Path, below: &str, found: &mut BTreeMap<String, u64>) {
    let Ok(entries) = std::fs::read_dir(root.join(below)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = format!("{below}/{}", entry.file_name().to_string_lossy());
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => list(root, &name, found),
            // What is being written has a name that no object has.
            Ok(meta) if orlop_repo::model::ObjectName::parse(&name).is_ok() => {
                found.insert(name, meta.len());
            }
            _ => {}
        }
    }
}

impl Run {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            peak: 0,
        }
    }

    /// Fails the test unless the command succeeded.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The last message of standard output.
    #[track_caller]
    pub(crate) fn last(&self) -> Value {
        serde_json::from_str(self.out.lines().next_back().unwrap()).unwrap()
    }
}

/// A counter of steps that gives numbers which look random, the same for the same seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}
