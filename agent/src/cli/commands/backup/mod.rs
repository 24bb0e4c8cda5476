//! `orlop backup`

mod exclusion;
mod options;
mod run;
mod summary;
mod volume;

pub(in crate::cli) use options::Backup;
