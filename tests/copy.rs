//! Copying snapshots to another repository: what arrives, what is not stored twice, what damage
//! and death do.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

#[path = "maintain/stage.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod stage;

use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use orlop_agent::backup::{
    BackupError, COPIED_FROM, CheckpointPolicy, CopyOptions, CopySummary, Origin, Predecessors,
    Tools, copy,
};
use orlop_agent::memory::{MIN_BUDGET, MemoryPlan};
use orlop_agent::progress::Progress;
use orlop_agent::restore::{Existing, RestoreOptions, restore};
use orlop_repo::check::{CheckOptions, NoProgress, ReadData, check};
use orlop_repo::clock::SystemClock;
use orlop_repo::entropy::OsEntropy;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::model::ObjectName;
use orlop_repo::repository::{OpenOptions, Repository};
use orlop_repo::seal::Suite;
use orlop_repo::slots::Credential;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::store::{MemoryBackend, Store};
use stage::Stage;
use tokio::runtime::Runtime;

/// Two repositories and a volume.
struct Bench {
    runtime: Runtime,
    folder: tempfile::TempDir,
    from: MemoryBackend,
    to: MemoryBackend,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            runtime: support::runtime(),
            folder: tempfile::tempdir().unwrap(),
            from: MemoryBackend::new(),
            to: MemoryBackend::new(),
        };
        for (memory, suite) in [
            (&bench.from, Suite::XChaCha20Poly1305),
            (&bench.to, Suite::Xaes256Gcm),
        ] {
            let store = Store::new(memory.clone());
            bench.runtime.block_on(support::init(store, suite));
        }
        fill(&bench.source());
        bench
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn tools(&self, store: Store) -> Tools {
        let options = OpenOptions {
            memory: 1 << 30,
            expect: None,
            seen: None,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy),
        };
        let key = [Credential::Raw([7; 32].into())];
        let opened = Repository::open(store, &key, options);
        let folder = CacheFolder::TemporaryIn(self.folder.path().to_owned());
        Tools {
            repository: self.runtime.block_on(opened).unwrap(),
            index: Arc::new(LocalIndex::open(&folder, None).unwrap()),
            runtime: self.runtime.handle().clone(),
        }
    }

    fn backup_to(&self, memory: &MemoryBackend) -> Snapshot {
        let tools = self.tools(Store::new(memory.clone()));
        support::back_up(
            &self.runtime,
            &tools.repository,
            &self.source(),
            self.folder.path(),
        )
    }

    fn options(&self) -> CopyOptions {
        CopyOptions {
            dry_run: false,
            client: "test".to_owned(),
            threads: 2,
            memory: MemoryPlan::new(MIN_BUDGET),
            scratch: self.folder.path().to_owned(),
            predecessors: Predecessors {
                notes: Some(self.folder.path().join("sessions")),
                same_owner: false,
            },
            checkpoints: CheckpointPolicy::default(),
        }
    }

    /// Copies; gives how many bytes were read, too.
    fn copy(&self, snapshot: &Snapshot) -> (CopySummary, u64) {
        let target = self.tools(Store::new(self.to.clone()));
        let progress = Arc::new(Progress::new());
        let done = self.copy_to(&target, snapshot, &self.options(), &progress);
        (done.unwrap(), progress.bytes_read.get())
    }

    fn copy_to(
        &self,
        target: &Tools,
        snapshot: &Snapshot,
        options: &CopyOptions,
        progress: &Arc<Progress>,
    ) -> Result<CopySummary, BackupError> {
        let source = self.tools(Store::new(self.from.clone()));
        copy(&source, snapshot, target, options, progress)
    }

    /// Restores a snapshot of the target; gives the folder.
    fn restored(&self, snapshot: &Snapshot) -> tempfile::TempDir {
        let target = tempfile::tempdir_in(self.folder.path()).unwrap();
        let options = RestoreOptions {
            path: Vec::new(),
            target: target.path().to_owned(),
            select: None,
            existing: Existing::IfChanged,
            delete: false,
            sparse: false,
            verify: true,
            dry_run: false,
            threads: 2,
            memory: MemoryPlan::new(MIN_BUDGET),
            scratch: self.folder.path().to_owned(),
        };
        let tools = self.tools(Store::new(self.to.clone()));
        let progress = Arc::new(Progress::new());
        restore(&tools, snapshot, options, &progress).unwrap();
        target
    }

    /// The copy restores to what the volume is, and the target is sound.
    #[track_caller]
    fn assert_same(&self, snapshot: &Snapshot) {
        let restored = self.restored(snapshot);
        assert_eq!(differences(&self.source(), restored.path()), "");
        self.assert_sound();
    }

    #[track_caller]
    fn assert_sound(&self) {
        let options = CheckOptions {
            read_data: ReadData::All,
            seed: 1,
            memory: 8 << 20,
            scratch: self.folder.path().to_owned(),
        };
        let tools = self.tools(Store::new(self.to.clone()));
        let report = check(&tools.repository, &options, Arc::new(NoProgress));
        let report = self.runtime.block_on(report).unwrap();
        assert!(report.is_sound(), "{:?}", report.findings);
    }

    /// The packs of the source of blocks of files (1) or of pages (2).
    fn packs(&self, kind: u8) -> Vec<ObjectName> {
        let all = self.from.contents().into_iter();
        all.filter(|(name, bytes)| name.as_str().starts_with("packs/") && bytes[8] == kind)
            .map(|(name, _)| name)
            .collect()
    }

    fn flip(&self, name: &ObjectName, at: usize) {
        let mut bytes = self.from.contents()[name].to_vec();
        bytes[at] ^= 1;
        self.from.set(name, Some(bytes.into()));
    }
}

