//! `orlop restore`

mod options;
mod run;
mod select;
mod summary;

pub(in crate::cli) use options::Restore;
