//! Bytes to chunks: where to cut, what to call the pieces, and which pieces are nothing but zeros.
//!
//! The crate is pure. It sees slices of bytes and keys, and knows neither files nor stores nor a
//! runtime; the caller reads, buffers and uploads.
//!
//! | module | holds |
//! |---|---|
//! | `id` | [`ChunkId`], the name of a chunk's plaintext |
//! | `id_key` | [`IdKey`], the keys that make ids |
//! | `gear` | [`GearTable`], the secret that decides where content is cut |
//! | `params` | [`CutParams`], validated lengths |
//! | `suite` | [`Suite`], the registered number of a way to cut |
//! | `content`, `fixed`, `cutting` | the cutters and the one enum over them |
//! | `zero` | zero runs, which are recorded and never stored |
//!
//! Changing a cut point or an id makes every older snapshot useless for deduplication, so both are
//! pinned by `format-spec/vectors/chunker.json`.

mod content;
mod cutting;
mod fixed;
mod gear;
mod id;
mod id_key;
mod params;
mod suite;
mod zero;

pub use content::Cutter;
pub use cutting::{Cutting, WHOLE_MAX};
pub use fixed::FixedCutter;
pub use gear::GearTable;
pub use id::ChunkId;
pub use id_key::IdKey;
pub use params::{CutParams, CutParamsError, MAX_CHUNK_LEN};
pub use suite::{Suite, UnknownSuite};
pub use zero::{is_zero, zero_prefix_len};
