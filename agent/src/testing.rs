//! A repository for tests, with backups and restores into it and out of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use orlop_chunker::ChunkId;
use orlop_repo::clock::SystemClock;
use orlop_repo::cuts::Cuts;
use orlop_repo::entropy::{OsEntropy, SeededEntropy};
use orlop_repo::index::{CacheFolder, LocalIndex, SegmentBuilder};
use orlop_repo::log::{AppendError, Body, Condemn, Relocate, Role, State, Sweep};
use orlop_repo::model::{ObjectName, PackSet};
use orlop_repo::pack::{PackBuilder, PackEnd, read_directory};
use orlop_repo::repository::{
    InitOptions, InitSlot, OpenOptions, Repository, Session, SessionError, SessionRequest,
};
use orlop_repo::seal::Suite;
use orlop_repo::slots::{Credential, SlotSpec};
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

    /// Copies every pack to a new one, with its blocks in another order, and deletes it, as
    /// maintenance does: by the log's rules, and without telling whoever has read the log before.
    pub(crate) fn move_packs(&self) {
        self.tools.runtime.block_on(self.move_packs_async());
    }

    async fn move_packs_async(&self) {
        let repository = self.open_again().await;
        let (store, keys) = (repository.store(), repository.keys());
        let request = |_: &State| {
            Ok::<_, SessionError>(SessionRequest {
                role: Role::Maintainer,
                base: None,
                adopts: Vec::new(),
                owner: None,
                client: "test".to_owned(),
                volume: None,
            })
        };
        let session = Session::begin(Arc::clone(&repository), request)
            .await
            .unwrap();
        let (mut old, mut keepers) = (PackSet::new(), PackSet::new());
        let mut segment = SegmentBuilder::new();
        for name in repository.state().await.packs.iter() {
            let directory = read_directory(store, keys, name, None, None).await.unwrap();
            let object = store.get(&ObjectName::pack(name), 1 << 30).await.unwrap();
            let keeper = session.next_pack().unwrap();
            let (kind, suite) = (directory.kind(), keys.suite());
            let mut builder = PackBuilder::new(keeper, kind, suite, 1 << 30);
            let blocks: Vec<_> = directory.blocks().collect();
            for block in blocks.iter().rev() {
                let chunks: Vec<_> = directory
                    .chunks()
                    .filter(|chunk| chunk.place.block_offset == block.offset)
                    .map(|chunk| {
                        let mut id = [0; ChunkId::LEN];
                        id[..16].copy_from_slice(&chunk.prefix);
                        (ChunkId::from_bytes(id), chunk.len)
                    })
                    .collect();
                let from = block.offset as usize;
                let sealed = object.slice(from..from + block.len as usize);
                builder.add_block(sealed, &chunks).unwrap();
            }
            let finished = builder.finish(keys, PackEnd::Early).unwrap();
            session.upload(&finished).await.unwrap();
            segment.add_directory(&finished.directory, finished.hash);
            old.insert(name);
            keepers.insert(keeper);
        }
        for body in segment.finish() {
            session.upload_segment(&body).await.unwrap();
        }
        for keeper in keepers.iter() {
            session.has_stored(keeper);
        }
        session.checkpoint(None).await.unwrap();
        let relocate = Body::Relocate(Relocate {
            session: session.id(),
            segments: Vec::new(),
            old: old.clone(),
            keepers,
        });
        let condemn = Body::Condemn(Condemn {
            packs: old.clone(),
            broken: Vec::new(),
            others: Vec::new(),
        });
        let sweep = Body::Sweep(Sweep {
            packs: old.clone(),
            segments: Vec::new(),
            others: Vec::new(),
        });
        for body in [relocate, Body::End(session.id()), condemn, sweep] {
            let say = |_: &State| Ok::<_, AppendError>(body.clone());
            repository.chain().await.append(say).await.unwrap();
        }
        for name in old.iter() {
            store.delete([ObjectName::pack(name)]).await.unwrap();
        }
    }

    /// The repository as another client opens it.
    pub(crate) async fn open_again(&self) -> Arc<Repository> {
        let options = OpenOptions {
            memory: 1 << 30,
            expect: None,
            seen: None,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy),
        };
        let store = Store::local(self.folder.path().join("store"));
        let key = [Credential::Raw(Zeroizing::new([7; 32]))];
        Repository::open(store, &key, options).await.unwrap()
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
    let pages = tools.pages(snapshot.id, 1 << 20);
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
