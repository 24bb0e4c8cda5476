//! Bytes to chunks: keyed `FastCDC`, fixed-size cutting and keyed chunk ids.

mod id;

pub use id::{ChunkId, IdKey};
