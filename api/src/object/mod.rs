//! What the kinds are made of.
//!
//! ```text
//! kind          what a server must know of a kind     envelope   an object as JSON
//! open_enum     names that may become more            unknown    fields that may become more
//! go_duration   4h0m0s                                time       2026-01-02T03:04:05Z
//! reference     pointing at other objects             selector   choosing them by label
//! condition     what holds, since when and why         rules      what a server checks
//! ```

mod condition;
mod envelope;
mod go_duration;
mod kind;
mod open_enum;
mod reference;
pub(crate) mod rules;
mod selector;
mod time;
mod unknown;

pub use condition::{Condition, ConditionStatus};
pub use go_duration::{DurationText, GoDuration, ParseDurationError};
pub use kind::{Column, ColumnType, Group, Kind, KindInfo};
pub use reference::{ObjectReference, SecretKeySelector, TypedLocalObjectReference};
pub use selector::{LabelSelector, LabelSelectorRequirement};
pub use time::Time;
pub use unknown::UnknownFields;

pub(crate) use envelope::{Envelope, EnvelopeRef};
pub(crate) use kind::kind;
pub(crate) use open_enum::open_enum;
pub(crate) use unknown::{Int, null_as_default};
