//! Volume sources and restore sinks, the backup pipeline, the command line.

pub mod classify;
pub mod fs;
pub mod progress;
