//! The commands: options, what they do in terms of the engine, and how results look.

mod backup;
mod cat;
mod check;
mod completions;
mod diff;
mod find;
mod forget;
mod init;
mod key;
mod log;
mod ls;
mod prune;
mod restore;
mod snapshots;
mod stats;
mod store;
mod unforget;
mod version;

pub(super) use backup::Backup;
pub(super) use cat::Cat;
pub(super) use check::Check;
pub(super) use completions::Completions;
pub(super) use diff::Diff;
pub(super) use find::Find;
pub(super) use forget::Forget;
pub(super) use init::Init;
pub(super) use key::KeyCommand;
pub(super) use log::Log;
pub(super) use ls::Ls;
pub(super) use prune::Prune;
pub(super) use restore::Restore;
pub(super) use snapshots::Snapshots;
pub(super) use stats::Stats;
pub(super) use store::StoreCommand;
pub(super) use unforget::Unforget;
pub(super) use version::Version;
