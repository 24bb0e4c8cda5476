//! S3, Google Cloud Storage and Azure Blob Storage, through the crate `object_store`.
//!
//! That crate speaks the protocols. Retries and time-outs are not left to it: it gives up a whole
//! request after 30 s, however much there is to send, and it does not tell a refused connection
//! from a missing bucket. [`wire`] looks at what the server says before the crate does.

mod answer;
mod backend;
mod classify;
mod connect;
mod requests;
mod wire;

pub use backend::RemoteBackend;
pub(super) use connect::connect;
