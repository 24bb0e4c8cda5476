//! A store at which something else happens, or everything ends, at one request.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use orlop_repo::model::ObjectName;
use orlop_repo::store::{
    At, Backend, Folder, MemoryBackend, ObjectInfo, Put, PutPayload, StoreError, StoreFuture, Tail,
};
use parking_lot::Mutex;

/// What a request does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Put,
    Create,
    Read,
    List,
    Delete,
}

/// What happens at a request, on a thread that may block.
type Action = Box<dyn FnOnce() + Send>;
/// What happens before each request that changes something.
type Always = Arc<dyn Fn() + Send + Sync>;
/// Which request.
type Cue = Box<dyn FnMut(Op, &str) -> bool + Send>;

/// Memory with cues.
#[derive(Clone)]
pub(crate) struct Stage {
    inner: MemoryBackend,
    play: Arc<Mutex<Option<(Cue, Action)>>>,
    always: Arc<Mutex<Option<Always>>>,
    /// Requests that change something, so far.
    pub(crate) writes: Arc<AtomicU64>,
    /// After so many of them nothing answers any more.
    pub(crate) end: Arc<AtomicU64>,
    /// Whether the last of them takes effect without an answer.
    pub(crate) effect: bool,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stage")
    }
}

impl Stage {
    pub(crate) fn new(inner: MemoryBackend) -> Self {
        Self {
            inner,
            play: Arc::default(),
            always: Arc::default(),
            writes: Arc::default(),
            end: Arc::new(AtomicU64::new(u64::MAX)),
            effect: false,
        }
    }

    /// Before the first request that `cue` picks, `action` is done.
    pub(crate) fn at(
        &self,
        cue: impl FnMut(Op, &str) -> bool + Send + 'static,
        action: impl FnOnce() + Send + 'static,
    ) {
        *self.play.lock() = Some((Box::new(cue), Box::new(action)));
    }

    /// Before each request that changes something, `action` is done.
    pub(crate) fn always(&self, action: impl Fn() + Send + Sync + 'static) {
        *self.always.lock() = Some(Arc::new(action));
    }

    /// Whether the cue came.
    pub(crate) fn is_over(&self) -> bool {
        self.play.lock().is_none()
    }

    /// Does what is to be done before this request.
    async fn cue(&self, op: Op, name: &str) {
        let action = {
            let mut play = self.play.lock();
            let here = play.as_mut().is_some_and(|(cue, _)| cue(op, name));
            if here {
                play.take().map(|(_, action)| action)
            } else {
                None
            }
        };
        if let Some(action) = action {
            tokio::task::spawn_blocking(action).await.unwrap();
        }
    }

    async fn request<'a, T: Send + 'a>(
        &'a self,
        op: Op,
        name: String,
        request: StoreFuture<'a, T>,
    ) -> Result<T, StoreError> {
        self.cue(op, &name).await;
        // Not worth trying again, so that nobody does.
        let always = self.always.lock().clone().filter(|_| op != Op::Read);
        if let Some(action) = always {
            tokio::task::spawn_blocking(move || action()).await.unwrap();
        }
        let gone = || StoreError::PermissionDenied {
            at: At::store(self.inner.location().clone()),
            source: "the process is dead".into(),
        };
        let end = self.end.load(Ordering::SeqCst);
        if op == Op::Read {
            if self.writes.load(Ordering::SeqCst) > end {
                return Err(gone());
            }
            return request.await;
        }
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        if number > end || (number == end && !self.effect) {
            return Err(gone());
        }
        let result = request.await;
        if number == end { Err(gone()) } else { result }
    }
}

impl Backend for Stage {
    fn location(&self) -> &Arc<str> {
        self.inner.location()
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        let request = self.inner.put(name, payload);
        Box::pin(self.request(Op::Put, name.to_string(), request))
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        let request = self.inner.put_if_absent(name, payload);
        Box::pin(self.request(Op::Create, name.to_string(), request))
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        let request = self.inner.get(name, max_len);
        Box::pin(self.request(Op::Read, name.to_string(), request))
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        let request = self.inner.get_range(name, range);
        Box::pin(self.request(Op::Read, name.to_string(), request))
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        let request = self.inner.get_tail(name, len);
        Box::pin(self.request(Op::Read, name.to_string(), request))
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        let request = self.inner.head(name);
        Box::pin(self.request(Op::Read, name.to_string(), request))
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        let (stage, folder, after) = (self.clone(), folder.clone(), after.cloned());
        stream::once(async move {
            stage.cue(Op::List, &folder.to_string()).await;
            stage.inner.list(&folder, after.as_ref())
        })
        .flatten()
        .boxed()
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        self.inner.list_folders(folder)
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        let first = names.first().map(ToString::to_string).unwrap_or_default();
        let request = self.inner.delete(names);
        Box::pin(self.request(Op::Delete, first, request))
    }
}
