//! Snapshots as a read-only file system.
//!
//! The kernel asks by inode number and name; every answer comes from the tree of a snapshot by its
//! key, so that a folder of a million names is never held whole and a look-up takes a few pages.
//! Requests are answered on threads of their own: a slow one holds up nobody else.
//!
//! | file | concept |
//! |---|---|
//! | `options` | what is mounted, and how |
//! | `node`, `inodes` | what an inode number stands for, and those that the kernel knows |
//! | `attributes` | from an entry of a tree to what `stat` says |
//! | `catalogue`, `current`, `above` | all snapshots by name, kept up to date, as folders |
//! | `trees` | trees of snapshots that share what is kept of them |
//! | `listing` | a folder that is read from its first name to its last |
//! | `blocks` | data by blocks, each fetched once for all who wait for it |
//! | `extents`, `ahead`, `file` | an open file: its extents, what is read ahead of its reader, its bytes |
//! | `trouble`, `problems` | why something cannot be read: for the kernel and for people |
//! | `handles`, `reply` | what is open, and names on their way to the kernel |
//! | `answers`, `file_system`, `inode_flags` | the requests of the kernel |
//! | `run` | from mounting to unmounting |

mod above;
mod ahead;
mod answers;
mod attributes;
mod blocks;
mod catalogue;
mod current;
mod extents;
mod file;
mod file_system;
mod handles;
mod inode_flags;
mod inodes;
mod listing;
mod node;
mod options;
mod problems;
mod reply;
mod run;
mod trees;
mod trouble;

pub use options::{MountMemory, MountOptions, What};
pub use problems::Report;
pub use run::{Mount, MountError, Unmounted};
