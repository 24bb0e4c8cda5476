//! Object stores: one narrow handle over a folder, S3, GCS, Azure or memory.
//!
//! [`Store`] is what the engine holds. A [`Backend`] is one way to reach objects: a kind of store
//! or a wrapper around another one. Names are [`ObjectName`](crate::model::ObjectName)s, failures [`StoreError`]s that say
//! what the caller may conclude: only [`StoreError::NotFound`] means that an object is absent.

mod backend;
mod counted;
mod counters;
mod error;
mod folder;
mod handle;
mod local;
mod memory;

pub use backend::{Backend, ObjectInfo, Put, StoreFuture, Tail};
pub use counters::RequestCounts;
pub use error::{At, Cause, StoreError};
pub use folder::Folder;
pub use handle::Store;
pub use local::LocalBackend;
pub use memory::MemoryBackend;
/// Bytes to store, in one or several parts that are not copied together.
pub use object_store::PutPayload;