/// Files of every kind.
fn fill(source: &Path) {
    support::fill(source);
    std::fs::write(source.join("text"), "a line of text\n".repeat(60_000)).unwrap();
    std::fs::write(source.join("zeros"), vec![0; 700_000]).unwrap();
    std::fs::write(source.join("tiny"), "x").unwrap();
    let sparse = std::fs::File::create(source.join("sparse")).unwrap();
    sparse.write_all_at(b"beginning", 0).unwrap();
    sparse
        .write_all_at(&support::noise("sparse", 900_000), 5 << 20)
        .unwrap();
    sparse.set_len(12 << 20).unwrap();
    std::fs::hard_link(source.join("large"), source.join("many/again")).unwrap();
    std::fs::hard_link(source.join("small"), source.join("small too")).unwrap();
    std::os::unix::fs::symlink("large", source.join("link")).unwrap();
    let mode = std::fs::Permissions::from_mode(0o4750);
    std::fs::set_permissions(source.join("small"), mode).unwrap();
    let set = Command::new("python3")
        .args([
            "-c",
            "import os,sys; os.setxattr(sys.argv[1], 'user.note', b'kept')",
        ])
        .arg(source.join("text"))
        .status()
        .unwrap();
    assert!(set.success());
}

fn differences(one: &Path, other: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare_trees.py");
    let output = Command::new("python3")
        .arg(script)
        .args([one, other])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        String::new()
    } else {
        said + &String::from_utf8_lossy(&output.stderr)
    }
}

#[test]
fn a_copy_under_other_keys_and_another_cipher_is_the_same_volume() {
    let bench = Bench::new();
    let original = bench.backup_to(&bench.from);
    let (done, read) = bench.copy(&original);
    assert_eq!(done.damaged, 0);
    assert!(read > 3 << 20, "{read}");
    let copied = &done.snapshot;
    assert_eq!(
        (
            &copied.volume,
            copied.started_ms,
            copied.finished_ms,
            &copied.source
        ),
        (
            &original.volume,
            original.started_ms,
            original.finished_ms,
            &original.source
        )
    );
    assert_eq!(
        (copied.stats.files, copied.stats.folders, copied.stats.bytes),
        (
            original.stats.files,
            original.stats.folders,
            original.stats.bytes
        )
    );
    let origin = Origin::of_copy(copied).unwrap();
    assert_eq!(origin.snapshot, original.id);
    assert_eq!(copied.tags[COPIED_FROM], origin.to_string());
    bench.assert_same(copied);
    // It is found again, and so is the original from the other side.
    let target = bench.tools(Store::new(bench.to.clone())).repository;
    let source = bench.tools(Store::new(bench.from.clone())).repository;
    let there = bench.runtime.block_on(target.state());
    let here = bench.runtime.block_on(source.state());
    let same = Origin::same(source.id(), &original, target.id(), &there);
    assert_eq!(same.map(|snapshot| snapshot.id), Some(copied.id));
    let same = Origin::same(target.id(), copied, source.id(), &here);
    assert_eq!(same.map(|snapshot| snapshot.id), Some(original.id));
}

