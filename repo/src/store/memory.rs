//! Objects in memory, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, future, stream};
use object_store::PutPayload;
use parking_lot::Mutex;

use super::backend::{Backend, ObjectInfo, Put, StoreFuture, Tail};
use super::error::{At, StoreError};
use super::folder::Folder;
use crate::model::ObjectName;

/// A store in memory with a clock of its own: one second passes with each write.
///
/// Gone with its last clone.
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    location: Arc<str>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<ObjectName, Object>,
    /// Writes so far, which is the store's clock.
    clock: u64,
}

#[derive(Debug, Clone)]
struct Object {
    bytes: Bytes,
    modified: u64,
}

impl MemoryBackend {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            location: Arc::from("memory:"),
            state: Arc::default(),
        }
    }

    /// Every object with its bytes, in the order of names.
    pub fn contents(&self) -> BTreeMap<ObjectName, Bytes> {
        let state = self.state.lock();
        state
            .objects
            .iter()
            .map(|(name, object)| (name.clone(), object.bytes.clone()))
            .collect()
    }

    /// Puts `bytes` under `name`, or removes it, past every rule: how tests damage a store.
    pub fn set(&self, name: &ObjectName, bytes: Option<Bytes>) {
        let mut state = self.state.lock();
        match bytes {
            Some(bytes) => state.insert(name, bytes),
            None => {
                state.objects.remove(name);
            }
        }
    }

    /// An independent store with the same objects and the same time.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = self.state.lock();
        let copy = State {
            objects: state.objects.clone(),
            clock: state.clock,
        };
        Self {
            location: self.location.clone(),
            state: Arc::new(Mutex::new(copy)),
        }
    }

    fn object(&self, name: &ObjectName) -> Result<Object, StoreError> {
        let found = self.state.lock().objects.get(name).cloned();
        found.ok_or_else(|| StoreError::NotFound { at: self.at(name) })
    }

    fn at(&self, name: &ObjectName) -> At {
        At::object(self.location.clone(), name)
    }

    fn read_range(&self, name: &ObjectName, range: &Range<u64>) -> Result<Bytes, StoreError> {
        let bytes = self.object(name)?.bytes;
        let len = bytes.len() as u64;
        if range.end > len {
            return Err(StoreError::ShortRead {
                at: self.at(name),
                offset: range.start,
                wanted: range.end - range.start,
                got: len.saturating_sub(range.start),
            });
        }
        Ok(slice(&bytes, range.start, range.end))
    }
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn insert(&mut self, name: &ObjectName, bytes: Bytes) {
        self.clock += 1;
        self.objects.insert(
            name.clone(),
            Object {
                bytes,
                modified: self.clock,
            },
        );
    }
}

impl Object {
    fn info(&self, name: &ObjectName) -> ObjectInfo {
        ObjectInfo {
            name: name.clone(),
            len: self.bytes.len() as u64,
            modified: SystemTime::UNIX_EPOCH + Duration::from_secs(self.modified),
        }
    }
}

/// Bytes `start..end` of `bytes`, both at most its length.
fn slice(bytes: &Bytes, start: u64, end: u64) -> Bytes {
    let index = |n: u64| usize::try_from(n).map_or(bytes.len(), |n| n.min(bytes.len()));
    bytes.slice(index(start)..index(end))
}

/// The parts of `payload` in one piece, without copying if there is only one.
pub(super) fn join(payload: &PutPayload) -> Bytes {
    if let [only] = payload.as_ref() {
        return only.clone();
    }
    let mut all = BytesMut::with_capacity(payload.content_length());
    for part in payload {
        all.extend_from_slice(part);
    }
    all.freeze()
}

impl Backend for MemoryBackend {
    fn location(&self) -> &Arc<str> {
        &self.location
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        let name = name.clone();
        async move {
            self.state.lock().insert(&name, join(&payload));
            Ok(())
        }
        .boxed()
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        let name = name.clone();
        async move {
            let mut state = self.state.lock();
            if state.objects.contains_key(&name) {
                return Ok(Put::Exists);
            }
            state.insert(&name, join(&payload));
            Ok(Put::Created)
        }
        .boxed()
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        async move {
            let bytes = self.object(&name)?.bytes;
            let len = bytes.len() as u64;
            if len > max_len {
                return Err(StoreError::TooLarge {
                    at: self.at(&name),
                    len,
                    max: max_len,
                });
            }
            Ok(bytes)
        }
        .boxed()
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        async move { self.read_range(&name, &range) }.boxed()
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        let name = name.clone();
        async move {
            let bytes = self.object(&name)?.bytes;
            let object_len = bytes.len() as u64;
            let tail = slice(&bytes, object_len.saturating_sub(len), object_len);
            Ok(Tail {
                bytes: tail,
                object_len,
            })
        }
        .boxed()
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        let name = name.clone();
        async move { Ok(self.object(&name)?.info(&name)) }.boxed()
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        let state = self.state.lock();
        let found: Vec<_> = state
            .objects
            .iter()
            .filter(|(name, _)| folder.contains(name) && after.is_none_or(|after| *name > after))
            .map(|(name, object)| Ok(object.info(name)))
            .collect();
        stream::iter(found).boxed()
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        let state = self.state.lock();
        let found: BTreeSet<Folder> = state
            .objects
            .keys()
            .filter_map(|name| folder.rest(name)?.split_once('/'))
            .filter_map(|(first, _)| folder.folder(first).ok())
            .collect();
        future::ready(Ok(found.into_iter().collect())).boxed()
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        async move {
            let mut state = self.state.lock();
            for name in &names {
                state.objects.remove(name);
            }
            Ok(())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use crate::store::{Limited, MemoryBackend, RetryPolicy, Retrying, Store, conformance};

    #[tokio::test(flavor = "multi_thread")]
    async fn memory_conforms() {
        assert_eq!(conformance::check(&Store::memory()).await.unwrap(), []);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn memory_behind_all_wrappers_conforms() {
        let limited = Limited::new(MemoryBackend::new(), 4);
        let store = Store::new(Retrying::new(limited, RetryPolicy::never(), 1));
        assert_eq!(conformance::check(&store).await.unwrap(), []);
    }
}
