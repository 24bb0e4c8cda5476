//! Which class a file has, told from its name, its size and its first bytes.
//!
//! Decided when a file is first seen and recorded with it: the class says how the file is cut, so
//! changing it later stores the file once more. All functions are pure; the pipeline reads
//! [`HEAD_LEN`] bytes and asks [`classify`].
//!
//! | module | recognises |
//! |---|---|
//! | `class` | the classes and the one question |
//! | `database` | `SQLite`, `PostgreSQL`, `InnoDB`, LMDB, bbolt, `WiredTiger` |
//! | `image` | qcow2, VMDK, VDI, VHDX, VHD and raw disk images |
//! | `effort` | how hard to compress |
//! | `dense` | what does not compress |
//! | `head` | reading numbers out of bytes that a tenant wrote |
//!
//! The bytes belong to a tenant. A file that pretends costs that tenant deduplication or an index
//! entry more and nobody else anything, and no input can do worse than a wrong answer.

mod class;
mod database;
mod dense;
mod effort;
mod head;
mod image;

pub use class::{Class, HEAD_LEN, classify};
pub use effort::{Effort, effort};
