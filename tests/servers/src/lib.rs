//! Real servers for tests: the object stores, and what other servers are started with.
//!
//! Each value is a process of its own on a free port of the loopback interface, with a temporary
//! folder for its data. It ends when the value is dropped, and when the test process dies in any
//! way. The programs come from `tests/setup.sh`.

mod azure;
mod error;
mod faults;
mod gcs;
mod http;
mod process;
mod s3;
mod tools;
mod watched;

pub use azure::AzureServer;
pub use error::ServerError;
pub use faults::{Asked, Fault, FaultProxy, seeded};
pub use gcs::GcsServer;
pub use s3::{Request, S3Server};
pub use tools::find as tool;
pub use watched::Watched;
