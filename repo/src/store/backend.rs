//! What the engine asks of a store, and what it may rely on.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use object_store::PutPayload;

use super::error::StoreError;
use super::folder::Folder;
use crate::model::ObjectName;

/// How a put-if-absent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a name that is taken is not an error, so it has to be looked at"]
pub enum Put {
    /// The object was absent and now holds the given bytes, durably.
    Created,
    /// The store says that the name is taken.
    ///
    /// Possibly by an earlier attempt of the same put whose reply was lost, or, on S3, by a
    /// concurrent attempt that itself fails. Read the object and compare; if there is none, put
    /// the same bytes again.
    Exists,
}

/// Name, length and time of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The object.
    pub name: ObjectName,
    /// Its length in bytes.
    pub len: u64,
    /// When it was written, by the store's clock; whole seconds on most stores.
    pub modified: SystemTime,
}

/// The end of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The last bytes: as many as were asked for, or the whole object if it is shorter.
    pub bytes: Bytes,
    /// Length of the whole object.
    pub object_len: u64,
}

/// A future of a [`Backend`].
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// One way to reach objects: a kind of store, or a wrapper around another backend.
///
/// Users take a [`Store`](super::Store), which adds counting and checks. This trait is for those
/// who write another backend or wrapper, and the
/// [conformance suite](super::Store) tells them whether it is one.
///
/// # Guarantees
///
/// - **Atomic**: an object is absent or complete, never partial, for every reader.
/// - **Read after write**: after `Ok` of a put, `get`, `head` and `list` of any client see it.
/// - **Durable**: after `Ok` of a put, the object survives the loss of power.
/// - **One creator**: of any number of concurrent `put_if_absent` of one absent name, by any
///   clients, exactly one is [`Put::Created`], and the object holds its bytes.
/// - After `Err` of a put, or when its future is dropped, the object is absent or complete, and
///   it may still appear later.
///
/// Nothing is promised about clocks, about the order of listings, or about the moment at which a
/// deleted object is gone for everybody.
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// The store as its user named it, without credentials.
    fn location(&self) -> &Arc<str>;

    /// Stores `payload` under `name`, whatever was there.
    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()>;

    /// Stores `payload` under `name` if nothing is there.
    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put>;

    /// Reads the whole object, or fails with [`StoreError::TooLarge`] before reading if it is
    /// longer than `max_len`.
    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes>;

    /// Reads exactly `range`, which is not empty, or fails with [`StoreError::ShortRead`].
    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes>;

    /// Reads the last `len` bytes, or all if the object is shorter; `len` is not 0.
    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail>;

    /// Looks at an object without reading it.
    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo>;

    /// Lists the objects in `folder`, however deep, whose names order behind `after`; in any
    /// order. Objects whose names are no [`ObjectName`] are left out.
    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>>;

    /// Lists the folders directly in `folder`, in any order.
    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>>;

    /// Deletes `names`; those that are absent count as deleted.
    ///
    /// After an error any of them may be deleted.
    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()>;

    /// Removes what interrupted puts left behind, if it is older than a day by the store's clock.
    ///
    /// Returns how much was removed. Stores that leave nothing behind do nothing.
    fn remove_debris(&self) -> StoreFuture<'_, u64> {
        Box::pin(std::future::ready(Ok(0)))
    }
}
