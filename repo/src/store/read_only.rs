//! Wrapper that refuses every change.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future;
use futures::stream::BoxStream;
use object_store::PutPayload;

use super::backend::{Backend, ObjectInfo, Put, StoreFuture, Tail};
use super::error::{At, StoreError};
use super::folder::Folder;
use crate::model::ObjectName;

/// Lets reads through and answers everything else with [`StoreError::ReadOnly`].
#[derive(Debug)]
pub struct ReadOnly<B> {
    inner: B,
}

impl<B: Backend> ReadOnly<B> {
    /// Wraps `inner`.
    pub fn new(inner: B) -> Self {
        Self { inner }
    }

    fn refuse<T: Send + 'static>(&self, name: Option<&ObjectName>) -> StoreFuture<'_, T> {
        let location = self.inner.location().clone();
        let at = match name {
            Some(name) => At::object(location, name),
            None => At::store(location),
        };
        future::ready(Err(StoreError::ReadOnly { at })).boxed()
    }
}

impl<B: Backend> Backend for ReadOnly<B> {
    fn location(&self) -> &Arc<str> {
        self.inner.location()
    }

    fn put(&self, name: &ObjectName, _payload: PutPayload) -> StoreFuture<'_, ()> {
        self.refuse(Some(name))
    }

    fn put_if_absent(&self, name: &ObjectName, _payload: PutPayload) -> StoreFuture<'_, Put> {
        self.refuse(Some(name))
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
        self.refuse(names.first())
    }

    fn remove_debris(&self) -> StoreFuture<'_, u64> {
        self.refuse(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryBackend, Store};

    #[tokio::test]
    async fn reads_pass_and_changes_are_refused() {
        let memory = MemoryBackend::new();
        let name = ObjectName::parse("a").unwrap();
        memory.set(&name, Some(Bytes::from_static(b"x")));
        let store = Store::new(ReadOnly::new(memory.clone()));
        assert_eq!(store.get(&name, 1).await.unwrap(), Bytes::from_static(b"x"));
        assert_eq!(store.list(&Folder::ROOT).await.unwrap().len(), 1);
        for error in [
            store.put(&name, vec![1]).await.unwrap_err(),
            store.put_if_absent(&name, vec![1]).await.unwrap_err(),
            store.delete([name.clone()]).await.unwrap_err(),
            store.store_now().await.unwrap_err(),
            store.remove_debris().await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
        }
        assert_eq!(memory.contents().len(), 1);
    }
}
