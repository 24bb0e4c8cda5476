//! Single requests to a bucket, with time-outs and errors that are understood.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, PutMode, PutPayload};

use super::classify::{classify, is_unclear_absence};
use crate::model::ObjectName;
use crate::store::backend::{ObjectInfo, Put, Tail};
use crate::store::error::{At, StoreError};
use crate::store::folder::Folder;

/// Slowest upload that is waited for, in bytes a second.
///
/// The progress of an upload cannot be seen from here, so its time grows with its size: a pack of
/// 64 MiB gets 34 minutes.
const SLOWEST_UPLOAD: u64 = 32 << 10;

/// A bucket and the prefix in it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) location: Arc<str>,
    /// Empty, or ends in `/`.
    pub(super) prefix: String,
    pub(super) patience: Duration,
}

impl Shared {
    fn at(&self, name: &ObjectName) -> At {
        At::object(self.location.clone(), name)
    }

    pub(super) fn path(&self, name: &ObjectName) -> Result<Path, StoreError> {
        self.parse(self.at(name), name.as_str())
    }

    pub(super) fn folder_path(&self, folder: &Folder) -> Result<Path, StoreError> {
        self.parse(At::folder(self.location.clone(), folder), folder.as_str())
    }

    fn parse(&self, at: At, name: &str) -> Result<Path, StoreError> {
        Path::parse(format!("{}{name}", self.prefix)).map_err(|error| StoreError::Config {
            at,
            reason: error.to_string(),
        })
    }

    /// The name of a listed object, if it has one.
    fn name(&self, path: &Path) -> Option<ObjectName> {
        ObjectName::parse(path.as_ref().strip_prefix(&self.prefix)?).ok()
    }

    pub(super) fn info(&self, meta: &ObjectMeta) -> Option<ObjectInfo> {
        let name = self.name(&meta.location)?;
        Some(ObjectInfo {
            name,
            len: meta.size,
            modified: SystemTime::from(meta.last_modified),
        })
    }

