//! A store that does not answer.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use orlop_repo::model::ObjectName;
use orlop_repo::store::{
    At, Backend, Folder, MemoryBackend, ObjectInfo, Put, PutPayload, StoreError, StoreFuture, Tail,
};

/// A store that stops answering reads of some objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Silent {
    pub(crate) memory: MemoryBackend,
    /// Beginning of the names of those objects.
    pub(crate) armed: Arc<parking_lot::Mutex<Option<&'static str>>>,
}

impl Silent {
    fn answer<T>(&self, name: &ObjectName, answer: T) -> Result<T, StoreError> {
        match *self.armed.lock() {
            Some(silent) if name.as_str().starts_with(silent) => Err(StoreError::Timeout {
                at: At::object(Arc::clone(self.memory.location()), name),
                seconds: 1,
            }),
            _ => Ok(answer),
        }
    }
}

impl Backend for Silent {
    fn location(&self) -> &Arc<str> {
        self.memory.location()
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        self.memory.put(name, payload)
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        self.memory.put_if_absent(name, payload)
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        Box::pin(async move { self.answer(&name, self.memory.get(&name, max_len).await)? })
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        Box::pin(async move { self.answer(&name, self.memory.get_range(&name, range).await)? })
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        let name = name.clone();
        Box::pin(async move { self.answer(&name, self.memory.get_tail(&name, len).await)? })
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        self.memory.head(name)
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        self.memory.list(folder, after)
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        self.memory.list_folders(folder)
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        self.memory.delete(names)
    }
}
