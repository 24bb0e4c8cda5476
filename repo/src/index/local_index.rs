//! The index of a repository in local files.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use parking_lot::RwLock;

use crate::log::SegmentRef;
use crate::model::{PackName, PackSet};
use crate::pack::ChunkPrefix;

use super::cache::{Cache, CacheFolder};
use super::entry::Found;
use super::error::IndexError;
use super::file::LocalFile;
use super::merge::{merge, tier};
use super::run::Run;
use super::segment::Segment;

/// Stored bytes of segments that are fetched at a time.
const FETCH_BYTES: u64 = 32 << 20;
/// Segments that are fetched at a time, at most.
const FETCH_COUNT: u64 = 8;

/// The index of a repository: every place of every chunk that the live segments list.
///
/// Some 9 bits of memory for a chunk, and 32 bytes of disk. Everything on disk may be deleted at
/// any time; [`sync`](Self::sync) makes it anew.
pub struct LocalIndex {
    cache: Arc<Cache>,
    /// Newest first.
    pub(super) files: Arc<RwLock<Vec<Arc<LocalFile>>>>,
    syncing: tokio::sync::Mutex<()>,
}

/// What [`LocalIndex::sync`] did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SyncReport {
    /// Segments that were read from the store.
    pub fetched: usize,
    /// Live segments that the cap left no room for, oldest first: what only they list is not
    /// found, so a miss says nothing then.
    pub left_out: Vec<SegmentRef>,
    /// Local files afterwards.
    pub files: usize,
    /// Entries in them.
    pub entries: u64,
}

impl LocalIndex {
    /// An index that knows nothing until it is brought up to date; `cap` bounds the bytes of its
    /// files on disk.
    pub fn open(folder: &CacheFolder, cap: Option<u64>) -> Result<Self, IndexError> {
        Ok(Self {
            cache: Arc::new(Cache::open(folder, cap)?),
            files: Arc::default(),
            syncing: tokio::sync::Mutex::default(),
        })
    }

    /// Brings the local files to the live set of segments, which is in the order of the log.
    ///
    /// Look-ups go on meanwhile, on what was there before. `swept` holds the packs that are gone
    /// for ever. Entries of segments that are no longer live may stay: what they say remains true
    /// while their pack is live, which [`lookup`](Self::lookup) asks for. A file that is mostly of
    /// such segments is dropped.
    ///
    /// Memory at the peak: what is held before and after does not add up; on top comes what is
    /// being fetched (32 MiB, or one segment, sealed and open) and 36 MiB of entries to sort.
    ///
    /// # Errors
    ///
    /// As `fetch`, or of the cache; the index then is what it was before. Dropping the future has
    /// the same effect.
    pub async fn sync<F, T>(
        &self,
        live: &[SegmentRef],
        swept: Arc<PackSet>,
        fetch: F,
    ) -> Result<SyncReport, IndexError>
    where
        F: Fn(SegmentRef) -> T,
        T: Future<Output = Result<Segment, IndexError>>,
    {
        let _one_at_a_time = self.syncing.lock().await;
        match self.sync_once(live, Arc::clone(&swept), &fetch).await {
            // That file is not used again: what it held is fetched.
            Err(IndexError::CacheDamaged { .. }) => self.sync_once(live, swept, &fetch).await,
            result => result,
        }
    }

