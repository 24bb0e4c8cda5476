//! Changing who can open a repository, in an order that locks nobody out.
//!
//! A slot is written, read back and opened with its credential before the log names it, and only
//! then may another be removed. The log decides which slots count: an object that it does not name
//! opens nothing.

mod add;
mod error;
mod list;
mod recovery;
mod remove;

pub use add::{NewSlotFor, add};
pub use error::SlotsError;
pub use list::{SlotFound, list};
pub use recovery::{RecoveryFile, RecoveryFileError, put_back};
pub use remove::{remove, replace_current, shred};
