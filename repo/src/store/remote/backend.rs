//! A bucket or container, or a prefix of one.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, PutMode, PutPayload};

use super::requests::{Shared, absent_is_no_store};
use crate::model::ObjectName;
use crate::store::backend::{Backend, ObjectInfo, Put, StoreFuture, Tail};
use crate::store::error::{At, StoreError};
use crate::store::folder::Folder;

/// Objects under a prefix of a bucket. One HTTP client, so one pool of connections.
///
/// Makes no retries, see [`Retrying`](crate::store::Retrying).
#[derive(Debug)]
pub struct RemoteBackend {
    shared: Arc<Shared>,
    /// Whether "the last n bytes" can be asked for; Azure cannot.
    suffix_ranges: bool,
}

impl RemoteBackend {
    /// Objects of `store` below `prefix`, which has no slash at either end.
    ///
    /// `patience` is how long to wait for an answer or for more of it. `suffix_ranges` says
    /// whether `store` serves the last bytes of an object of unknown length.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        location: impl Into<Arc<str>>,
        prefix: &str,
        patience: Duration,
        suffix_ranges: bool,
    ) -> Self {
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        let shared = Shared {
            store,
            location: location.into(),
            prefix,
            patience,
        };
        Self {
            shared: Arc::new(shared),
            suffix_ranges,
        }
    }
}

impl Backend for RemoteBackend {
    fn location(&self) -> &Arc<str> {
        &self.shared.location
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        let name = name.clone();
        async move {
            self.shared
                .put(&name, payload, PutMode::Overwrite)
                .await
                .map(|_| ())
        }
        .boxed()
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        let name = name.clone();
        async move { self.shared.put(&name, payload, PutMode::Create).await }.boxed()
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        async move { self.shared.get(&name, max_len).await }.boxed()
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        async move { self.shared.get_range(&name, range).await }.boxed()
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        let name = name.clone();
        async move {
            if self.suffix_ranges {
                return self.shared.suffix(&name, len).await;
            }
            let object_len = self.shared.head(&name).await?.len;
            if object_len == 0 {
                return Ok(Tail {
                    bytes: Bytes::new(),
                    object_len,
                });
            }
            let range = object_len.saturating_sub(len)..object_len;
            Ok(Tail {
                bytes: self.shared.get_range(&name, range).await?,
                object_len,
            })
        }
        .boxed()
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        let name = name.clone();
        async move { self.shared.head(&name).await }.boxed()
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        let shared = self.shared.clone();
        let (folder, after) = (folder.clone(), after.cloned());
        let paths = shared.folder_path(&folder).and_then(|path| {
            Ok((
                path,
                after.as_ref().map(|name| shared.path(name)).transpose()?,
            ))
        });
        let listing = match paths {
            Ok((path, None)) => shared.store.list(Some(&path)),
            Ok((path, Some(after))) => shared.store.list_with_offset(Some(&path), &after),
            Err(error) => return stream::once(std::future::ready(Err(error))).boxed(),
        };
        stream::try_unfold(
            (listing, shared, folder),
            |(mut listing, shared, folder)| async {
                let at = || At::folder(shared.location.clone(), &folder);
                let next = shared
                    .wait(at, 0, listing.try_next())
                    .await
                    .map_err(absent_is_no_store)?;
                Ok(next.map(|meta| (shared.info(&meta), (listing, shared, folder))))
            },
        )
        .try_filter_map(move |info| {
            let wanted = info.filter(|info| after.as_ref().is_none_or(|after| info.name > *after));
            std::future::ready(Ok(wanted))
        })
        .boxed()
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        let folder = folder.clone();
        async move { self.shared.list_folders(&folder).await }.boxed()
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        self.shared.delete(names).boxed()
    }
}
