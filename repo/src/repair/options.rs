//! What a repair is asked for.

use crate::check::CheckOptions;

/// How a repository is repaired.
#[derive(Clone, Debug)]
pub struct RepairOptions {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Go on without entries of the log of which nobody has a copy.
    pub accept_loss: bool,
    /// How the repository is looked at; what is not looked at is not found.
    pub check: CheckOptions,
    /// Program and version, for people.
    pub client: String,
}