    async fn sync_once<F, T>(
        &self,
        live: &[SegmentRef],
        swept: Arc<PackSet>,
        fetch: &F,
    ) -> Result<SyncReport, IndexError>
    where
        F: Fn(SegmentRef) -> T,
        T: Future<Output = Result<Segment, IndexError>>,
    {
        let age: BTreeMap<SegmentRef, usize> = live
            .iter()
            .enumerate()
            .map(|(age, segment)| (*segment, age))
            .collect();
        let mut kept = self.choose(&age)?;
        let covered: BTreeSet<SegmentRef> = kept
            .iter()
            .flat_map(|file| file.segments())
            .copied()
            .collect();
        // Newest first: under a cap, the newest are of most use.
        let missing: Vec<SegmentRef> = live
            .iter()
            .rev()
            .filter(|segment| !covered.contains(segment))
            .copied()
            .collect();
        let mut report = SyncReport::default();
        let largest = missing.iter().map(|segment| segment.len).max().unwrap_or(0);
        let at_once = (FETCH_BYTES / largest.max(1)).clamp(1, FETCH_COUNT);
        let at_once = usize::try_from(at_once).unwrap_or(1);
        let mut fetched = futures::stream::iter(&missing)
            .map(|&reference| {
                let segment = fetch(reference);
                async move { segment.await.map(|segment| (reference, segment)) }
            })
            .buffered(at_once);
        let mut run = Run::new();
        while let Some((reference, segment)) = fetched.try_next().await? {
            if !run.is_empty() && run.is_full(segment.chunk_count()) {
                let full = std::mem::replace(&mut run, Run::new());
                kept.push(self.write(full).await?);
            }
            if !self.cache.has_room(run.disk_len(segment.chunk_count()))? {
                break;
            }
            run.add(reference, &segment);
            report.fetched += 1;
        }
        drop(fetched);
        report.left_out = missing.iter().skip(report.fetched).rev().copied().collect();
        if !run.is_empty() {
            kept.push(self.write(run).await?);
        }
        self.merge_tiers(&mut kept, &age, swept).await?;
        self.replace(kept, &age, &mut report).await?;
        Ok(report)
    }

    /// Opens the local files that are worth keeping for the live set.
    ///
    /// They answer nothing yet, so they come without filters, except those that are in use.
    fn choose(
        &self,
        live: &BTreeMap<SegmentRef, usize>,
    ) -> Result<Vec<Arc<LocalFile>>, IndexError> {
        // Those in use answer even after another process has deleted them.
        let in_use = self.files.read().clone();
        let (damaged, mut found): (Vec<_>, Vec<_>) =
            in_use.into_iter().partition(|file| file.is_damaged());
        for file in damaged {
            Cache::remove(file.path())?;
        }
        for path in self.cache.list()? {
            if found.iter().any(|file| file.path() == path) {
                continue;
            }
            match LocalFile::open(&path, false) {
                Ok(file) => found.push(Arc::new(file)),
                Err(error @ IndexError::CacheDamaged { .. }) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "made anew");
                    Cache::remove(&path)?;
                }
                // Another process has merged it into a larger one.
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "passed over");
                }
            }
        }
        found.sort_by_key(|file| std::cmp::Reverse(file.entries()));
        let mut covered = BTreeSet::new();
        found.retain(|file| {
            let is_live = |segment: &&SegmentRef| live.contains_key(segment);
            let (mut all, mut alive, mut gained) = (0, 0, false);
            for segment in file.segments() {
                all += segment.len;
                if is_live(&segment) {
                    alive += segment.len;
                    gained |= !covered.contains(segment);
                }
            }
            let keep = gained && alive.saturating_mul(2) >= all;
            if keep {
                covered.extend(file.segments().iter().copied());
            }
            keep
        });
        Ok(found)
    }

    /// Writes what was collected as a file, without loading its filter.
    async fn write(&self, run: Run) -> Result<Arc<LocalFile>, IndexError> {
        let cache = Arc::clone(&self.cache);
        blocking(move || {
            let (file, segments) = run.write(cache.path())?;
            cache.keep(file, &segments).map(Arc::new)
        })
        .await
    }

    /// Merges the smallest files while they are not much smaller than the others.
    async fn merge_tiers(
        &self,
        files: &mut Vec<Arc<LocalFile>>,
        age: &BTreeMap<SegmentRef, usize>,
        swept: Arc<PackSet>,
    ) -> Result<(), IndexError> {
        files.sort_by_key(|file| file.entries());
        let entries: Vec<u64> = files.iter().map(|file| file.entries()).collect();
        let count = tier(&entries);
        let mut small: Vec<_> = files.iter().take(count).cloned().collect();
        let len = small.iter().map(|file| file.len()).sum();
        if count == 0 || !self.cache.has_room(len)? {
            return Ok(());
        }
        small.sort_by_key(|file| std::cmp::Reverse(newest(file, age)));
        let cache = Arc::clone(&self.cache);
        let merged = blocking(move || {
            let file = merge(cache.path(), &small, |pack| swept.contains(pack))?;
            let mut segments: Vec<SegmentRef> = small
                .iter()
                .flat_map(|file| file.segments())
                .copied()
                .collect();
            segments.sort_unstable();
            segments.dedup();
            cache.keep(file, &segments).map(Arc::new)
        })
        .await;
        let merged = match merged {
            Ok(merged) => merged,
            Err(error) => {
                for file in files.iter().filter(|file| file.is_damaged()) {
                    Cache::remove(file.path())?;
                }
                return Err(error);
            }
        };
        files.drain(..count);
        files.push(merged);
        Ok(())
    }

    /// Makes `files` answer, and deletes those that they replace.
    async fn replace(
        &self,
        mut files: Vec<Arc<LocalFile>>,
        age: &BTreeMap<SegmentRef, usize>,
        report: &mut SyncReport,
    ) -> Result<(), IndexError> {
        files.sort_by_key(|file| std::cmp::Reverse(newest(file, age)));
        report.files = files.len();
        report.entries = files.iter().map(|file| file.entries()).sum();
        let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
        let in_use = Arc::clone(&self.files);
        let cache = Arc::clone(&self.cache);
        blocking(move || {
            let loaded = load(&mut in_use.write(), files);
            for path in cache.list()? {
                if !paths.contains(&path) {
                    Cache::remove(&path)?;
                }
            }
            loaded
        })
        .await
    }

    /// All places of a chunk in packs that are live, those of newer files first.
    ///
    /// One page of disk for each file that has the chunk, and for one in 250 that has not.
    ///
    /// # Errors
    ///
    /// Of the cache. Whoever only wants to save an upload may take it for a miss; nobody may take
    /// it for an absence.
    pub fn lookup(
        &self,
        prefix: &ChunkPrefix,
        is_live: impl Fn(PackName) -> bool,
    ) -> Result<Vec<Found>, IndexError> {
        let mut places = Vec::new();
        for file in self.files.read().iter() {
            file.lookup(prefix, |found| {
                if is_live(found.place.pack) && !places.contains(&found) {
                    places.push(found);
                }
                true
            })?;
        }
        Ok(places)
    }

    /// The first place that [`lookup`](Self::lookup) would give.
    pub fn find(
        &self,
        prefix: &ChunkPrefix,
        is_live: impl Fn(PackName) -> bool,
    ) -> Result<Option<Found>, IndexError> {
        let mut place = None;
        for file in self.files.read().iter() {
            file.lookup(prefix, |found| {
                if is_live(found.place.pack) {
                    place = Some(found);
                }
                place.is_none()
            })?;
            if place.is_some() {
                break;
            }
        }
        Ok(place)
    }

    /// Bytes of memory that the open files take.
    pub fn memory(&self) -> usize {
        self.files.read().iter().map(|file| file.memory()).sum()
    }
}

