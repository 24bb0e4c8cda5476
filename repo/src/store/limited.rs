//! Wrapper that keeps the number of concurrent requests down.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::stream::BoxStream;
use object_store::PutPayload;
use tokio::sync::Semaphore;

use super::backend::{Backend, ObjectInfo, Put, StoreFuture, Tail};
use super::error::{At, StoreError};
use super::folder::Folder;
use crate::model::ObjectName;

/// Lets at most a given number of requests through at a time; the others wait in line.
///
/// Listings do not count: one that is slow to be read would hold its place for long.
#[derive(Debug)]
pub struct Limited<B> {
    inner: B,
    places: Semaphore,
}

impl<B: Backend> Limited<B> {
    /// Wraps `inner`; `max_requests` of 0 counts as 1.
    pub fn new(inner: B, max_requests: usize) -> Self {
        let places = Semaphore::new(max_requests.clamp(1, Semaphore::MAX_PERMITS));
        Self { inner, places }
    }

    fn in_line<'a, T: Send + 'a>(&'a self, request: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        async move {
            let place = self
                .places
                .acquire()
                .await
                .map_err(|error| StoreError::Other {
                    at: At::store(self.inner.location().clone()),
                    source: error.into(),
                })?;
            let result = request.await;
            drop(place);
            result
        }
        .boxed()
    }
}

impl<B: Backend> Backend for Limited<B> {
    fn location(&self) -> &Arc<str> {
        self.inner.location()
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        self.in_line(self.inner.put(name, payload))
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        self.in_line(self.inner.put_if_absent(name, payload))
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        self.in_line(self.inner.get(name, max_len))
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        self.in_line(self.inner.get_range(name, range))
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        self.in_line(self.inner.get_tail(name, len))
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        self.in_line(self.inner.head(name))
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        self.inner.list(folder, after)
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        self.in_line(self.inner.list_folders(folder))
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        self.in_line(self.inner.delete(names))
    }

    fn remove_debris(&self) -> StoreFuture<'_, u64> {
        self.in_line(self.inner.remove_debris())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::Faulty;

    #[tokio::test]
    async fn no_more_than_the_allowed_requests_run_at_a_time() {
        let faulty = Faulty::default();
        let store = Limited::new(faulty.clone(), 3);
        let name = ObjectName::parse("a").unwrap();
        let puts = (0..50).map(|_| store.put(&name, Bytes::new().into()));
        futures::future::try_join_all(puts).await.unwrap();
        assert_eq!(faulty.most_at_once(), 3);
        assert_eq!(faulty.requests(), 50);
    }
}