#[test]
fn a_copy_and_a_backup_of_one_volume_store_its_files_once() {
    let bench = Bench::new();
    let original = bench.backup_to(&bench.from);
    let (done, _) = bench.copy(&original);
    assert!(done.snapshot.stats.added > 3 << 20);
    let own = bench.backup_to(&bench.to);
    // Another time of reading makes other pages of the tree at the most.
    assert!(own.stats.added < 300_000, "{:?}", own.stats);

    let other = Bench::new();
    let original = other.backup_to(&other.from);
    other.backup_to(&other.to);
    let (done, _) = other.copy(&original);
    assert!(
        done.snapshot.stats.added < 300_000,
        "{:?}",
        done.snapshot.stats
    );
    other.assert_same(&done.snapshot);
}

#[test]
fn what_an_earlier_copy_has_is_not_read_again() {
    let bench = Bench::new();
    let first = bench.backup_to(&bench.from);
    bench.copy(&first);
    std::fs::write(bench.source().join("small"), support::noise("other", 6000)).unwrap();
    let second = bench.backup_to(&bench.from);
    let (done, read) = bench.copy(&second);
    assert!(read < 20_000, "{read}");
    assert!(
        done.snapshot.stats.added < 300_000,
        "{:?}",
        done.snapshot.stats
    );
    assert!(done.snapshot.parent.is_some());
    bench.assert_same(&done.snapshot);
}

#[test]
fn a_trial_stores_nothing() {
    let bench = Bench::new();
    let original = bench.backup_to(&bench.from);
    let before = bench.to.contents();
    let target = bench.tools(Store::new(bench.to.clone()));
    let options = CopyOptions {
        dry_run: true,
        ..bench.options()
    };
    let done = bench
        .copy_to(&target, &original, &options, &Arc::new(Progress::new()))
        .unwrap();
    assert!(done.snapshot.stats.added > 3 << 20);
    assert!(bench.to.contents() == before);
}

