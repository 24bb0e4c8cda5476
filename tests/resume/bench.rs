//! A repository in a folder, a volume, and backups of it by this process and by others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use orlop_agent::backup::{
    BackupError, BackupOptions, BackupSummary, CheckpointPolicy, Predecessors, Source, Tools,
    backup,
};
use orlop_agent::memory::MemoryPlan;
use orlop_agent::progress::Progress;
use orlop_agent::restore::{Existing, RestoreOptions, restore};
use orlop_repo::check::{CheckOptions, NoProgress, ReadData, check};
use orlop_repo::clock::{Clock, SystemClock};
use orlop_repo::entropy::OsEntropy;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::log::{AppendError, Body, State};
use orlop_repo::repository::{OpenOptions, Repository};
use orlop_repo::seal::Suite;
use orlop_repo::slots::Credential;
use orlop_repo::store::{LocalBackend, Store};
use tokio::runtime::Runtime;

use crate::support;

pub(crate) const VOLUME: &str = "test/volume";

/// A clock that is an hour ahead: every file has settled.
#[derive(Debug, Default)]
struct Later(SystemClock);

impl Clock for Later {
    fn unix_ms(&self) -> u64 {
        self.0.unix_ms() + 3_600_000
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
}

/// Folders for a store, a volume and what one machine keeps.
pub(crate) struct Bench {
    pub(crate) runtime: Runtime,
    pub(crate) folder: PathBuf,
    /// Removed with the bench; none in a child.
    _owned: Option<tempfile::TempDir>,
}

impl Bench {
    /// An empty repository and a volume of 16 MB.
    pub(crate) fn new() -> Self {
        let owned = tempfile::tempdir().unwrap();
        let bench = Self {
            runtime: support::runtime(),
            folder: owned.path().to_owned(),
            _owned: Some(owned),
        };
        let store = Store::local(bench.path("store"));
        std::fs::create_dir(bench.path("store")).unwrap();
        bench
            .runtime
            .block_on(support::init(store, Suite::XChaCha20Poly1305));
        let source = bench.path("source");
        support::fill(&source);
        std::fs::create_dir(source.join("parts")).unwrap();
        for n in 0..64 {
            let name = format!("parts/{n:02}");
            std::fs::write(source.join(&name), support::noise(&name, 200_000)).unwrap();
        }
        std::fs::hard_link(source.join("parts/03"), source.join("parts/linked")).unwrap();
        std::os::unix::fs::symlink("../small", source.join("parts/to small")).unwrap();
        bench
    }