    /// Waits for `request`, as long as moving `len` bytes may take.
    pub(super) async fn wait<T>(
        &self,
        at: impl Fn() -> At,
        len: u64,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, StoreError> {
        self.wait_raw(&at, len, request)
            .await?
            .map_err(|error| classify(at(), error))
    }

    /// As [`Shared::wait`], with errors other than a time-out as they come.
    async fn wait_raw<T>(
        &self,
        at: impl Fn() -> At,
        len: u64,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<object_store::Result<T>, StoreError> {
        let limit = self.patience + Duration::from_secs(len / SLOWEST_UPLOAD);
        tokio::time::timeout(limit, request)
            .await
            .map_err(|_| StoreError::Timeout {
                at: at(),
                seconds: limit.as_secs(),
            })
    }

    /// Collects the body of an answer, of which `len` bytes are due.
    async fn body(&self, name: &ObjectName, got: GetResult, len: u64) -> Result<Bytes, StoreError> {
        let at = || self.at(name);
        let offset = got.range.start;
        let short = |got: usize| StoreError::ShortRead {
            at: at(),
            offset,
            wanted: len,
            got: got as u64,
        };
        let capacity = usize::try_from(len).map_err(|_| StoreError::TooLarge {
            at: at(),
            len,
            max: usize::MAX as u64,
        })?;
        let mut parts = got.into_stream();
        let Some(first) = self.wait(at, 0, parts.try_next()).await? else {
            return if len == 0 {
                Ok(Bytes::new())
            } else {
                Err(short(0))
            };
        };
        if first.len() >= capacity {
            return if first.len() == capacity {
                Ok(first)
            } else {
                Err(short(first.len()))
            };
        }
        let mut all = BytesMut::with_capacity(capacity);
        all.extend_from_slice(&first);
        while let Some(part) = self.wait(at, 0, parts.try_next()).await? {
            if part.len() > capacity - all.len() {
                return Err(short(all.len().saturating_add(part.len())));
            }
            all.extend_from_slice(&part);
        }
        if all.len() < capacity {
            Err(short(all.len()))
        } else {
            Ok(all.freeze())
        }
    }

    pub(super) async fn put(
        &self,
        name: &ObjectName,
        payload: PutPayload,
        mode: PutMode,
    ) -> Result<Put, StoreError> {
        let path = self.path(name)?;
        let len = payload.content_length() as u64;
        let create = mode == PutMode::Create;
        let put = self.store.put_opts(&path, payload, mode.into());
        match self.wait_raw(|| self.at(name), len, put).await? {
            Ok(_) => Ok(Put::Created),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) if create => Ok(Put::Exists),
            Err(object_store::Error::NotImplemented { .. }) if create => {
                Err(StoreError::NotSupported {
                    at: self.at(name),
                    what: "creating an object only if it is absent",
                })
            }
            Err(error) => Err(match classify(self.at(name), error) {
                // Only an absent bucket can keep a put from its place.
                StoreError::NotFound { at } => no_store(at),
                error => error,
            }),
        }
    }

    /// What `error` means for a read of `name`.
    async fn explain(&self, name: &ObjectName, error: object_store::Error) -> StoreError {
        if is_unclear_absence(&error)
            && let Err(error) = self.look().await
        {
            return error;
        }
        classify(self.at(name), error)
    }

    /// Fails if the bucket is not there. A listing tells, and this one is short.
    async fn look(&self) -> Result<(), StoreError> {
        let at = || At::store(self.location.clone());
        let nothing = self.parse(at(), "absent")?;
        let mut listing = self.store.list(Some(&nothing));
        self.wait(at, 0, listing.try_next())
            .await
            .map(|_| ())
            .map_err(absent_is_no_store)
    }

    /// Sends a request to read `name` and waits for the head of the answer.
    async fn ask(
        &self,
        name: &ObjectName,
        options: GetOptions,
    ) -> Result<object_store::Result<GetResult>, StoreError> {
        let path = self.path(name)?;
        self.wait_raw(|| self.at(name), 0, self.store.get_opts(&path, options))
            .await
    }

    pub(super) async fn get(&self, name: &ObjectName, max_len: u64) -> Result<Bytes, StoreError> {
        let got = match self.ask(name, GetOptions::default()).await? {
            Ok(got) => got,
            Err(error) => return Err(self.explain(name, error).await),
        };
        let len = got.meta.size;
        if len > max_len {
            return Err(StoreError::TooLarge {
                at: self.at(name),
                len,
                max: max_len,
            });
        }
        self.body(name, got, len).await
    }

    pub(super) async fn get_range(
        &self,
        name: &ObjectName,
        range: Range<u64>,
    ) -> Result<Bytes, StoreError> {
        let (offset, wanted) = (range.start, range.end.saturating_sub(range.start));
        let short = |len: u64| StoreError::ShortRead {
            at: self.at(name),
            offset,
            wanted,
            got: len.min(range.end).saturating_sub(offset),
        };
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(range.clone())));
        match self.ask(name, options).await? {
            Ok(got) if got.range == range => self.body(name, got, wanted).await,
            Ok(got) => Err(short(got.meta.size)),
            Err(error) => match self.explain(name, error).await {
                // Servers refuse a range behind the end in many ways; the length tells.
                error @ StoreError::Other { .. } => match self.head(name).await?.len {
                    len if len < range.end => Err(short(len)),
                    _ => Err(error),
                },
                error => Err(error),
            },
        }
    }

    /// The tail, by one request.
    pub(super) async fn suffix(&self, name: &ObjectName, len: u64) -> Result<Tail, StoreError> {
        let options = GetOptions::new().with_range(Some(GetRange::Suffix(len)));
        match self.ask(name, options).await? {
            Ok(got) => {
                let object_len = got.meta.size;
                let due = object_len.min(len);
                let bytes = self.body(name, got, due).await?;
                Ok(Tail { bytes, object_len })
            }
            Err(error) => match self.explain(name, error).await {
                // An empty object has no last byte, and servers refuse that in many ways.
                error @ StoreError::Other { .. } => match self.head(name).await?.len {
                    0 => Ok(Tail {
                        bytes: Bytes::new(),
                        object_len: 0,
                    }),
                    _ => Err(error),
                },
                error => Err(error),
            },
        }
    }

    pub(super) async fn head(&self, name: &ObjectName) -> Result<ObjectInfo, StoreError> {
        let meta = match self.ask(name, GetOptions::new().with_head(true)).await? {
            Ok(got) => got.meta,
            Err(error) => {
                let unclear = is_unclear_absence(&error);
                match classify(self.at(name), error) {
                    // The answer to HEAD has no text, so it tells neither an absent object from
                    // an absent bucket nor wrong credentials from few rights. GET does.
                    StoreError::NotFound { .. } if unclear => self.meta_by_get(name).await?,
                    StoreError::PermissionDenied { .. } => self.meta_by_get(name).await?,
                    error => return Err(error),
                }
            }
        };
        Ok(ObjectInfo {
            name: name.clone(),
            len: meta.size,
            modified: SystemTime::from(meta.last_modified),
        })
    }

    async fn meta_by_get(&self, name: &ObjectName) -> Result<ObjectMeta, StoreError> {
        match self.ask(name, GetOptions::default()).await? {
            Ok(got) => Ok(got.meta),
            Err(error) => Err(self.explain(name, error).await),
        }
    }

    pub(super) async fn delete(&self, names: Vec<ObjectName>) -> Result<(), StoreError> {
        let at = || At::store(self.location.clone());
        let paths = names
            .iter()
            .map(|name| self.path(name))
            .collect::<Result<Vec<_>, _>>()?;
        let paths = stream::iter(paths.into_iter().map(Ok)).boxed();
        let mut deleted = self.store.delete_stream(paths);
        let mut unclear = false;
        loop {
            match self.wait_raw(at, 0, deleted.try_next()).await? {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    unclear |= is_unclear_absence(&error);
                    match classify(at(), error) {
                        StoreError::NotFound { .. } => {}
                        error => return Err(error),
                    }
                }
            }
        }
        match names.first() {
            Some(name) if unclear => self.confirm_deleted(name).await,
            _ => Ok(()),
        }
    }

    /// Tells "it is absent already" from "I know of no such request", which some servers answer
    /// alike.
    async fn confirm_deleted(&self, name: &ObjectName) -> Result<(), StoreError> {
        match self.head(name).await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(StoreError::NotSupported {
                at: self.at(name),
                what: "deleting objects in this way; AWS_DISABLE_BULK_DELETE=true tries another",
            }),
        }
    }

    pub(super) async fn list_folders(&self, folder: &Folder) -> Result<Vec<Folder>, StoreError> {
        let path = self.folder_path(folder)?;
        let at = || At::folder(self.location.clone(), folder);
        let listed = self
            .wait(at, 0, self.store.list_with_delimiter(Some(&path)))
            .await;
        let listed = listed.map_err(absent_is_no_store)?;
        let folders = listed
            .common_prefixes
            .iter()
            .filter_map(|path| self.name(path));
        Ok(folders.map(Folder::from).collect())
    }
}

/// A bucket that is there can always be listed.
pub(super) fn absent_is_no_store(error: StoreError) -> StoreError {
    match error {
        StoreError::NotFound { at } => no_store(at),
        error => error,
    }
}

fn no_store(at: At) -> StoreError {
    StoreError::NoStore {
        at,
        source: "the server answered 404".into(),
    }
}
