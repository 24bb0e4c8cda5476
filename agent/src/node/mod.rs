//! The parts of the node's agent that need no API server.
//!
//! Whoever watches objects of Kubernetes calls these and writes down what they say; nothing here
//! knows a client, and objects come as plain descriptions.
//!
//! ```text
//! pod, claim, volume ─► described ─► volume_kinds   is it volume data, or why not
//!                           └──────► host_path      the volume on this node, opened
//!                                        │
//! config map ─► concurrency ─► a slot ─► backup, restore (the engine) ◄─ location ◄─ BackupStorageLocation
//!               with its memory          │                 │
//!                                    progress          done_files ─► .velero/ in the volume
//!                                        ▼                                │
//!                                      status        restore_wait ◄───────┘  in the tenant's pod
//! ```

pub mod concurrency;
pub mod described;
pub mod done_files;
pub mod host_path;
pub mod location;
pub mod progress;
pub mod restore_wait;
#[cfg(test)]
mod restore_wait_tests;
pub mod volume_kinds;
