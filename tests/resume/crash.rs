//! A store that is gone from one write on, at every write in turn: what a crash, or the loss of
//! the network, can leave.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use orlop_agent::backup::{BackupError, BackupSummary};
use orlop_agent::progress::Progress;
use orlop_repo::check::{CheckOptions, NoProgress, ReadData, check};
use orlop_repo::model::ObjectName;
use orlop_repo::seal::Suite;
use orlop_repo::store::{
    At, Backend, Folder, MemoryBackend, ObjectInfo, Put, PutPayload, Store, StoreError,
    StoreFuture, Tail,
};

use crate::bench::Bench;
use crate::support;

/// Objects in memory, of which nothing is to be had after some writes.
#[derive(Clone, Debug)]
struct Vanishing {
    inner: MemoryBackend,
    /// Writes that the store still does.
    left: Arc<AtomicU32>,
    /// Whether the one after these is done, too, and not said to be.
    one_more: Arc<AtomicBool>,
}

impl Vanishing {
    fn gone<T>(&self, name: &ObjectName) -> Result<T, StoreError> {
        Err(StoreError::PermissionDenied {
            at: At::object(Arc::clone(self.inner.location()), name),
            source: "the process is dead".into(),
        })
    }

    fn write<'a, T: Send + 'a>(
        &'a self,
        name: &ObjectName,
        write: StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        let name = name.clone();
        Box::pin(async move {
            let before = |left: u32| left.checked_sub(1);
            let left = self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, before);
            if left.is_ok() {
                return write.await;
            }
            if self.one_more.swap(false, Ordering::SeqCst) {
                drop(write.await);
            }
            self.gone(&name)
        })
    }

    fn read<'a, T: Send + 'a>(
        &'a self,
        name: &ObjectName,
        read: StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        let name = name.clone();
        Box::pin(async move {
            if self.left.load(Ordering::SeqCst) == 0 {
                return self.gone(&name);
            }
            read.await
        })
    }
}

impl Backend for Vanishing {
    fn location(&self) -> &Arc<str> {
        self.inner.location()
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        self.write(name, self.inner.put(name, payload))
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        self.write(name, self.inner.put_if_absent(name, payload))
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        self.read(name, self.inner.get(name, max_len))
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        self.read(name, self.inner.get_range(name, range))
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        self.read(name, self.inner.get_tail(name, len))
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        self.read(name, self.inner.head(name))
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        self.inner.list(folder, after)
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        self.inner.list_folders(folder)
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        self.inner.delete(names)
    }
}

/// A volume that takes some forty writes.
fn small() -> Bench {
    let bench = Bench::new();
    for n in 4..64 {
        std::fs::remove_file(bench.path(&format!("source/parts/{n:02}"))).unwrap();
    }
    bench
}

/// A repository in memory.
struct Crashes<'a> {
    bench: &'a Bench,
    memory: MemoryBackend,
}

impl<'a> Crashes<'a> {
    fn new(bench: &'a Bench) -> Self {
        let memory = MemoryBackend::new();
        let store = Store::new(memory.clone());
        bench
            .runtime
            .block_on(support::init(store, Suite::XChaCha20Poly1305));
        Self { bench, memory }
    }

    fn run(&self, writes: u32, one_more: bool) -> Result<BackupSummary, BackupError> {
        let left = Arc::new(AtomicU32::new(u32::MAX));
        let store = Store::new(Vanishing {
            inner: self.memory.clone(),
            left: Arc::clone(&left),
            one_more: Arc::new(AtomicBool::new(one_more)),
        });
        let repository = self.bench.open(store);
        left.store(writes, Ordering::SeqCst);
        let mut options = self.bench.options();
        // After every batch.
        options.checkpoints.every = Duration::ZERO;
        let progress = Arc::new(Progress::new());
        self.bench.try_backup(&repository, &options, &progress)
    }

    /// Every byte is checked, and the snapshot has every file of the volume.
    #[track_caller]
    fn verify(&self, done: &BackupSummary, what: &str) {
        let repository = self.bench.open(Store::new(self.memory.clone()));
        let options = CheckOptions {
            read_data: ReadData::All,
            seed: 1,
            memory: 8 << 20,
            scratch: self.bench.folder.clone(),
        };
        let report = check(&repository, &options, Arc::new(NoProgress));
        let report = self.bench.runtime.block_on(report).unwrap();
        assert_eq!(report.findings, [], "{what}");
        let state = self.bench.runtime.block_on(repository.state());
        assert!(state.sessions.is_empty(), "{what}: {:?}", state.sessions);
        assert_eq!(done.snapshot.stats.files, count(&self.bench.path("source")));
    }
}

fn count(folder: &Path) -> u64 {
    let mut files = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            files += u64::from(kind.is_file());
            if kind.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    files
}

#[test]
fn after_a_crash_at_any_write_the_next_backup_is_whole() {
    let bench = small();
    for writes in 1.. {
        let mut done = true;
        for one_more in [false, true] {
            let what = format!("crash after {writes} writes, {one_more}");
            let crashes = Crashes::new(&bench);
            let first = crashes.run(writes, one_more);
            done &= first.is_ok();
            let next = crashes.run(u32::MAX, false).unwrap();
            crashes.verify(&next, &what);
        }
        if done {
            assert!(writes > 20, "{writes}");
            return;
        }
    }
}

#[test]
fn crash_after_crash_each_backup_goes_on_from_the_last() {
    let bench = small();
    for one_more in [false, true] {
        let crashes = Crashes::new(&bench);
        let mut runs = 0;
        let done = loop {
            // Enough to declare one dead, begin, adopt what it left, and do a little more.
            match crashes.run(9, one_more) {
                Ok(done) => break done,
                Err(error) => drop(error),
            }
            runs += 1;
            assert!(runs < 60, "no progress");
        };
        assert!(runs > 1, "{runs}");
        crashes.verify(&done, "many crashes");
    }
}
