//! Time and memory of a run over many chunks, for `benches/maintenance`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use orlop_agent::backup::{BackupOptions, CheckpointPolicy, Predecessors, Source, Tools, backup};
use orlop_agent::memory::MemoryPlan;
use orlop_agent::progress::Progress;
use orlop_chunker::FixedCutter;
use orlop_repo::clock::SystemClock;
use orlop_repo::cuts::Cuts;
use orlop_repo::entropy::OsEntropy;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::log::{AppendError, Body, Forget, State};
use orlop_repo::maintain::{MaintainOptions, Unwatched, maintain};
use orlop_repo::repository::{InitOptions, InitSlot, Repository};
use orlop_repo::seal::Suite;
use orlop_repo::slots::SlotSpec;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::store::Store;

use crate::support;

/// Length of a chunk in bytes: the shortest that the format allows.
const CHUNK: usize = 512;
/// Chunks that are made at once.
const PIECE: usize = 2048;

/// What `/proc/self/status` says, in MiB.
fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

#[test]
#[ignore = "a measurement: of as many chunks and snapshots as ORLOP_CHUNKS and ORLOP_SNAPSHOTS say"]
#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn of_many_chunks() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|n| n.parse::<usize>().unwrap())
    };
    let chunks = number("ORLOP_CHUNKS").unwrap_or(1 << 20);
    let chunks = chunks.next_multiple_of(4 * PIECE);
    let snapshots = number("ORLOP_SNAPSHOTS").unwrap_or(2).max(2);
    let runtime = support::runtime();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    std::fs::create_dir(&store).unwrap();
    let options = InitOptions {
        slots: vec![InitSlot {
            spec: SlotSpec::Raw([7; 32].into()),
            label: "test".to_owned(),
        }],
        suite: Suite::XChaCha20Poly1305,
        cuts: Cuts {
            paged: FixedCutter::new(u32::try_from(CHUNK).unwrap()).unwrap(),
            ..Cuts::DEFAULT
        },
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(OsEntropy),
    };
    let repository = runtime
        .block_on(Repository::init(Store::local(&store), options))
        .unwrap();
    let device = folder.path().join("device");
    // The second snapshot has one of four parts anew: the first is not all garbage.
    let old = store_device(&runtime, &repository, &device, chunks, ["a", "b", "c", "d"]);
    store_device(&runtime, &repository, &device, chunks, ["a", "b", "c", "e"]);
    // The others are small; each has something of its own.
    for other in 2..snapshots {
        let own = other.to_string();
        let parts = ["a", "b", "c", own.as_str()];
        store_device(&runtime, &repository, &device, 4 * PIECE, parts);
    }
    std::fs::remove_file(&device).unwrap();
    runtime.block_on(async {
        let say = |_: &State| {
            Ok::<_, AppendError>(Body::Forget(Forget {
                snapshots: vec![old.id],
            }))
        };
        repository.chain().await.append(say).await.unwrap();
    });
    let mut options = MaintainOptions::new("test".to_owned(), folder.path().to_owned());
    options.grace = Duration::ZERO;
    // From here on the peak is the run's.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, begun) = (status("VmRSS"), Instant::now());
    let report = maintain(&repository, runtime.handle(), &options, &Unwatched).unwrap();
    println!(
        "{chunks} chunks in {snapshots} snapshots: {:.2} s, {} MiB at the peak, {before} MiB before; \
         deleted {:?}, copied {:?}",
        begun.elapsed().as_secs_f64(),
        status("VmHWM"),
        report.swept,
        report.repacked
    );
    assert!(report.swept.packs > 0);
}

fn store_device(
    runtime: &tokio::runtime::Runtime,
    repository: &Arc<Repository>,
    device: &std::path::Path,
    chunks: usize,
    parts: [&str; 4],
) -> Snapshot {
    use std::io::Write as _;

    let mut file = std::fs::File::create(device).unwrap();
    for part in parts {
        for piece in 0..chunks / 4 / PIECE {
            let noise = support::noise(&format!("{part}{piece}"), PIECE * CHUNK);
            file.write_all(&noise).unwrap();
        }
    }
    drop(file);
    let scratch = device.parent().unwrap();
    let cache = CacheFolder::TemporaryIn(scratch.to_owned());
    let tools = Tools {
        repository: Arc::clone(repository),
        index: Arc::new(LocalIndex::open(&cache, None).unwrap()),
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
    let source = Source::Device {
        path: device.to_owned(),
    };
    let progress = Arc::new(Progress::new());
    backup(&tools, source, &options, &progress)
        .unwrap()
        .snapshot
}
