//! Copying what lives out of packs that are mostly dead.
//!
//! ```text
//! plan      which packs are copied together, and which blocks as they are   (pure)
//! block     a block opened, and every chunk of it verified                  (pure)
//! anew      what lives in the others, sealed again no looser than it was
//! copier    reads blocks, fills packs, stores them
//! ```
//!
//! Every chunk that is copied is read and verified first. Blocks of which enough lives are copied
//! as they are, sealed; what lives in the others is sealed anew, and so is everything that is
//! sealed under an older generation of keys.
//!
//! # Memory
//!
//! [`plan::RUN`] stored and [`plan::PLAIN`] plain bytes of blocks that are read, as much again of
//! what is made of them, and one pack of each kind that is being filled.

mod anew;
mod block;
mod copier;
mod plan;

pub(super) use copier::{Copied, Copier};
pub(super) use plan::{block_share, parts};
