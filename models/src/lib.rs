//! Explicit-state models of the protocol by which writers and maintenance share a repository.
//!
//! ```text
//! explore       every state of a world, breadth first      flaws       rules to leave out
//! entry, log    what the log says and adds up to            sets        small sets as bits
//! state, world  a moment; who lives in it                   worlds      the published ones
//! writer, collector, others, surroundings                   what may happen next
//! invariants, quiet                                         what must hold
//! ```

mod collector;
pub mod entry;
pub mod explore;
pub mod flaws;
pub mod invariants;
pub mod log;
mod others;
mod quiet;
pub mod sets;
pub mod state;
mod surroundings;
pub mod world;
pub mod worlds;
mod writer;
