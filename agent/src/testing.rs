//! A repository for tests, with backups and restores into it and out of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use orlop_repo::clock::SystemClock;
use orlop_repo::cuts::Cuts;
use orlop_repo::entropy::SeededEntropy;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::repository::{InitOptions, InitSlot, Repository, TreePages};
use orlop_repo::seal::Suite;
use orlop_repo::slots::SlotSpec;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::store::Store;
use orlop_repo::tree::{Entry, KeyRange, TreeCursor};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use crate::backup::{
    BackupOptions, CheckpointPolicy, Excludes, Predecessors, Source, Tools, backup,
};
use crate::fs::RelPath;
use crate::memory::{MIN_BUDGET, MemoryPlan};
use crate::progress::Progress;
use crate::restore::{Existing, RestoreError, RestoreOptions, RestoreSummary, restore};

/// A repository in a folder of its own, with folders to back up and to restore into.
pub(crate) struct TestRepository {
    pub(crate) tools: Tools,
    pub(crate) folder: TempDir,
    _runtime: Runtime,
}

impl TestRepository {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["store", "index", "scratch", "source"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let slot = InitSlot {
            spec: SlotSpec::Raw(Zeroizing::new([7; 32])),
            label: "test".to_owned(),
        };
        let options = InitOptions {
            slots: vec![slot],
            suite: Suite::XChaCha20Poly1305,
            cuts: Cuts::DEFAULT,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SeededEntropy::new(1)),
        };
        let store = Store::local(folder.path().join("store"));
        let repository = runtime.block_on(Repository::init(store, options)).unwrap();
        let index = CacheFolder::Kept(folder.path().join("index"));
        let tools = Tools {
            repository,
            index: Arc::new(LocalIndex::open(&index, None).unwrap()),
            runtime: runtime.handle().clone(),
        };
        Self {
            tools,
            folder,
            _runtime: runtime,
        }
    }

    /// A path in the folder that is backed up.
    pub(crate) fn source(&self, name: &str) -> PathBuf {
        self.folder.path().join("source").join(name)
    }

    /// A path in the folder that is restored into.
    pub(crate) fn target(&self, name: &str) -> PathBuf {
        self.folder.path().join("target").join(name)
    }

    /// Writes a file to be backed up, with the folders above it.
    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let path = self.source(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn backup(&self) -> Snapshot {
        let snapshot = self.backup_with(None, &self.backup_options(), &Arc::default());
        assert_eq!(snapshot.problem_count, 0, "{:?}", snapshot.problems);
        snapshot
    }

    /// Backs up, whatever may be wrong with some of the files.
    pub(crate) fn backup_with(
        &self,
        exclude: Option<Excludes>,
        options: &BackupOptions,
        progress: &Arc<Progress>,
    ) -> Snapshot {
        let source = Source::Folder {
            path: self.source(""),
            exclude,
            one_file_system: true,
        };
        let done = backup(&self.tools, source, options, progress).unwrap();
        done.snapshot
    }

    pub(crate) fn backup_options(&self) -> BackupOptions {
        BackupOptions {
            volume: "test/volume".to_owned(),
            tags: std::collections::BTreeMap::new(),
            parent: None,
            force: false,
            sample: 0.0,
            scan: None,
            dry_run: false,
            owner: None,
            client: "test".to_owned(),
            threads: 2,
            memory: MemoryPlan::new(MIN_BUDGET),
            scratch: self.folder.path().join("scratch"),
            predecessors: Predecessors::default(),
            checkpoints: CheckpointPolicy::default(),
        }
    }

    pub(crate) fn options(&self) -> RestoreOptions {
        RestoreOptions {
            path: Vec::new(),
            target: self.target(""),
            select: None,
            existing: Existing::IfChanged,
            delete: false,
            sparse: false,
            verify: true,
            dry_run: false,
            threads: 2,
            memory: MemoryPlan::new(MIN_BUDGET),
            scratch: self.folder.path().join("scratch"),
        }
    }

    pub(crate) fn restore(
        &self,
        snapshot: &Snapshot,
        options: RestoreOptions,
    ) -> Result<RestoreSummary, RestoreError> {
        restore(&self.tools, snapshot, options, &Arc::new(Progress::new()))
    }

    /// Every pack of blocks of files (1) or of pages (2).
    pub(crate) fn packs(&self, kind: u8) -> Vec<PathBuf> {
        let mut packs = Vec::new();
        for session in std::fs::read_dir(self.folder.path().join("store/packs")).unwrap() {
            for pack in std::fs::read_dir(session.unwrap().path()).unwrap() {
                let path = pack.unwrap().path();
                if std::fs::read(&path).unwrap()[8] == kind {
                    packs.push(path);
                }
            }
        }
        packs.sort();
        packs
    }
}

/// Compares two folders with a program that shares no code with this one; nothing if they are
/// the same.
pub(crate) fn differences(one: &Path, other: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/compare_trees.py");
    let output = Command::new("python3")
        .arg(script)
        .args(["--ignore-sockets"])
        .args([one, other])
        .output()
        .unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The entries of a snapshot by their paths, with slashes.
pub(crate) fn entries(repo: &TestRepository, snapshot: &Snapshot) -> BTreeMap<String, Entry> {
    let tools = &repo.tools;
    let pages = TreePages::new(
        Arc::clone(&tools.repository),
        tools.runtime.clone(),
        1 << 20,
    );
    TreeCursor::new(&pages, snapshot.root.0, KeyRange::all())
        .map(|located| {
            let located = located.unwrap();
            let path = RelPath::of_entry(&located.parent, &located.entry.name);
            (path.to_string(), located.entry)
        })
        .collect()
}

/// Bytes that no compressor makes smaller; the same for the same seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}
