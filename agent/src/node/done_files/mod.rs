//! What the agent tells the pod whose volume it restores: files in the volume's folder `.velero`.
//!
//! The init container of the pod runs under the tenant's account and reaches no API, so files are
//! how it learns. With the UID of the Restore in their names:
//!
//! | file | meaning |
//! |---|---|
//! | `.velero/<uid>` | the volume is restored; empty, as Velero's own agent writes it |
//! | `.velero/<uid>.progress` | how far it is: `{"totalBytes": …, "bytesDone": …}` |
//! | `.velero/<uid>.failed` | it will not be restored: `{"outcome": "failed", "reason": "…"}`, or `"cancelled"` |
//!
//! The folder has mode 0755 and the files 0644, so that every account may read them. Each file
//! appears whole or not at all. The agent removes the folder before it begins, whatever is in it: what
//! an earlier restore left behind must not count, nor what was in the backup.

mod format;
mod writer;

pub(super) use format::{FOLDER, MAX_LEN, Names};
pub use format::{Outcome, Verdict};
pub use writer::{DoneFiles, DoneFilesError};
