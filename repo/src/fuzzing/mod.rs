//! Every decoder of bytes that come from a store, as the fuzzer in `fuzz/` and the tests call it.
//!
//! Decoders see bytes after they were opened, so a fuzzer that could only offer objects would never
//! get past the seal. Each target here takes the plaintext of its object instead, and where the
//! seal belongs to it seals what it was given first, as whoever holds the keys could.
//!
//! What a target demands:
//!
//! - no panic, whatever the bytes are;
//! - what was decoded is decoded again from its own encoding, and is the same;
//! - a decoder allocates in proportion to its input: see [`Gauge`].
//!
//! The functions live beside the decoders, in the `fuzzing` file of each module, since decoders
//! are private. A target that finds its demand broken panics: that is what a fuzzer looks for.

#[cfg(test)]
mod corpus_tests;
mod gauge;
mod keys;
mod meta;
mod names;
mod snapshots;

pub use gauge::Gauge;
pub(crate) use keys::{NAME, keyring, other_keyring};

/// A decoder, or a few that belong together.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name of its folder in `fuzz/corpus`, and of its program in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Decodes some bytes, and panics if something is not as it must be.
    pub run: fn(&[u8], &Gauge),
}

/// All of them, by name.
pub const TARGETS: &[Target] = &[
    target("body", crate::keys::fuzzing::body),
    target("envelope", crate::keys::fuzzing::envelope),
    target("fold", crate::log::fuzzing::fold),
    target("format", meta::format),
    target("history", crate::log::fuzzing::history),
    target("index_cache", crate::index::fuzzing::cache),
    target("log_entry", crate::log::fuzzing::entry),
    target("log_object", crate::log::fuzzing::object),
    target("names", names::names),
    target("pack", crate::pack::fuzzing::pack),
    target("pack_built", crate::pack::fuzzing::built),
    target("pack_footer", crate::pack::fuzzing::footer),
    target("pack_set", crate::model::fuzzing::pack_set),
    target("segment", crate::index::fuzzing::segment),
    target("slot", crate::slots::fuzzing::slot),
    target("slot_wrapped", crate::slots::fuzzing::wrapped),
    target("snapshot", snapshots::snapshot),
    target("tree_page", crate::tree::fuzzing::page),
];

const fn target(name: &'static str, run: fn(&[u8], &Gauge)) -> Target {
    Target { name, run }
}
