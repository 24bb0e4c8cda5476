//! What the program stores, the second reader of the format verifies and restores.
//!
//! Needs the packages that `tests/setup.sh` installs.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use orlop_repo::clock::SystemClock;
use orlop_repo::entropy::OsEntropy;
use orlop_repo::repository::{OpenOptions, Repository};
use orlop_repo::slots::Credential;
use orlop_repo::store::Store;
use zeroize::Zeroizing;

/// The Python of the virtual environment that `tests/setup.sh` makes.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let requirements = root.join("format-spec/reader/requirements.txt");
    let sum = Command::new("sha256sum")
        .arg(requirements)
        .output()
        .unwrap();
    let hash = String::from_utf8(sum.stdout).unwrap();
    let tools = std::env::var_os("ORLOP_TOOLS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/orlop-tools"),
        PathBuf::from,
    );
    tools.join(format!(
        "reader-venv-{}/bin/python",
        hash.get(..12).unwrap()
    ))
}

/// One folder for the source, the repository and what is restored.
struct Bench {
    folder: tempfile::TempDir,
    python: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let python = python();
        assert!(
            python.exists(),
            "{} is missing: run tests/setup.sh",
            python.display()
        );
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), [0x5a; 32]).unwrap();
        fs::set_permissions(folder.path().join("key"), Permissions::from_mode(0o600)).unwrap();
        fs::write(folder.path().join("passphrase"), "a passphrase\n").unwrap();
        Self { folder, python }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn orlop<S: AsRef<OsStr>>(&self, args: &[S]) {
        self.orlop_ends(0, args);
    }

    fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orlop"));
        command
            .arg("--repo")
            .arg(self.path("repo"))
            .arg("--key-file")
            .arg(self.path("key"))
            .arg("--cache-dir")
            .arg(self.path("cache"))
            .args(args);
        command
    }

    /// A command that ends with that exit code.
    fn orlop_ends<S: AsRef<OsStr>>(&self, code: i32, args: &[S]) {
        let output = self.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }

    fn reader<S: AsRef<OsStr>>(&self, credential: [&str; 2], args: &[S]) -> Output {
        let [option, file] = credential;
        Command::new(&self.python)
            .args(["-m", "orlop_reader", "--repo"])
            .arg(self.path("repo"))
            .arg(option)
            .arg(self.path(file))
            .args(args)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("format-spec/reader"))
            .output()
            .unwrap()
    }

    /// Lets the log go on in another generation.
    fn start_log_generation(&self) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let store = Store::local(self.path("repo"));
            let key = [Credential::Raw(Zeroizing::new([0x5a; 32]))];
            let options = OpenOptions {
                memory: 1 << 30,
                expect: None,
                seen: None,
                clock: Arc::new(SystemClock::new()),
                entropy: Arc::new(OsEntropy),
            };
            let repository = Repository::open(store, &key, options).await.unwrap();
            let opened = repository.chain().await.start_generation().await.unwrap();
            assert_eq!(opened.generation, 2);
        });
    }

    /// A repository with two snapshots, in two generations of the log and of keys.
    fn fill(&self, cipher: &str) {
        let source = self.path("source");
        make_source(&source);
        let passphrase = self.path("passphrase");
        let passphrase = passphrase.to_str().unwrap();
        self.orlop(&["init", "--cipher", cipher, "--passphrase-file", passphrase]);
        self.orlop(&[OsStr::new("backup"), source.as_os_str()]);
        self.orlop(&[
            "key",
            "rotate",
            "generation",
            "--passphrase-file",
            passphrase,
        ]);
        self.start_log_generation();
        fs::remove_file(source.join("text")).unwrap();
        fs::write(source.join("later"), noise(70_000)).unwrap();
        self.orlop(&[OsStr::new("backup"), source.as_os_str()]);
        self.orlop(&["check"]);
    }

    fn object(&self, below: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path("repo").join(below)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

const KEY: [&str; 2] = ["--key-file", "key"];
const PASSPHRASE: [&str; 2] = ["--passphrase-file", "passphrase"];

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// Small, large and sparse files, links, names that are no text, and many of them.
fn make_source(source: &Path) {
    fs::create_dir_all(source.join("folder/deeper")).unwrap();
    fs::create_dir(source.join("many")).unwrap();
    fs::write(source.join("large"), noise(3 << 20)).unwrap();
    fs::write(source.join("text"), "the same line\n".repeat(20_000)).unwrap();
    fs::write(source.join("zeros"), vec![0; 400_000]).unwrap();
    fs::write(source.join("empty"), "").unwrap();
    let sparse = File::create(source.join("folder/sparse")).unwrap();
    sparse.write_all_at(b"beginning", 0).unwrap();
    sparse.write_all_at(b"middle", 7 << 20).unwrap();
    sparse.set_len(20 << 20).unwrap();
    symlink("../large", source.join("folder/link")).unwrap();
    fs::hard_link(source.join("large"), source.join("folder/same")).unwrap();
    fs::write(source.join(OsStr::from_bytes(b"no\xfftext\n")), "odd").unwrap();
    for n in 0..700 {
        let name = format!("many/a name that is long enough to fill some pages {n}");
        fs::write(source.join(name), noise(n)).unwrap();
    }
    let locked = Permissions::from_mode(0o4750);
    fs::set_permissions(source.join("folder/same"), locked).unwrap();
    fs::set_permissions(source.join("folder/deeper"), Permissions::from_mode(0o700)).unwrap();
}

fn assert_success(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
}

fn reads_and_restores(cipher: &str) {
    let bench = Bench::new();
    bench.fill(cipher);
    assert_success(&bench.reader(KEY, &["check"]));
    let listed = bench.reader(PASSPHRASE, &["ls"]);
    assert_eq!(String::from_utf8(listed.stdout).unwrap().lines().count(), 2);
    let target = bench.path("restored");
    let args = [
        OsStr::new("restore"),
        OsStr::new("latest"),
        target.as_os_str(),
    ];
    assert_success(&bench.reader(PASSPHRASE, &args));
    let compared = Command::new(&bench.python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare_trees.py"))
        .arg(bench.path("source"))
        .arg(&target)
        .output()
        .unwrap();
    let differences = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.status.success(), "{differences}");
}

#[test]
fn the_second_reader_restores_what_was_stored_with_xchacha20() {
    reads_and_restores("xchacha20-poly1305");
}

#[test]
fn the_second_reader_restores_what_was_stored_with_xaes() {
    reads_and_restores("xaes-256-gcm");
}

#[test]
fn the_second_reader_restores_a_copy_in_another_repository() {
    let bench = Bench::new();
    bench.fill("xchacha20-poly1305");
    let other = Bench::new();
    other.orlop(&["init", "--cipher", "xaes-256-gcm"]);
    bench.orlop(&[
        OsStr::new("copy"),
        OsStr::new("--to"),
        other.path("repo").as_os_str(),
        OsStr::new("--to-key-file"),
        other.path("key").as_os_str(),
    ]);
    assert_success(&other.reader(KEY, &["check"]));
    let target = other.path("restored");
    let args = [
        OsStr::new("restore"),
        OsStr::new("latest"),
        target.as_os_str(),
    ];
    assert_success(&other.reader(KEY, &args));
    let compared = Command::new(&bench.python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare_trees.py"))
        .arg(bench.path("source"))
        .arg(&target)
        .output()
        .unwrap();
    let differences = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.status.success(), "{differences}");
}

#[test]
fn the_second_reader_replays_the_log_to_the_state_that_a_fold_holds() {
    let bench = Bench::new();
    bench.fill("xchacha20-poly1305");
    fs::create_dir(bench.path("other")).unwrap();
    let folds = bench.path("repo/meta/folds");
    for n in 0..40 {
        fs::write(bench.path("other/file"), noise(n)).unwrap();
        bench.orlop(&[OsStr::new("backup"), bench.path("other").as_os_str()]);
    }
    assert!(folds.exists(), "this many entries should have made a fold");
    assert_success(&bench.reader(KEY, &["check"]));
}

#[test]
fn the_second_reader_finds_a_flipped_byte_in_any_kind_of_object() {
    let bench = Bench::new();
    bench.fill("xchacha20-poly1305");
    for below in ["log", "index", "packs", "meta/slots", "meta/generations"] {
        for path in bench.object(below) {
            let good = fs::read(&path).unwrap();
            let mut bad = good.clone();
            let middle = bad.len() / 2;
            *bad.get_mut(middle).unwrap() ^= 1;
            fs::write(&path, bad).unwrap();
            let output = bench.reader(KEY, &["check"]);
            if path.to_str().unwrap().contains("log/0001") {
                // Nobody needs that log generation any more.
                assert_success(&output);
                assert!(String::from_utf8_lossy(&output.stdout).contains("note: log/0001/"));
            } else {
                assert!(!output.status.success(), "{}", path.display());
            }
            fs::write(&path, good).unwrap();
        }
    }
    assert_success(&bench.reader(KEY, &["check"]));
}

#[test]
fn the_second_reader_reads_a_repaired_repository() {
    let bench = Bench::new();
    bench.fill("xchacha20-poly1305");
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        *bytes.get_mut(40).unwrap() ^= 1;
        fs::write(path, bytes).unwrap();
    };
    // An entry of which the next has a copy, every segment of one session, and a block of data.
    let entries = bench.object("log/0002");
    flip(entries.get(1).unwrap());
    fs::remove_file(bench.object("index").first().unwrap()).unwrap();
    let is_data = |path: &&PathBuf| fs::read(path).unwrap().get(8) == Some(&1);
    let packs = bench.object("packs");
    let data = packs.iter().filter(is_data);
    flip(
        data.max_by_key(|path| fs::metadata(path).unwrap().len())
            .unwrap(),
    );

    bench.orlop_ends(3, &["check", "--read-data"]);
    bench.orlop(&["repair", "log"]);
    bench.orlop(&["repair", "index"]);
    bench.orlop_ends(3, &["repair", "snapshots", "--read-data"]);
    bench.orlop(&["check", "--read-data"]);
    let checked = bench.reader(KEY, &["check"]);
    assert_success(&checked);
    let notes = String::from_utf8(checked.stdout).unwrap();
    assert!(notes.contains("was declared lost"), "{notes}");

    bench.orlop(&[OsStr::new("backup"), bench.path("source").as_os_str()]);
    assert_success(&bench.reader(KEY, &["check"]));
    let target = bench.path("restored");
    let args = [
        OsStr::new("restore"),
        OsStr::new("latest"),
        target.as_os_str(),
    ];
    assert_success(&bench.reader(KEY, &args));
    let compared = Command::new(&bench.python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare_trees.py"))
        .arg(bench.path("source"))
        .arg(&target)
        .output()
        .unwrap();
    let differences = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.status.success(), "{differences}");
}
