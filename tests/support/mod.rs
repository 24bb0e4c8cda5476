//! A repository in memory with two snapshots of a small folder.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use orlop_agent::backup::{
    BackupError, BackupOptions, CheckpointPolicy, Predecessors, Source, Tools, backup,
};
use orlop_agent::memory::MemoryPlan;
use orlop_agent::progress::Progress;
use orlop_repo::clock::SystemClock;
use orlop_repo::cuts::Cuts;
use orlop_repo::entropy::OsEntropy;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::repository::{InitOptions, InitSlot, Repository};
use orlop_repo::seal::Suite;
use orlop_repo::slots::{PassphraseCost, SlotSpec};
use orlop_repo::snapshot::Snapshot;
use orlop_repo::store::Store;
use tokio::runtime::Runtime;

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Makes a repository with two slots.
pub(crate) async fn init(store: Store, suite: Suite) -> Arc<Repository> {
    let slot = |spec| InitSlot {
        spec,
        label: "test".to_owned(),
    };
    let passphrase = "a passphrase for tests".to_owned().into();
    let cost = PassphraseCost {
        memory_kib: 8 << 10,
        passes: 1,
        lanes: 1,
    };
    let options = InitOptions {
        slots: vec![
            slot(SlotSpec::Raw([7; 32].into())),
            slot(SlotSpec::Passphrase(passphrase, cost)),
        ],
        suite,
        cuts: Cuts::DEFAULT,
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(OsEntropy),
    };
    Repository::init(store, options).await.unwrap()
}

/// Backs a folder up.
pub(crate) fn back_up(
    runtime: &Runtime,
    repository: &Arc<Repository>,
    source: &Path,
    scratch: &Path,
) -> Snapshot {
    let snapshot = try_back_up(runtime, repository, source, scratch).unwrap();
    assert_eq!(snapshot.problem_count, 0, "{:?}", snapshot.problems);
    snapshot
}

/// The same, where it may fail.
#[expect(clippy::unwrap_in_result, reason = "only the backup may fail")]
pub(crate) fn try_back_up(
    runtime: &Runtime,
    repository: &Arc<Repository>,
    source: &Path,
    scratch: &Path,
) -> Result<Snapshot, BackupError> {
    let folder = CacheFolder::TemporaryIn(scratch.to_owned());
    let tools = Tools {
        repository: Arc::clone(repository),
        index: Arc::new(LocalIndex::open(&folder, None).unwrap()),
        runtime: runtime.handle().clone(),
    };
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
        threads: 2,
        memory: MemoryPlan::new(0),
        scratch: scratch.to_owned(),
        predecessors: Predecessors::default(),
        checkpoints: CheckpointPolicy::default(),
    };
    let source = Source::Folder {
        path: source.to_owned(),
        exclude: None,
        one_file_system: true,
    };
    let summary = backup(&tools, source, &options, &Arc::new(Progress::new()))?;
    Ok(summary.snapshot)
}

/// Bytes that do not compress.
pub(crate) fn noise(seed: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(seed.as_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// Fills a folder: a file of several packs, files of one chunk, and enough names for a tree of
/// several pages.
pub(crate) fn fill(folder: &Path) {
    std::fs::create_dir_all(folder.join("many")).unwrap();
    std::fs::write(folder.join("large"), noise("large", 3 << 20)).unwrap();
    std::fs::write(folder.join("small"), noise("small", 5000)).unwrap();
    for n in 0..600 {
        let name = format!("many/a file of many that have long names {n:04}");
        std::fs::write(folder.join(name), noise("many", n)).unwrap();
    }
}
