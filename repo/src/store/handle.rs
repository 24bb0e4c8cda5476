//! The handle through which the engine uses a store.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::PutPayload;

use super::backend::{Backend, ObjectInfo, Put, Tail};
use super::counted::Counted;
use super::counters::{Counters, RequestCounts};
use super::error::{At, StoreError};
use super::folder::{CLOCK, Folder};
use super::local::LocalBackend;
use super::memory::MemoryBackend;
use crate::model::ObjectName;

/// Longest listing that [`Store::list`] returns in one piece: some 500 MB of names.
const MAX_LISTING: u64 = 4 << 20;

/// A place that holds objects; cheap to clone, shared by its clones.
///
/// See [`Backend`] for what a store guarantees. All calls may run concurrently. A put whose
/// future is dropped, or which fails, may still take effect later.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    counters: Arc<Counters>,
}

impl Store {
    /// A store over `backend`, with requests counted as they reach it.
    pub fn new(backend: impl Backend) -> Self {
        let counters = Arc::<Counters>::default();
        Self {
            backend: Arc::new(Counted::new(backend, counters.clone())),
            counters,
        }
    }

    /// A store over `backend`, which counts into `counters`.
    pub(super) fn from_parts(backend: impl Backend, counters: Arc<Counters>) -> Self {
        Self {
            backend: Arc::new(backend),
            counters,
        }
    }

    /// An empty store in memory.
    pub fn memory() -> Self {
        Self::new(MemoryBackend::new())
    }

    /// The existing folder `root`.
    pub fn local(root: impl Into<PathBuf>) -> Self {
        Self::new(LocalBackend::new(root))
    }

    /// The folder `root`, made if it is absent.
    pub async fn create_local(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        LocalBackend::create(root).await.map(Self::new)
    }

    /// The store as its user named it, without credentials.
    pub fn location(&self) -> &str {
        self.backend.location()
    }

    /// Requests so far, of all clones together.
    pub fn counts(&self) -> RequestCounts {
        self.counters.snapshot()
    }

    /// Stores `payload` under a name that is never used for other bytes.
    ///
    /// After `Ok` every client sees the object and it survives the loss of power. After `Err` it
    /// is absent or complete, and may still appear: try again with the same bytes, or take a new
    /// name.
    pub async fn put(
        &self,
        name: &ObjectName,
        payload: impl Into<PutPayload> + Send,
    ) -> Result<(), StoreError> {
        self.backend.put(name, payload.into()).await
    }

    /// Stores `bytes` under `name` if nothing is there; all or nothing.
    ///
    /// After [`Put::Created`] every client sees the object and it survives the loss of power.
    /// Retries after lost replies are made inside and end as [`Put::Exists`], so look whose
    /// object it is.
    ///
    /// # Errors
    ///
    /// With every error the outcome is open: only the same bytes may be put again under `name`
    /// until a read shows what is there.
    pub async fn put_if_absent(
        &self,
        name: &ObjectName,
        bytes: impl Into<Bytes> + Send,
    ) -> Result<Put, StoreError> {
        self.backend.put_if_absent(name, bytes.into().into()).await
    }

    /// Reads the whole object.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`], before anything is allocated, if it is longer than `max_len`.
    pub async fn get(&self, name: &ObjectName, max_len: u64) -> Result<Bytes, StoreError> {
        self.backend.get(name, max_len).await
    }

    /// Reads exactly the bytes `range`; none for an empty range, without asking the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::ShortRead`] if the object ends before the range does.
    pub async fn get_range(
        &self,
        name: &ObjectName,
        range: Range<u64>,
    ) -> Result<Bytes, StoreError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        self.backend.get_range(name, range).await
    }

    /// Reads the last `len` bytes, or the whole object if it is shorter, and tells its length.
    pub async fn get_tail(&self, name: &ObjectName, len: u64) -> Result<Tail, StoreError> {
        if len == 0 {
            let object_len = self.head(name).await?.len;
            return Ok(Tail {
                bytes: Bytes::new(),
                object_len,
            });
        }
        self.backend.get_tail(name, len).await
    }

    /// Tells length and time of an object.
    pub async fn head(&self, name: &ObjectName) -> Result<ObjectInfo, StoreError> {
        self.backend.head(name).await
    }

    /// Lists the objects in `folder`, however deep, ordered by name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotSupported`] if there are more than four million; go by
    /// [`Store::list_folders`] or [`Store::walk`] where that may be.
    pub async fn list(&self, folder: &Folder) -> Result<Vec<ObjectInfo>, StoreError> {
        self.collect(folder, None).await
    }

    /// Lists as [`Store::list`] does, only what orders behind `after`.
    pub async fn list_after(
        &self,
        folder: &Folder,
        after: &ObjectName,
    ) -> Result<Vec<ObjectInfo>, StoreError> {
        self.collect(folder, Some(after)).await
    }

    async fn collect(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> Result<Vec<ObjectInfo>, StoreError> {
        let mut listing = self.backend.list(folder, after);
        let mut found = Vec::new();
        while let Some(info) = listing.try_next().await? {
            if found.len() as u64 == MAX_LISTING {
                return Err(StoreError::NotSupported {
                    at: At::folder(self.backend.location().clone(), folder),
                    what: "listings of more than 4194304 objects in one piece",
                });
            }
            found.push(info);
        }
        found.sort_unstable_by(|a: &ObjectInfo, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.name == b.name);
        Ok(found)
    }

    /// Lists the objects in `folder`, however deep, in any order and without holding them all.
    ///
    /// The listing ends after its first error.
    pub fn walk(&self, folder: &Folder) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        self.backend
            .list(folder, None)
            .scan(false, |failed, item| {
                let ended = std::mem::replace(failed, item.is_err());
                std::future::ready((!ended).then_some(item))
            })
            .boxed()
    }

    /// Lists the folders directly in `folder`, ordered by name.
    pub async fn list_folders(&self, folder: &Folder) -> Result<Vec<Folder>, StoreError> {
        let mut found = self.backend.list_folders(folder).await?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Deletes `names`; those that are absent count as deleted.
    ///
    /// # Errors
    ///
    /// After any error each of them may be deleted or not: delete them all again.
    pub async fn delete(
        &self,
        names: impl IntoIterator<Item = ObjectName> + Send,
    ) -> Result<(), StoreError> {
        let names: Vec<_> = names.into_iter().collect();
        if names.is_empty() {
            return Ok(());
        }
        self.backend.delete(names).await
    }

    /// The store's own time: that of an object written for this and deleted again.
    ///
    /// Exact to a second at best, and as late as the write took.
    pub async fn store_now(&self) -> Result<SystemTime, StoreError> {
        let name = self.random_name(CLOCK)?;
        self.put(&name, Bytes::from_static(b"clock")).await?;
        let info = self.head(&name).await;
        let deleted = self.delete([name]).await;
        let modified = info?.modified;
        deleted?;
        Ok(modified)
    }

    /// Removes what interrupted puts left behind, if it is older than a day by the store's clock;
    /// tells how much it was.
    pub async fn remove_debris(&self) -> Result<u64, StoreError> {
        self.backend.remove_debris().await
    }

    /// A name in `folder` that nobody has used.
    pub(super) fn random_name(&self, folder: &str) -> Result<ObjectName, StoreError> {
        let other = |source| StoreError::Other {
            at: At::store(self.backend.location().clone()),
            source,
        };
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| other(error.into()))?;
        let name = format!("{folder}/{}", hex::encode(random));
        ObjectName::parse(&name).map_err(|error| other(error.into()))
    }
}
