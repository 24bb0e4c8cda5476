//! Bringing snapshots back: into a folder, to a stream, as an archive.
//!
//! A restore is planned by pack and not by file: the tree is streamed, files are collected into
//! windows, and within a window every block is fetched and opened once, in the order of the packs,
//! for all the places that want something of it.
//!
//! | file | concept |
//! |---|---|
//! | `options`, `summary`, `error` | what is asked, what came of it |
//! | `attributes` | from what is recorded to what the file system is told |
//! | `decide` | what happens to a file that is there |
//! | `place` | the part of a snapshot that is restored |
//! | `window` | parts of files that are fetched together, and the requests for them |
//! | `file_job` | the life of one file: created, written in parts, finished |
//! | `shared`, `worker` | blocks to parts of files, on several threads |
//! | `planner`, `folders` | the tree to folders, small objects and windows |
//! | `links` | hard links |
//! | `lost` | pages of the tree that cannot be read |
//! | `beside`, `prune`, `verify` | the tree beside the target: what is too much, what differs |
//! | `run` | all of it in order |
//! | `contents`, `cat`, `tar` | to a stream |

mod attributes;
mod beside;
mod cat;
mod contents;
#[cfg(test)]
mod damage_tests;
mod decide;
mod error;
mod file_job;
mod folders;
mod links;
mod lost;
#[cfg(test)]
mod moved_tests;
mod options;
mod place;
mod planner;
mod prune;
mod run;
mod shared;
mod summary;
mod tar;
#[cfg(test)]
mod tests;
mod verify;
mod window;
mod worker;

pub use cat::cat;
pub(crate) use contents::neighbours;
pub use error::RestoreError;
pub use lost::LostPage;
pub use options::{Choice, Existing, RestoreOptions, Select};
pub(crate) use place::unknown_folder;
pub use run::restore;
pub use summary::{Named, RestoreSummary};
pub use tar::{TarSummary, tar};
