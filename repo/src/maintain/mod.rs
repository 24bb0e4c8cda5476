//! Maintenance: finding what nobody needs, and deleting it without being in anybody's way.
//!
//! [`maintain`] is one run. Anyone may start one at any time, any number at once; each step is
//! idempotent, and a run that was cut off is continued by the next, whoever starts it.
//!
//! ```text
//! survey    what the store holds and the index says
//! roots     which trees are live                       (pure)
//! walk      every page of them, once
//! mark      which packs something live stands in: walk, then
//! join      hold what the trees name against the index
//! since     the same, brought up to entries that were appended meanwhile
//! propose   from a mark to what may be condemned       (pure)
//! sweep     from what is condemned to what may go      (pure)
//! choose    packs that are worth copying               (pure)
//! repack    copying what lives in them, verified
//! merge     many small index segments into one
//! kill      sessions whose processes are dead
//! run       the steps of a run, and what each appends
//! ```
//!
//! # Guarantees
//!
//! - Nothing is deleted that no `Sweep` names, and nothing is swept that was not condemned by an
//!   entry whose author's mark held at the entry before it (FORMAT.md section 10.5).
//! - A mark fails closed: a page, segment or entry that cannot be read and verified is named, and
//!   nothing is condemned then, nor swept.
//! - Nobody waits for a run, and a run waits for nobody: what is held back is reported.

mod choose;
mod error;
mod folds;
mod join;
mod kill;
mod living;
mod mark;
mod merge;
mod options;
mod pages;
mod propose;
mod references;
mod repack;
mod report;
mod roots;
mod run;
mod since;
mod survey;
mod sweep;
mod verify;
mod walk;

pub use error::MaintainError;
pub use options::{MaintainOptions, MaintainPhase, MaintainProgress, Unwatched};
pub use report::{Amount, MaintainReport, Waiting, WaitsFor};
pub use run::maintain;
