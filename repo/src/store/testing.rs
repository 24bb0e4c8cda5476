//! A backend that fails as it is told, for the tests of the wrappers.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};
use object_store::PutPayload;

use super::backend::{Backend, ObjectInfo, Put, StoreFuture, Tail};
use super::error::{At, StoreError};
use super::folder::Folder;
use super::memory::MemoryBackend;
use crate::model::ObjectName;

/// A property that a store pretends to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// Looks whether an object is there and then puts it, in two steps.
    CreatesInTwoSteps,
    /// Says of a taken name that it created the object, and keeps the old one.
    IgnoresCondition,
    /// Serves what there is of a range that reaches over the end.
    CutsRanges,
    /// Leaves the last object out of listings.
    ListsLate,
    /// Counts the name after which a listing begins in.
    ListsInclusive,
    /// Does not delete.
    Keeps,
    /// Changes a byte of large objects.
    FlipsByte,
}

/// Memory with faults.
#[derive(Debug, Clone, Default)]
pub(super) struct Faulty {
    inner: MemoryBackend,
    state: Arc<State>,
    lie: Option<Lie>,
}

#[derive(Debug, Default)]
struct State {
    failures: AtomicU64,
    lost_replies: AtomicU64,
    breaks: AtomicU64,
    break_after: AtomicU64,
    requests: AtomicU64,
    running: AtomicU64,
    most: AtomicU64,
}

impl Faulty {
    /// A store that works except for one thing.
    pub(super) fn lying(lie: Lie) -> Self {
        Self {
            lie: Some(lie),
            ..Self::default()
        }
    }

    async fn create_badly(&self, name: &ObjectName, payload: PutPayload) -> Put {
        let taken = self.inner.head(name).await.is_ok();
        tokio::task::yield_now().await;
        if taken && self.lie != Some(Lie::IgnoresCondition) {
            return Put::Exists;
        }
        if !taken {
            self.inner.put(name, payload).await.ok();
        }
        Put::Created
    }

    /// The next `n` requests fail without effect.
    pub(super) fn fail_next(&self, n: u64) {
        self.state.failures.store(n, Ordering::SeqCst);
    }

    /// The next `n` requests take effect and fail.
    pub(super) fn lose_replies(&self, n: u64) {
        self.state.lost_replies.store(n, Ordering::SeqCst);
    }

    /// The next `n` listings break off after `objects` objects.
    pub(super) fn break_listings_after(&self, objects: u64, n: u64) {
        self.state.break_after.store(objects, Ordering::SeqCst);
        self.state.breaks.store(n, Ordering::SeqCst);
    }

    pub(super) fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    pub(super) fn most_at_once(&self) -> u64 {
        self.state.most.load(Ordering::SeqCst)
    }

    fn fault(&self) -> StoreError {
        let source = "connection reset".into();
        StoreError::Transient {
            at: At::store(self.inner.location().clone()),
            source,
        }
    }

    fn with_faults<'a, T: Send + 'a>(&'a self, request: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        async move {
            let state = &self.state;
            state.requests.fetch_add(1, Ordering::SeqCst);
            let running = state.running.fetch_add(1, Ordering::SeqCst) + 1;
            state.most.fetch_max(running, Ordering::SeqCst);
            tokio::task::yield_now().await;
            let result = if take(&state.failures) {
                Err(self.fault())
            } else if take(&state.lost_replies) {
                request.await.and(Err(self.fault()))
            } else {
                request.await
            };
            state.running.fetch_sub(1, Ordering::SeqCst);
            result
        }
        .boxed()
    }
}

/// Takes one from `counter` if there is one.
fn take(counter: &AtomicU64) -> bool {
    counter
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
        .is_ok()
}

impl Backend for Faulty {
    fn location(&self) -> &Arc<str> {
        self.inner.location()
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        self.with_faults(self.inner.put(name, payload))
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        match self.lie {
            Some(Lie::CreatesInTwoSteps | Lie::IgnoresCondition) => {
                let name = name.clone();
                async move { Ok(self.create_badly(&name, payload).await) }.boxed()
            }
            _ => self.with_faults(self.inner.put_if_absent(name, payload)),
        }
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        let got = self.with_faults(self.inner.get(name, max_len));
        if self.lie != Some(Lie::FlipsByte) {
            return got;
        }
        got.map_ok(|bytes| {
            let mut bytes = bytes.to_vec();
            if let Some(byte) = bytes.get_mut(100_000) {
                *byte ^= 1;
            }
            bytes.into()
        })
        .boxed()
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        if self.lie != Some(Lie::CutsRanges) {
            return self.with_faults(self.inner.get_range(name, range));
        }
        let name = name.clone();
        async move {
            let len = self.inner.head(&name).await?.len;
            let range = range.start.min(len)..range.end.min(len);
            if range.is_empty() {
                return Ok(Bytes::new());
            }
            self.inner.get_range(&name, range).await
        }
        .boxed()
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        self.with_faults(self.inner.get_tail(name, len))
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        self.with_faults(self.inner.head(name))
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        let listing = self.inner.list(folder, after);
        let listing = match (self.lie, after) {
            (Some(Lie::ListsLate), _) => {
                let mut names = self.inner.contents().into_keys();
                let newest = names.rfind(|name| folder.contains(name));
                let late = move |info: &ObjectInfo| Some(&info.name) != newest.as_ref();
                listing
                    .try_filter(move |info| std::future::ready(late(info)))
                    .boxed()
            }
            (Some(Lie::ListsInclusive), Some(after)) => {
                let from = after.clone();
                self.inner
                    .list(folder, None)
                    .try_filter(move |info| std::future::ready(info.name >= from))
                    .boxed()
            }
            _ => listing,
        };
        if !take(&self.state.breaks) {
            return listing;
        }
        let objects = self.state.break_after.load(Ordering::SeqCst);
        let objects = usize::try_from(objects).unwrap_or(usize::MAX);
        let fault = stream::iter([Err(self.fault())]);
        listing.take(objects).chain(fault).boxed()
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        self.with_faults(self.inner.list_folders(folder))
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        let names = if self.lie == Some(Lie::Keeps) {
            Vec::new()
        } else {
            names
        };
        self.with_faults(self.inner.delete(names))
    }
}
