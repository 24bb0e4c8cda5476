//! What a check is asked for, and how it tells how far it is.

use std::path::PathBuf;

use super::report::Finding;

/// Which packs are read whole.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum ReadData {
    /// None: presence, lengths and directories only.
    #[default]
    None,
    /// Every live pack.
    All,
    /// That many hundredths of the live packs, at least one, drawn by [`CheckOptions::seed`].
    Percent(f64),
}

/// How a repository is checked.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// Which packs are read whole.
    pub read_data: ReadData,
    /// Draws the packs of [`ReadData::Percent`]: equal seeds draw equal packs.
    pub seed: u64,
    /// Bytes of packs that may be in memory at a time. A pack that is larger is read alone.
    pub memory: u64,
    /// A folder for temporary files, which exists.
    pub scratch: PathBuf,
}

/// What a check is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Reading the log; counts entries.
    Log,
    /// Reading format object, slots and key generations; counts objects.
    Meta,
    /// Reading index segments; counts segments.
    Index,
    /// Reading packs or their directories; counts packs.
    Packs,
    /// Walking trees; counts snapshots.
    Snapshots,
}

/// Told what a check does, from any thread.
pub trait CheckProgress: Send + Sync {
    /// A phase begins that has `total` steps.
    fn phase(&self, phase: Phase, total: u64) {
        let _ = (phase, total);
    }

    /// One step of the phase is done.
    fn step(&self) {}

    /// Bytes of packs were read and verified.
    fn bytes(&self, bytes: u64) {
        let _ = bytes;
    }

    /// Something was found. Files that it hurts may be added to it later.
    fn finding(&self, finding: &Finding) {
        let _ = finding;
    }

    /// Whether the check should end as soon as it can, with
    /// [`CheckError::Cancelled`](super::CheckError::Cancelled).
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl CheckProgress for NoProgress {}
