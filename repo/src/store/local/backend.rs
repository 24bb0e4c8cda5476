//! The asynchronous face of a folder: every call runs on tokio's threads for blocking work.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use object_store::PutPayload;
use tokio::sync::mpsc;

use super::disk::{Disk, Replace};
use super::walk;
use crate::model::ObjectName;
use crate::store::backend::{Backend, ObjectInfo, Put, StoreFuture, Tail};
use crate::store::error::{At, StoreError};
use crate::store::folder::Folder;

/// Batches of a listing that are read ahead of its reader.
const BATCHES_AHEAD: usize = 2;

/// Objects as files in a folder, with mode 0600 in folders with mode 0700.
///
/// Needs a tokio runtime. A dropped future does not stop what runs: the put may still happen.
#[derive(Debug)]
pub struct LocalBackend {
    disk: Arc<Disk>,
}

impl LocalBackend {
    /// The folder `root`, which should exist: otherwise every call fails with
    /// [`StoreError::NoStore`].
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            disk: Arc::new(Disk::new(root.into())),
        }
    }

    /// The folder `root`, made durably if it is absent.
    pub async fn create(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let backend = Self::new(root);
        backend.run(Disk::create_root).await?;
        Ok(backend)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        self.disk.root()
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let disk = self.disk.clone();
        async move {
            let at = At::store(disk.location().clone());
            match tokio::task::spawn_blocking(move || work(&disk)).await {
                Ok(result) => result,
                Err(source) => Err(StoreError::Transient {
                    at,
                    source: source.into(),
                }),
            }
        }
        .boxed()
    }
}

impl Backend for LocalBackend {
    fn location(&self) -> &Arc<str> {
        self.disk.location()
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        let name = name.clone();
        self.run(move |disk| disk.put(&name, &payload, Replace::Allowed).map(|_| ()))
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        let name = name.clone();
        self.run(move |disk| disk.put(&name, &payload, Replace::Never))
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        self.run(move |disk| disk.get(&name, max_len))
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        self.run(move |disk| disk.get_range(&name, &range))
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        let name = name.clone();
        self.run(move |disk| disk.get_tail(&name, len))
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        let name = name.clone();
        self.run(move |disk| disk.head(&name))
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        let (disk, folder, after) = (self.disk.clone(), folder.clone(), after.cloned());
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        // Nobody waits for the walk: it ends when its reader is gone.
        tokio::task::spawn_blocking(move || {
            let sent = walk::objects(&disk, &folder, after.as_ref(), |batch| {
                sender.blocking_send(Ok(batch)).is_ok()
            });
            if let Err(error) = sent {
                sender.blocking_send(Err(error)).ok();
            }
        });
        stream::unfold(receiver, |mut receiver| async {
            let batch = receiver.recv().await?;
            Some((batch, receiver))
        })
        .flat_map(|batch| match batch {
            Ok(infos) => stream::iter(infos.into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(error)]),
        })
        .boxed()
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        let folder = folder.clone();
        self.run(move |disk| walk::folders(disk, &folder))
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        self.run(move |disk| disk.delete(&names))
    }

    fn remove_debris(&self) -> StoreFuture<'_, u64> {
        self.run(walk::remove_debris)
    }
}
