//! The repository that is damaged.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use orlop_agent::backup::{BackupOptions, CheckpointPolicy, Predecessors, Source, Tools, backup};
use orlop_agent::memory::{MIN_BUDGET, MemoryPlan};
use orlop_agent::progress::Progress;
use orlop_agent::restore::tar;
use orlop_repo::check::{CheckError, CheckOptions, CheckReport, NoProgress, ReadData, check};
use orlop_repo::clock::Clock;
use orlop_repo::cuts::Cuts;
use orlop_repo::entropy::OsEntropy;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::log::{AppendError, Body, Condemn, Forget, Role, Seen, State, Sweep};
use orlop_repo::model::{ObjectName, SnapshotId};
use orlop_repo::repository::{
    InitOptions, InitSlot, OpenOptions, Repository, RepositoryError, Session, SessionError,
    SessionRequest,
};
use orlop_repo::seal::Suite;
use orlop_repo::slots::{Credential, PassphraseCost, SlotSpec};
use orlop_repo::snapshot::Snapshot;
use orlop_repo::store::{Backend, MemoryBackend, Store};
use tokio::runtime::Runtime;

use crate::support;
use crate::truth::{Restored, Truth};

/// A clock that stands still, long after the files were written, so that they are trusted.
pub(crate) struct Still;

impl Clock for Still {
    fn unix_ms(&self) -> u64 {
        4_000_000_000_000
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// A thread's own place to work in.
pub(crate) struct Bench {
    pub(crate) runtime: Runtime,
    pub(crate) scratch: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            scratch: tempfile::tempdir().unwrap(),
        }
    }
}

/// The repository, and what is known of it.
pub(crate) struct Scene {
    pub(crate) memory: MemoryBackend,
    /// The folder as the last snapshot has it.
    pub(crate) source: PathBuf,
    _folder: tempfile::TempDir,
    pub(crate) truths: BTreeMap<SnapshotId, Truth>,
    /// The snapshot of the source as it is.
    pub(crate) last: SnapshotId,
    /// The end of the log.
    pub(crate) seen: Seen,
    /// Objects that nobody needs: what a sweep has named.
    pub(crate) dead: Vec<ObjectName>,
}

pub(crate) fn passphrase() -> Credential {
    Credential::Passphrase("a passphrase for tests".to_owned().into())
}

pub(crate) fn key() -> Credential {
    Credential::Raw([7; 32].into())
}

impl Scene {
    /// Two live snapshots of one volume with a fold between them, a forgotten one, a dead session
    /// with a checkpoint, an open one, and a sweep that nobody has finished.
    pub(crate) fn new() -> Self {
        let bench = Bench::new();
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        let other = folder.path().join("other");
        let memory = MemoryBackend::new();
        let store = Store::new(memory.clone());
        bench.runtime.block_on(init(store));

        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("swept"), support::noise("swept", 300)).unwrap();
        let swept = backup_to(&bench, &memory, &other, "other", None);
        fill(&source);
        let first = backup_to(&bench, &memory, &source, "volume", None);
        with(&bench, &memory, async |repository| {
            append(repository, forget(swept.id)).await;
            sweep(repository, &swept).await;
            repository.chain().await.fold().await.unwrap();
        });
        std::fs::write(source.join("changed"), support::noise("new", 300)).unwrap();
        std::fs::write(source.join("later"), support::noise("later", 250)).unwrap();
        std::fs::remove_file(source.join("early")).unwrap();
        let last = backup_to(&bench, &memory, &source, "volume", None);
        std::fs::write(other.join("gone"), support::noise("gone", 200)).unwrap();
        let gone = backup_to(&bench, &memory, &other, "other", None);
        with(&bench, &memory, async |repository| {
            append(repository, forget(gone.id)).await;
            let session = begin(repository, Role::Writer, Some("volume")).await;
            session.checkpoint(Some(last.root)).await.unwrap();
            session.end().await.unwrap();
            begin(repository, Role::Reader, None).await;
        });

