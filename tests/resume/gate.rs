//! A store that stops at one request, so that a process can be killed there and nowhere else.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures::stream::BoxStream;
use orlop_repo::model::ObjectName;
use orlop_repo::store::{
    Backend, Folder, LocalBackend, ObjectInfo, Put, PutPayload, StoreError, StoreFuture, Tail,
};

/// Which write: the n-th, from 1, of a name that begins with `prefix`.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) prefix: &'static str,
    pub(crate) number: u32,
    /// Whether the store has done it.
    pub(crate) done: bool,
}

/// What is done there, on a thread that may block.
type Action = Arc<dyn Fn() + Send + Sync>;

/// A folder as a store, with a point at which something else happens.
pub(crate) struct Gate {
    inner: LocalBackend,
    point: Point,
    seen: Arc<AtomicU32>,
    action: Action,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.point.fmt(f)
    }
}

impl Gate {
    pub(crate) fn new(
        inner: LocalBackend,
        point: Point,
        action: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            point,
            seen: Arc::default(),
            action: Arc::new(action),
        }
    }

    /// Whether this write is the one.
    fn is_here(&self, name: &ObjectName) -> bool {
        name.as_str().starts_with(self.point.prefix)
            && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.point.number
    }

    async fn act(&self) {
        let action = Arc::clone(&self.action);
        tokio::task::spawn_blocking(move || action()).await.unwrap();
    }

    fn gated<'a, T: Send + 'a>(
        &'a self,
        name: &ObjectName,
        write: StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        let here = self.is_here(name);
        Box::pin(async move {
            if here && !self.point.done {
                self.act().await;
            }
            let result = write.await;
            if here && self.point.done {
                self.act().await;
            }
            result
        })
    }
}

impl Backend for Gate {
    fn location(&self) -> &Arc<str> {
        self.inner.location()
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        self.gated(name, self.inner.put(name, payload))
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        self.gated(name, self.inner.put_if_absent(name, payload))
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        self.inner.get(name, max_len)
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        self.inner.get_range(name, range)
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        self.inner.get_tail(name, len)
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        self.inner.head(name)
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
