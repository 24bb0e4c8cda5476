//! Object stores: one narrow handle over a folder, S3, GCS, Azure or memory.
//!
//! [`Store`] is what the engine holds. A [`Backend`] is one way to reach objects: a kind of store
//! or a wrapper around another one. Names are [`ObjectName`](crate::model::ObjectName)s, failures [`StoreError`]s that say
//! what the caller may conclude: only [`StoreError::NotFound`] means that an object is absent.

mod backend;
mod config;
#[doc(hidden)]
pub mod conformance;
mod counted;
mod counters;
mod error;
mod folder;
mod handle;
mod limited;
mod local;
mod memory;
mod open;
pub mod probe;
mod read_only;
mod remote;
mod retry;
#[cfg(test)]
mod testing;
mod url;

pub use backend::{Backend, ObjectInfo, Put, StoreFuture, Tail};
pub use config::StoreConfig;
pub use counters::RequestCounts;
pub use error::{At, Cause, StoreError};
pub use folder::Folder;
pub use handle::Store;
pub use limited::Limited;
pub use local::LocalBackend;
pub use memory::MemoryBackend;
/// Bytes to store, in one or several parts that are not copied together.
pub use object_store::PutPayload;
pub use read_only::ReadOnly;
pub use remote::RemoteBackend;
pub use retry::{RetryPolicy, Retrying};
pub use url::{Bucket, Service, StoreUrl, StoreUrlError};