        let repository = open(&bench, memory.clone(), &[key()], None).unwrap();
        let seen = bench
            .runtime
            .block_on(async { repository.chain().await.seen() });
        let session = swept.root.0.place.pack.session.to_string();
        let dead = |name: &ObjectName| name.as_str().contains(&session);
        let mut scene = Self {
            truths: BTreeMap::new(),
            dead: memory.contents().into_keys().filter(dead).collect(),
            memory,
            source,
            _folder: folder,
            last: last.id,
            seen,
        };
        for snapshot in [first, last] {
            let restored = restore(&bench, &repository, &snapshot);
            assert!(restored.is_complete());
            let truth = Truth::new(restored.archive);
            scene.truths.insert(snapshot.id, truth);
        }
        let kept = scene.truths[&scene.last].content("sparse").unwrap();
        assert!(kept == std::fs::read(scene.source.join("sparse")).unwrap());
        let report = inspect(&bench, &repository).unwrap();
        assert_eq!(report.findings, []);
        scene
    }

    pub(crate) fn names(&self) -> Vec<ObjectName> {
        self.memory.contents().into_keys().collect()
    }

    pub(crate) fn bytes(&self, name: &ObjectName) -> Bytes {
        self.memory.contents()[name].clone()
    }

    /// Whether damage to an object may go unnoticed, because nobody will ever read it.
    pub(crate) fn is_dead(&self, name: &ObjectName) -> bool {
        self.dead.contains(name)
    }
}

async fn init(store: Store) -> Arc<Repository> {
    let slot = |spec| InitSlot {
        spec,
        label: "test".to_owned(),
    };
    let cost = PassphraseCost {
        memory_kib: 8 << 10,
        passes: 1,
        lanes: 1,
    };
    let options = InitOptions {
        slots: vec![
            slot(SlotSpec::Raw([7; 32].into())),
            slot(SlotSpec::Passphrase(
                "a passphrase for tests".to_owned().into(),
                cost,
            )),
        ],
        suite: Suite::XChaCha20Poly1305,
        cuts: Cuts::DEFAULT,
        clock: Arc::new(Still),
        entropy: Arc::new(OsEntropy),
    };
    Repository::init(store, options).await.unwrap()
}

/// Files of all kinds, as small as they can be.
fn fill(source: &Path) {
    use std::os::unix::fs::FileExt as _;

    std::fs::create_dir_all(source.join("folder/deeper")).unwrap();
    std::fs::create_dir(source.join("nothing")).unwrap();
    std::fs::write(source.join("changed"), support::noise("old", 300)).unwrap();
    std::fs::write(source.join("early"), support::noise("early", 200)).unwrap();
    std::fs::write(source.join("empty"), "").unwrap();
    std::fs::write(source.join("inline"), "a few bytes\n").unwrap();
    std::fs::write(source.join("kept"), support::noise("kept", 400)).unwrap();
    std::fs::write(
        source.join("folder/deeper/below"),
        support::noise("below", 180),
    )
    .unwrap();
    symlink("../kept", source.join("folder/link")).unwrap();
    std::fs::hard_link(source.join("kept"), source.join("folder/same")).unwrap();
    // With so many extents that a page lists them.
    let sparse = std::fs::File::create(source.join("sparse")).unwrap();
    for n in 0..10 {
        sparse
            .write_all_at(&[b'a' + u8::try_from(n).unwrap(); 8], n * (8 << 10))
            .unwrap();
    }
    sparse.set_len(80 << 10).unwrap();
}

fn with(bench: &Bench, memory: &MemoryBackend, work: impl AsyncFnOnce(&Arc<Repository>)) {
    let repository = open(bench, memory.clone(), &[key()], None).unwrap();
    bench.runtime.block_on(work(&repository));
}

fn forget(snapshot: SnapshotId) -> Body {
    Body::Forget(Forget {
        snapshots: vec![snapshot],
    })
}

pub(crate) async fn append(repository: &Repository, body: Body) {
    let say = |_: &State| Ok::<_, AppendError>(body.clone());
    repository.chain().await.append(say).await.unwrap();
}