    /// The same folders, for a child.
    pub(crate) fn of(folder: PathBuf) -> Self {
        Self {
            runtime: support::runtime(),
            folder,
            _owned: None,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn local(&self) -> LocalBackend {
        LocalBackend::new(self.path("store"))
    }

    pub(crate) fn open(&self, store: Store) -> Arc<Repository> {
        let options = OpenOptions {
            memory: 64 << 20,
            expect: None,
            seen: None,
            clock: Arc::new(Later::default()),
            entropy: Arc::new(OsEntropy),
        };
        let keys = [Credential::Raw([7; 32].into())];
        let opened = Repository::open(store, &keys, options);
        self.runtime.block_on(opened).unwrap()
    }

    pub(crate) fn tools(&self, repository: &Arc<Repository>) -> Tools {
        let folder = CacheFolder::TemporaryIn(self.folder.clone());
        Tools {
            repository: Arc::clone(repository),
            index: Arc::new(LocalIndex::open(&folder, None).unwrap()),
            runtime: self.runtime.handle().clone(),
        }
    }

    /// One batch and one upload at a time, a pack for each block, and a checkpoint after each
    /// second one.
    pub(crate) fn options(&self) -> BackupOptions {
        BackupOptions {
            volume: VOLUME.to_owned(),
            tags: BTreeMap::new(),
            parent: None,
            force: false,
            sample: 0.0,
            dry_run: false,
            owner: None,
            client: "test".to_owned(),
            threads: 2,
            memory: MemoryPlan {
                in_flight: 1 << 20,
                pack_target: 256 << 10,
                upload_slots: 1,
                ..MemoryPlan::new(0)
            },
            scratch: self.folder.clone(),
            scan: None,
            predecessors: Predecessors {
                notes: Some(self.path("sessions")),
                same_owner: false,
            },
            checkpoints: CheckpointPolicy {
                every: Duration::from_hours(1),
                bytes: 512 << 10,
            },
        }
    }

    pub(crate) fn source(&self) -> Source {
        Source::Folder {
            path: self.path("source"),
            exclude: None,
            one_file_system: true,
        }
    }

    pub(crate) fn try_backup(
        &self,
        repository: &Arc<Repository>,
        options: &BackupOptions,
        progress: &Arc<Progress>,
    ) -> Result<BackupSummary, BackupError> {
        let tools = self.tools(repository);
        backup(&tools, self.source(), options, progress)
    }

    /// A backup by this process that must succeed, of everything.
    #[track_caller]
    pub(crate) fn backup_with(&self, options: &BackupOptions) -> BackupSummary {
        let repository = self.open(Store::local(self.path("store")));
        let done = self
            .try_backup(&repository, options, &Arc::new(Progress::new()))
            .unwrap();
        let problems = &done.snapshot.problems;
        assert_eq!(done.snapshot.problem_count, 0, "{problems:?}");
        done
    }

    #[track_caller]
    pub(crate) fn backup(&self) -> BackupSummary {
        self.backup_with(&self.options())
    }

    /// The log as it is now.
    pub(crate) fn state(&self) -> State {
        let repository = self.open(Store::local(self.path("store")));
        self.runtime.block_on(repository.state())
    }

    /// How many entries the log has of those that `is` picks.
    pub(crate) fn count(&self, is: impl Fn(&Body) -> bool) -> usize {
        let repository = self.open(Store::local(self.path("store")));
        self.runtime.block_on(async {
            let chain = repository.chain().await;
            let mut found = 0;
            for number in 0..chain.state().next {
                found += usize::from(is(&chain.entry(number).await.unwrap().body));
            }
            found
        })
    }

    pub(crate) fn kills(&self) -> usize {
        self.count(|body| matches!(body, Body::Kill(_)))
    }

    pub(crate) fn append(&self, body: &Body) {
        let repository = self.open(Store::local(self.path("store")));
        self.runtime.block_on(async {
            let mut chain = repository.chain().await;
            chain
                .append(|_| Ok::<_, AppendError>(body.clone()))
                .await
                .unwrap();
        });
    }

    /// Restores a snapshot and has another program compare it with the volume; then checks every
    /// byte of the repository.
    #[track_caller]
    pub(crate) fn verify(&self, done: &BackupSummary) {
        let repository = self.open(Store::local(self.path("store")));
        let target = tempfile::tempdir_in(&self.folder).unwrap();
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
            memory: MemoryPlan::new(0),
            scratch: self.folder.clone(),
        };
        let tools = self.tools(&repository);
        let restored =
            restore(&tools, &done.snapshot, options, &Arc::new(Progress::new())).unwrap();
        assert!(restored.is_complete());
        assert_eq!(differences(&self.path("source"), target.path()), "");
        let options = CheckOptions {
            read_data: ReadData::All,
            seed: 1,
            memory: 8 << 20,
            scratch: self.folder.clone(),
        };
        let checked = check(&repository, &options, Arc::new(NoProgress));
        let report = self.runtime.block_on(checked).unwrap();
        assert_eq!(report.findings, []);
    }

    /// Names of the packs in the store, with their paths, in order.
    pub(crate) fn packs(&self) -> Vec<PathBuf> {
        let mut packs = Vec::new();
        for session in std::fs::read_dir(self.path("store/packs"))
            .into_iter()
            .flatten()
        {
            for pack in std::fs::read_dir(session.unwrap().path()).unwrap() {
                packs.push(pack.unwrap().path());
            }
        }
        packs.sort();
        packs
    }
}

/// Plain bytes that a backup of this volume stores when nothing is there yet.
pub(crate) fn bytes_of_all() -> u64 {
    let bench = Bench::new();
    bench.backup().snapshot.stats.added
}

fn differences(one: &Path, other: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare_trees.py");
    let output = Command::new("python3")
        .arg(script)
        .args([one, other])
        .output()
        .unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said += &String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        String::new()
    } else {
        said
    }
}