/// Replaces the files in use by `files`, in this order.
///
/// The filters of those that go are dropped before those of the new ones are read: both together
/// would be twice the memory. Look-ups wait meanwhile. A file whose filter cannot be read answers
/// without one: slower, but no chunk is missing.
fn load(in_use: &mut Vec<Arc<LocalFile>>, files: Vec<Arc<LocalFile>>) -> Result<(), IndexError> {
    in_use.retain(|used| files.iter().any(|file| Arc::ptr_eq(used, file)));
    let mut result = Ok(());
    let loaded = files.into_iter().map(|file| {
        if in_use.iter().any(|used| Arc::ptr_eq(used, &file)) {
            return file;
        }
        match file.with_filter() {
            Ok(file) => Arc::new(file),
            Err(error) => {
                file.set_damaged();
                result = Err(error);
                file
            }
        }
    });
    let loaded = loaded.collect();
    *in_use = loaded;
    result
}

/// Runs what reads and writes files on a thread where that may take its time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Result<T, IndexError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(IndexError::Cache {
                path: PathBuf::new(),
                what: "go on: the runtime is shutting down",
                source: std::io::Error::other(error),
            }),
        },
    }
}

/// Position in the log of the newest segment of a file.
fn newest(file: &LocalFile, age: &BTreeMap<SegmentRef, usize>) -> Option<usize> {
    file.segments()
        .iter()
        .filter_map(|segment| age.get(segment))
        .max()
        .copied()
}
