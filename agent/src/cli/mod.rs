//! The command line: the only part of the engine that reads the environment, prints and exits.
//!
//! ```text
//! run          arguments → exit code
//! args         the commands; global, values and help are what they are made of
//! called_as    other programs' names for them
//! commands     one file a command                browse: looking into a snapshot
//! repository   from options to an open repository: places, keys, stores
//! output       standard output: results          json, table, human: how they look
//! terminal     standard error: messages, logs and the live line
//! progress     showing a running operation       interrupt: Ctrl-C
//! missing      what could not be read and was left out
//! failure      what is said when a command fails advice: what to do next, and the exit code
//! ```

mod advice;
mod args;
mod blocking;
mod browse;
mod called_as;
mod commands;
mod context;
mod exit;
mod failure;
mod global;
mod help;
mod human;
mod interrupt;
mod json;
mod logging;
mod memory;
mod missing;
mod output;
mod progress;
mod repository;
mod run;
mod selection;
mod table;
mod terminal;
mod values;

pub use run::main;
