//! `orlop cat`

mod archive;
mod command;
mod pax;

pub(in crate::cli) use command::Cat;
