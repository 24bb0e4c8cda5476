//! A repository in memory, with volumes that change and are backed up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use orlop_agent::backup::{
    BackupError, BackupOptions, CheckpointPolicy, Predecessors, Source, Tools, backup,
};
use orlop_agent::memory::{MIN_BUDGET, MemoryPlan};
use orlop_agent::progress::Progress;
use orlop_agent::restore::{Existing, RestoreOptions, restore};
use orlop_repo::check::{CheckOptions, CheckReport, NoProgress, ReadData, check};
use orlop_repo::clock::Clock;
use orlop_repo::entropy::OsEntropy;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::log::{AppendError, Body, Forget, SegmentRef, State};
use orlop_repo::maintain::{MaintainError, MaintainOptions, MaintainReport, Unwatched, maintain};
use orlop_repo::model::{ObjectName, SnapshotId};
use orlop_repo::repository::{OpenOptions, Repository};
use orlop_repo::seal::Suite;
use orlop_repo::slots::Credential;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::store::{MemoryBackend, Store};
use tokio::runtime::Runtime;

use crate::stage::Stage;
use crate::support;

/// What the files of a snapshot held, by their names.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A clock that is set by hand.
#[derive(Default)]
pub(crate) struct SetClock(AtomicU64);

impl SetClock {
    pub(crate) fn advance(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap();
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn unix_ms(&self) -> u64 {
        // Long after the files were written, so that they are trusted.
        4_000_000_000_000 + self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A repository, and what was backed up to it.
pub(crate) struct Bench {
    pub(crate) runtime: Runtime,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) memory: MemoryBackend,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) repository: Arc<Repository>,
    /// What must restore.
    pub(crate) live: BTreeMap<SnapshotId, (Snapshot, Files)>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let runtime = support::runtime();
        let memory = MemoryBackend::new();
        let store = Store::new(memory.clone());
        runtime.block_on(support::init(store, Suite::XChaCha20Poly1305));
        Self::over(runtime, memory)
    }

    pub(crate) fn over(runtime: Runtime, memory: MemoryBackend) -> Self {
        let clock = Arc::new(SetClock::default());
        let repository = open(&runtime, Store::new(memory.clone()), &clock);
        Self {
            runtime,
            folder: tempfile::tempdir().unwrap(),
            memory,
            clock,
            repository,
            live: BTreeMap::new(),
        }
    }

    /// The repository as another client opens it.
    pub(crate) fn open_again(&self) -> Arc<Repository> {
        let store = Store::new(self.memory.clone());
        open(&self.runtime, store, &self.clock)
    }

    /// Backs up a volume with these files.
    pub(crate) fn backup(&mut self, files: &Files) -> Snapshot {
        let repository = self.open_again();
        let snapshot = self.backup_by(&repository, files);
        self.live
            .insert(snapshot.id, (snapshot.clone(), files.clone()));
        snapshot
    }

    /// Backs up as a client that has opened the repository before.
    pub(crate) fn backup_by(&self, repository: &Arc<Repository>, files: &Files) -> Snapshot {
        let source = self.folder.path().join("source");
        fill(&source, files);
        support::back_up(&self.runtime, repository, &source, self.folder.path())
    }

    /// Backs up with a checkpoint after each pack.
    pub(crate) fn backup_often(
        &self,
        repository: &Arc<Repository>,
        files: &Files,
    ) -> Result<Snapshot, BackupError> {
        let source = self.folder.path().join("source");
        fill(&source, files);
        let tools = self.tools(Arc::clone(repository));
        let options = BackupOptions {
            volume: "test".to_owned(),
            tags: BTreeMap::new(),
            parent: None,
            force: false,
            sample: 0.0,
            scan: None,
            dry_run: false,
            owner: None,
            client: "test".to_owned(),
            threads: 1,
            memory: MemoryPlan {
                pack_target: 64 << 10,
                ..MemoryPlan::new(0)
            },
            scratch: self.folder.path().to_owned(),
            predecessors: Predecessors::default(),
            checkpoints: CheckpointPolicy {
                every: Duration::ZERO,
                bytes: 1,
            },
        };
        let source = Source::Folder {
            path: source,
            exclude: None,
            one_file_system: true,
        };
        let progress = Arc::new(Progress::new());
        let summary = backup(&tools, source, &options, &progress)?;
        assert_eq!(summary.snapshot.problem_count, 0);
        Ok(summary.snapshot)
    }

    fn tools(&self, repository: Arc<Repository>) -> Tools {
        let folder = CacheFolder::TemporaryIn(self.folder.path().to_owned());
        Tools {
            repository,
            index: Arc::new(LocalIndex::open(&folder, None).unwrap()),
            runtime: self.runtime.handle().clone(),
        }
    }

    /// A client on a store with cues.
    pub(crate) fn client(&self, stage: &Stage) -> Arc<Repository> {
        open(&self.runtime, Store::new(stage.clone()), &self.clock)
    }

    pub(crate) fn stage(&self) -> Stage {
        Stage::new(self.memory.clone())
    }

    /// The same repository in a store of its own.
    pub(crate) fn fork(&self) -> Self {
        let mut fork = Self::over(support::runtime(), self.memory.fork());
        fork.live = self.live.clone();
        fork
    }

    /// Declares every open session dead.
    pub(crate) fn kill_all(&self) {
        let state = self.state();
        for (id, session) in &state.sessions {
            if !session.dead {
                self.append(&Body::Kill(*id));
            }
        }
    }

    pub(crate) fn forget(&mut self, snapshot: SnapshotId) {
        self.append(&Body::Forget(Forget {
            snapshots: vec![snapshot],
        }));
        self.live.remove(&snapshot);
    }

