//! Showing how far an operation is: one live line, a line now and then, or JSON.

mod display;
mod line;
mod meter;
mod status;

pub(super) use display::{Display, Style};
pub(super) use line::Work;
pub(super) use meter::seconds;
pub(super) use status::error_message;