/// Condemns and sweeps what a forgotten snapshot has stored, and deletes nothing.
async fn sweep(repository: &Repository, snapshot: &Snapshot) {
    let session = snapshot.root.0.place.pack.session;
    let state = repository.state().await;
    let packs = state.packs.iter().filter(|pack| pack.session == session);
    let packs: orlop_repo::model::PackSet = packs.collect();
    let segments = state.segments.iter().filter(|s| s.session == session);
    let segments = segments.copied().collect();
    let condemn = Condemn {
        packs: packs.clone(),
        broken: Vec::new(),
        others: Vec::new(),
    };
    append(repository, Body::Condemn(condemn)).await;
    let sweep = Sweep {
        packs,
        segments,
        others: Vec::new(),
    };
    append(repository, Body::Sweep(sweep)).await;
}

async fn begin(repository: &Arc<Repository>, role: Role, volume: Option<&str>) -> Session {
    let request = |_: &State| {
        Ok::<_, SessionError>(SessionRequest {
            role,
            base: None,
            adopts: Vec::new(),
            owner: None,
            client: "test".to_owned(),
            volume: volume.map(str::to_owned),
        })
    };
    let begun = Session::begin(Arc::clone(repository), request).await;
    begun.unwrap()
}

pub(crate) fn open_options(seen: Option<Seen>) -> OpenOptions {
    OpenOptions {
        memory: 1 << 30,
        expect: None,
        seen,
        clock: Arc::new(Still),
        entropy: Arc::new(OsEntropy),
    }
}

pub(crate) fn open(
    bench: &Bench,
    backend: impl Backend,
    credentials: &[Credential],
    seen: Option<Seen>,
) -> Result<Arc<Repository>, RepositoryError> {
    let store = Store::new(backend);
    bench
        .runtime
        .block_on(Repository::open(store, credentials, open_options(seen)))
}

pub(crate) fn check_options(bench: &Bench) -> CheckOptions {
    CheckOptions {
        read_data: ReadData::All,
        seed: 1,
        memory: 8 << 20,
        scratch: bench.scratch.path().to_owned(),
    }
}

pub(crate) fn inspect(
    bench: &Bench,
    repository: &Arc<Repository>,
) -> Result<CheckReport, CheckError> {
    let options = check_options(bench);
    bench
        .runtime
        .block_on(check(repository, &options, Arc::new(NoProgress)))
}

pub(crate) fn tools(bench: &Bench, repository: &Arc<Repository>) -> Tools {
    let folder = CacheFolder::TemporaryIn(bench.scratch.path().to_owned());
    Tools {
        repository: Arc::clone(repository),
        index: Arc::new(LocalIndex::open(&folder, None).unwrap()),
        runtime: bench.runtime.handle().clone(),
    }
}

/// Restores a snapshot as an archive, whatever is damaged.
pub(crate) fn restore(
    bench: &Bench,
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
) -> Restored {
    let mut archive = Vec::new();
    let done = tar(
        &tools(bench, repository),
        snapshot,
        b"",
        &MemoryPlan::new(MIN_BUDGET),
        &mut archive,
        &Progress::new(),
    )
    .unwrap();
    Restored {
        archive,
        damaged: done
            .damaged
            .iter()
            .map(|named| named.path.to_slashed())
            .collect(),
        lost_pages: done.lost_pages.len(),
    }
}

pub(crate) fn backup_to(
    bench: &Bench,
    backend: &MemoryBackend,
    source: &Path,
    volume: &str,
    seen: Option<Seen>,
) -> Snapshot {
    let repository = open(bench, backend.clone(), &[key()], seen).unwrap();
    backup_by(bench, &repository, source, volume)
}

pub(crate) fn backup_by(
    bench: &Bench,
    repository: &Arc<Repository>,
    source: &Path,
    volume: &str,
) -> Snapshot {
    let options = BackupOptions {
        volume: volume.to_owned(),
        tags: BTreeMap::new(),
        parent: None,
        force: false,
        sample: 0.0,
        scan: None,
        dry_run: false,
        owner: None,
        client: "test".to_owned(),
        threads: 1,
        memory: MemoryPlan::new(0),
        scratch: bench.scratch.path().to_owned(),
        predecessors: Predecessors::default(),
        checkpoints: CheckpointPolicy::default(),
    };
    let source = Source::Folder {
        path: source.to_owned(),
        exclude: None,
        one_file_system: true,
    };
    let tools = tools(bench, repository);
    let summary = backup(&tools, source, &options, &Arc::new(Progress::new())).unwrap();
    assert_eq!(summary.snapshot.problem_count, 0);
    summary.snapshot
}