    pub(crate) fn append(&self, body: &Body) {
        self.runtime.block_on(async {
            let mut chain = self.repository.chain().await;
            chain.refresh().await.unwrap();
            let say = |_: &State| Ok::<_, AppendError>(body.clone());
            chain.append(say).await.unwrap();
        });
    }

    pub(crate) fn state(&self) -> State {
        self.runtime.block_on(async {
            let mut chain = self.repository.chain().await;
            chain.refresh().await.unwrap();
            chain.state().clone()
        })
    }

    pub(crate) fn options(&self) -> MaintainOptions {
        let mut options = MaintainOptions::new("test".to_owned(), self.folder.path().to_owned());
        options.grace = Duration::ZERO;
        options
    }

    /// One run without grace, by a client of its own.
    pub(crate) fn prune(&self) -> MaintainReport {
        self.prune_with(&self.options()).unwrap()
    }

    pub(crate) fn prune_with(
        &self,
        options: &MaintainOptions,
    ) -> Result<MaintainReport, MaintainError> {
        self.prune_by(&self.open_again(), options)
    }

    pub(crate) fn prune_by(
        &self,
        repository: &Arc<Repository>,
        options: &MaintainOptions,
    ) -> Result<MaintainReport, MaintainError> {
        maintain(repository, self.runtime.handle(), options, &Unwatched)
    }

    /// Restores a snapshot, with an empty cache.
    pub(crate) fn restored(&self, snapshot: &Snapshot) -> Files {
        self.restored_by(&self.open_again(), snapshot)
    }

    /// Restores a snapshot as a client that has opened the repository before.
    pub(crate) fn restored_by(&self, client: &Arc<Repository>, snapshot: &Snapshot) -> Files {
        let target = tempfile::tempdir_in(self.folder.path()).unwrap();
        let tools = self.tools(Arc::clone(client));
        let options = RestoreOptions {
            path: Vec::new(),
            target: target.path().join("restored"),
            select: None,
            existing: Existing::IfChanged,
            delete: false,
            sparse: false,
            verify: false,
            dry_run: false,
            threads: 2,
            memory: MemoryPlan::new(MIN_BUDGET),
            scratch: self.folder.path().to_owned(),
        };
        let progress = Arc::new(Progress::new());
        restore(&tools, snapshot, options, &progress).unwrap();
        assert_eq!(
            progress.problem_count(),
            0,
            "{:?}",
            progress.take_problems()
        );
        read(&target.path().join("restored"))
    }

    /// Every live snapshot restores byte for byte, and nothing in the repository is damaged.
    #[track_caller]
    pub(crate) fn assert_whole(&self) {
        for (snapshot, files) in self.live.values() {
            assert!(self.restored(snapshot) == *files, "{}", snapshot.id);
        }
        let report = self.check();
        assert!(report.is_sound(), "{:?}", report.findings);
    }

    pub(crate) fn check(&self) -> CheckReport {
        let options = CheckOptions {
            read_data: ReadData::All,
            seed: 1,
            memory: 8 << 20,
            scratch: self.folder.path().to_owned(),
        };
        let repository = self.open_again();
        self.runtime
            .block_on(check(&repository, &options, Arc::new(NoProgress)))
            .unwrap()
    }

    /// Nothing is stored that nobody needs: two runs after quiet have seen to that.
    #[track_caller]
    pub(crate) fn assert_tidy(&self) {
        let state = self.state();
        assert!(state.sweeps.is_empty(), "{:?}", state.sweeps);
        assert!(state.condemned.is_empty(), "{:?}", state.condemned);
        assert!(state.bonds.is_empty(), "{:?}", state.bonds);
        let mut options = self.options();
        options.dry_run = true;
        let report = self.prune_with(&options).unwrap();
        assert!(report.condemned.is_empty(), "{report:?}");
        assert!(report.unused_bytes * 20 <= report.bytes, "{report:?}");
        let live: Vec<_> = self.names("packs/");
        let named: Vec<_> = state.packs.iter().map(ObjectName::pack).collect();
        assert_eq!(live, named);
        let segments: Vec<_> = state.segments.iter().map(SegmentRef::name).collect();
        assert_eq!(self.names("index/"), segments);
        assert!(self.names("meta/folds/").len() <= 2);
    }

    pub(crate) fn names(&self, prefix: &str) -> Vec<ObjectName> {
        let mut names: Vec<_> = self.memory.contents().into_keys().collect();
        names.retain(|name| name.as_str().starts_with(prefix));
        names
    }
}

fn open(runtime: &Runtime, store: Store, clock: &Arc<SetClock>) -> Arc<Repository> {
    let options = OpenOptions {
        memory: 1 << 30,
        expect: None,
        seen: None,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::new(OsEntropy),
    };
    let key = [Credential::Raw([7; 32].into())];
    runtime
        .block_on(Repository::open(store, &key, options))
        .unwrap()
}

/// Makes a folder hold these files and nothing else; what is the same is not touched.
pub(crate) fn fill(folder: &Path, files: &Files) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, content) in read(folder) {
        if files.get(&name) != Some(&content) {
            std::fs::remove_file(folder.join(name)).unwrap();
        }
    }
    for (name, content) in files {
        let path = folder.join(name);
        if !path.exists() {
            std::fs::write(path, content).unwrap();
        }
    }
}

fn read(folder: &Path) -> Files {
    let paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

/// Files with content that does not compress: `name` to (seed, length).
pub(crate) fn files(list: &[(&str, &str, usize)]) -> Files {
    list.iter()
        .map(|&(name, seed, len)| (name.to_owned(), support::noise(seed, len)))
        .collect()
}
