//! What can be said about a backup.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::cli::help::after_help_repository;
use crate::cli::values::{Percent, Tag};

/// Save folders, streams or devices as snapshots, one for each path
///
/// Only what changed since the volume's last snapshot is read, and only what the repository does
/// not have is stored. A file that cannot be read, or changes while it is, is named; the rest is
/// saved, and the exit code says so. An interrupted backup goes on from where it was.
///
/// Exclude patterns: `*.tmp` or `a/b` match at any depth, `/a` only in the top folder (a full path
/// below it means the same), `a/` only folders. `*` and `?` stay within a name, `**` goes through
/// folders, `[a-z]` is a set, a backslash takes the next character literally. A leading `!` takes
/// back what an earlier pattern left out; what is in a folder that is left out stays out.
#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[command(after_long_help = after_help_repository!(
    "orlop backup /etc --exclude '*.bak'",
    "3    " "saved, but incomplete: each file that is missing or was changing is named"
))]
pub(in crate::cli) struct Backup {
    /// Folder, file or device
    #[arg(required_unless_present = "stdin", value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,

    /// Save standard input as a file of this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["paths", "device"])]
    pub(super) stdin: Option<String>,

    /// Save the content of a block device or image as one volume
    #[arg(long)]
    pub(super) device: bool,

    /// Whose data it is, by a name that outlives machines and paths; the default is HOST:PATH
    #[arg(long, value_name = "NAME")]
    pub(super) volume: Option<String>,

    /// Tag of the snapshot; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) tag: Vec<Tag>,

    /// Leave out what matches; may be given again, the last that matches decides
    #[arg(short, long, value_name = "PATTERN")]
    pub(super) exclude: Vec<String>,

    /// File with a pattern a line, and comments that begin with #; may be given again
    #[arg(long, value_name = "FILE")]
    pub(super) exclude_file: Vec<PathBuf>,

    /// Of folders with a CACHEDIR.TAG, save nothing but that file
    #[arg(long)]
    pub(super) exclude_caches: bool,

    /// Do not enter other file systems; `--one-file-system=false` does
    #[arg(
        short = 'x',
        long,
        value_name = "BOOL",
        default_value_t = true,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = ArgAction::Set
    )]
    pub(super) one_file_system: bool,

    /// Read every file, also those that look unchanged
    #[arg(short, long)]
    pub(super) force: bool,

    /// Read this share of the files that look unchanged, and alarm if one is not
    #[arg(long, value_name = "N%", conflicts_with = "force")]
    pub(super) force_sample: Option<Percent>,

    /// Compare with this snapshot, not with the volume's last one
    #[arg(long, value_name = "SNAPSHOT")]
    pub(super) parent: Option<String>,

    /// Do not count a volume that has no earlier snapshot while it is saved: then neither share nor
    /// remaining time is known
    #[arg(long)]
    pub(super) no_scan: bool,

    /// Say what would be stored, and store nothing
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
}
