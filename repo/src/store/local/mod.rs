//! A folder of a local or mounted file system.
//!
//! Objects are files under their names. A put writes a staging file beside its target, syncs it,
//! gives it its name by `rename` or, if it must not replace anything, by a hard link, and syncs
//! the folder and every folder above it that may be new. Staging files begin with a dot, which no
//! object name can hold, so they are in no listing.

mod backend;
mod buffers;
mod disk;
mod folders;
#[cfg(test)]
mod tests;
mod walk;

pub use backend::LocalBackend;
