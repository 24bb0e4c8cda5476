//! What can be said about a restore.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::help::after_help_repository;
use crate::cli::selection::Selection;
use crate::cli::values::SnapshotPath;

/// Bring a snapshot, or a part of it, back into a folder
///
/// What is in the folder PATH comes into TARGET; a file comes into TARGET under its own name. Files
/// that are there already are compared, and only what differs is written, so an interrupted restore
/// goes on when it is run again. A damaged file is named; the rest is restored, and the exit code
/// says so. So is a damaged page of the tree, which costs the entries below it; folders among them
/// are made, if something beneath is left, with mode 0700, and --delete then deletes nothing.
///
/// Patterns are those of `backup --exclude`; a leading slash means the top of what is restored.
#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[command(after_long_help = after_help_repository!(
    "orlop restore latest /tmp/restored --include '*.conf'",
    "3    " "restored, but incomplete: each file that is damaged or failed is named"
))]
pub(in crate::cli) struct Restore {
    /// `latest` or the first digits of an id, and a folder or file in it
    #[arg(value_name = "SNAPSHOT[:PATH]")]
    pub(super) what: SnapshotPath,

    /// Folder to restore into; made if it is not there
    pub(super) target: PathBuf,

    #[command(flatten)]
    pub(super) selection: Selection,

    /// Only what matches, with everything in a folder that does; may be given again
    #[arg(short, long, value_name = "PATTERN")]
    pub(super) include: Vec<String>,

    /// Leave out what matches; may be given again, the last that matches decides
    #[arg(short, long, value_name = "PATTERN")]
    pub(super) exclude: Vec<String>,

    /// What happens to files that are there already
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(super) overwrite: Overwrite,

    /// Remove from the target what the snapshot does not have
    #[arg(long)]
    pub(super) delete: bool,

    /// Make holes of zeros, also of those that were written
    #[arg(long)]
    pub(super) sparse: bool,

    /// Read everything back in the end and compare it
    #[arg(long)]
    pub(super) verify: bool,

    /// Change nothing, and say what would be done
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,

    /// Give files to the recorded numbers; they always are, for names are not recorded
    #[arg(long)]
    pub(super) numeric_owner: bool,
}

/// When a file that is there is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Overwrite {
    /// If size or modification time differ
    #[default]
    IfChanged,
    /// After comparing its content
    Always,
    /// If the snapshot's is newer
    IfNewer,
    /// It stays as it is
    Never,
}