#[test]
fn damaged_files_are_named_and_the_rest_is_copied() {
    let bench = Bench::new();
    let original = bench.backup_to(&bench.from);
    for pack in bench.packs(1) {
        bench.flip(&pack, 4000);
    }
    let (done, _) = bench.copy(&original);
    let copied = &done.snapshot;
    assert!(done.damaged > 0 && copied.problem_count == done.damaged);
    let hurt: Vec<_> = copied
        .problems
        .iter()
        .map(|problem| {
            assert!(
                problem.what.starts_with("damaged in the source"),
                "{problem:?}"
            );
            String::from_utf8(problem.path.clone()).unwrap()
        })
        .collect();
    // Nothing else differs, and what is hurt keeps its length.
    let restored = bench.restored(copied);
    let mut differs = 0;
    for name in [
        "large",
        "text",
        "zeros",
        "tiny",
        "sparse",
        "small",
        "small too",
        "many/again",
    ] {
        let (a, b) = (bench.source().join(name), restored.path().join(name));
        let (a, b) = (std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
        assert_eq!(a.len(), b.len(), "{name}");
        if a != b {
            differs += 1;
            assert!(
                hurt.iter().any(|path| path == name),
                "{name} is not named: {hurt:?}"
            );
        }
    }
    assert!(differs > 0, "{hurt:?}");
    bench.assert_sound();
    // A hard link that is hurt is hurt under each of its names.
    assert_eq!(
        hurt.iter().any(|path| path == "large"),
        hurt.iter().any(|path| path == "many/again")
    );
    // Once the source is whole again, the next copy takes nothing of it over.
    for pack in bench.packs(1) {
        bench.flip(&pack, 4000);
    }
    std::fs::write(bench.source().join("later"), "later").unwrap();
    let (done, _) = bench.copy(&bench.backup_to(&bench.from));
    assert_eq!(done.damaged, 0);
    bench.assert_same(&done.snapshot);
}

#[test]
fn entries_below_a_damaged_page_are_named() {
    let bench = Bench::new();
    let original = bench.backup_to(&bench.from);
    for pack in bench.packs(2) {
        bench.flip(&pack, 40);
    }
    let target = bench.tools(Store::new(bench.to.clone()));
    let progress = Arc::new(Progress::new());
    match bench.copy_to(&target, &original, &bench.options(), &progress) {
        Ok(done) => assert!(done.damaged > 0, "{done:?}"),
        // Nothing at all is left of it.
        Err(BackupError::Tree { .. }) => assert!(progress.problem_count() > 0),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_copy_that_ends_at_any_request_is_carried_on() {
    let bench = Bench::new();
    for n in 60..600 {
        let name = format!("many/a file of many that have long names {n:04}");
        std::fs::remove_file(bench.source().join(name)).unwrap();
    }
    for n in 0..12 {
        let name = format!("part {n:02}");
        std::fs::write(bench.source().join(&name), support::noise(&name, 400_000)).unwrap();
    }
    let original = bench.backup_to(&bench.from);
    let options = || CopyOptions {
        threads: 1,
        memory: MemoryPlan {
            pack_target: 256 << 10,
            upload_slots: 1,
            in_flight: 2 << 20,
            ..MemoryPlan::new(0)
        },
        checkpoints: CheckpointPolicy {
            every: Duration::from_hours(1),
            bytes: 512 << 10,
        },
        ..bench.options()
    };
    let empty = bench.to.fork();
    let mut carried_on = 0;
    for effect in [false, true] {
        for number in 0.. {
            let one = Bench {
                runtime: support::runtime(),
                folder: tempfile::tempdir().unwrap(),
                from: bench.from.clone(),
                to: empty.fork(),
            };
            let options = CopyOptions {
                scratch: one.folder.path().to_owned(),
                predecessors: one.options().predecessors,
                ..options()
            };
            let mut stage = Stage::new(one.to.clone());
            stage.effect = effect;
            let target = one.tools(Store::new(stage.clone()));
            stage.end.store(number, Ordering::SeqCst);
            let progress = Arc::new(Progress::new());
            let first = one.copy_to(&target, &original, &options, &progress);
            let died = stage.writes.load(Ordering::SeqCst) > number;
            drop(target);
            let target = one.tools(Store::new(one.to.clone()));
            let there = one.runtime.block_on(target.repository.state());
            let id = one.tools(Store::new(one.from.clone())).repository.id();
            let known = Origin::same(id, &original, target.repository.id(), &there);
            let snapshot = match (&first, known) {
                (Ok(done), Some(known)) => {
                    assert_eq!(done.snapshot.id, known.id);
                    known.clone()
                }
                (Ok(_), None) => panic!("what was reported is not there"),
                // It stands in the log, and nobody was told.
                (Err(_), Some(known)) => known.clone(),
                (Err(_), None) => {
                    let progress = Arc::new(Progress::new());
                    let done = one
                        .copy_to(&target, &original, &options, &progress)
                        .unwrap();
                    carried_on += done.resumed.files;
                    done.snapshot
                }
            };
            let restored = one.restored(&snapshot);
            assert_eq!(
                differences(&bench.source(), restored.path()),
                "",
                "{number}"
            );
            if number % 8 == 0 {
                one.assert_sound();
            }
            if !died {
                assert!(number > 12, "{number}");
                break;
            }
        }
    }
    assert!(carried_on > 20, "{carried_on}");
}
