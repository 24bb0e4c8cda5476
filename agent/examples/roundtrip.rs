//! Backs a folder up into a new local repository, twice, and prints what it took.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use orlop_agent::backup::{BackupOptions, Source, Tools, backup};
use orlop_agent::memory::MemoryPlan;
use orlop_agent::progress::Progress;
use orlop_repo::clock::SystemClock;
use orlop_repo::entropy::OsEntropy;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::repository::{InitOptions, InitSlot, Repository};
use orlop_repo::seal::Suite;
use orlop_repo::slots::SlotSpec;
use orlop_repo::store::Store;

fn main() {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (source, target) = (args.next().unwrap(), args.next().unwrap());
    let suite = if args.next().is_some() { Suite::from_number(2).unwrap() } else { Suite::from_number(1).unwrap() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let store = runtime.block_on(Store::create_local(target.clone())).unwrap();
    let repository = runtime
        .block_on(Repository::init(
            store,
            InitOptions {
                slots: vec![InitSlot { spec: SlotSpec::Raw([7; 32].into()), label: "example".to_owned() }],
                suite,
                cut: orlop_chunker::CutParams::DEFAULT,
                clock: Arc::new(SystemClock::new()),
                entropy: Arc::new(OsEntropy),
            },
        ))
        .unwrap();
    let index = Arc::new(LocalIndex::open(&CacheFolder::TemporaryIn(std::env::temp_dir()), None).unwrap());
    let tools = Tools { repository, index, runtime: runtime.handle().clone() };
    for _ in 0..3 {
        let options = BackupOptions {
            volume: "example".to_owned(),
            tags: BTreeMap::new(),
            parent: None,
            force: false,
            sample: 0.0,
            dry_run: false,
            owner: None,
            client: "example".to_owned(),
            threads: 2,
            memory: MemoryPlan::new(256 << 20),
            scratch: std::env::temp_dir(),
        };
        let source = Source::Folder { path: source.clone(), exclude: None, one_file_system: true };
        let progress = Arc::new(Progress::new());
        let summary = backup(&tools, source, &options, &progress).unwrap();
        println!("{:?} {:?} {} problems", summary.duration, summary.snapshot.stats, summary.snapshot.problem_count);
    }
}
