//! What is restored, and how.

use std::path::PathBuf;

use crate::fs::RelPath;
use crate::memory::MemoryPlan;

/// What happens to one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// It is restored.
    Restore,
    /// A folder that is not asked for, but something beneath it may be; it is made only then.
    Enter,
    /// It is left out, a folder with everything beneath it.
    Skip,
}

/// Says what happens to an entry, told its path beneath the target and whether it is a folder.
///
/// It is asked about an entry any number of times, and about the folders above it.
pub type Select = Box<dyn FnMut(&RelPath, bool) -> Choice + Send>;

/// What happens to a file that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Existing {
    /// It stays if size and modification time are those of the snapshot; else the parts that
    /// differ are written.
    #[default]
    IfChanged,
    /// It is read, and the parts that differ are written.
    Always,
    /// It stays if it is as young as the snapshot's or younger; else the parts that differ are
    /// written.
    IfNewer,
    /// It stays.
    Never,
}

/// What is restored, and how.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of a command"
)]
pub struct RestoreOptions {
    /// Path in the snapshot, raw bytes with slashes; empty for all of it. What is in a folder
    /// comes into the target, and the target gets the folder's metadata; anything else comes into
    /// the target under its own name.
    pub path: Vec<u8>,
    /// The folder to restore into; made if it is not there.
    pub target: PathBuf,
    /// Leaves entries out.
    pub select: Option<Select>,
    /// What happens to files that are there.
    pub existing: Existing,
    /// Remove from the target what the snapshot does not have.
    pub delete: bool,
    /// Make holes of zeros that were written.
    pub sparse: bool,
    /// Read everything back in the end and compare it.
    pub verify: bool,
    /// Change nothing; tell what would be done.
    pub dry_run: bool,
    /// Threads that open blocks and write.
    pub threads: usize,
    /// How memory is shared out.
    pub memory: MemoryPlan,
    /// A folder for temporary files.
    pub scratch: PathBuf,
}
