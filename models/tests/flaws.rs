//! Rules that are left out, one at a time: each breaks a world.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use orlop_models::explore::explore;
use orlop_models::flaws::{FLAWS, Flaw};
use orlop_models::worlds;

/// Which world shows it, and what breaks there.
const SHOWN: &[(Flaw, &str, &str)] = &[
    (Flaw::CommitSkipsFence, "kill, late", "I1"),
    (Flaw::DeletedWhenCondemned, "unforget, adopt", "I1"),
    (Flaw::MarkByNamesOnly, "unforget, adopt", "I1"),
    (Flaw::FoldForgetsSwept, "adopt, late", "I1"),
    (Flaw::LatePutAdopted, "adopt, late", "I1"),
    (Flaw::LateDeleteHits, "adopt, late", "I1"),
    (Flaw::RelocateDropsEntries, "relocate, adopt", "I1"),
    (Flaw::OrphanWithoutSweep, "unforget, adopt", "I1"),
    (Flaw::KillNotLookedFor, "kill, late", "I1"),
    (Flaw::KillInPrefixNotLookedFor, "kill, late", "I1"),
    (Flaw::UnforgetWithoutObligations, "unforget, adopt", "I1"),
    (Flaw::BeginPinsNothing, "unforget, adopt", "I1"),
    (Flaw::BeginChecksNothing, "relocate, adopt", "I1"),
    (Flaw::NamesReused, "unforget, read, late", "I1"),
    (Flaw::MarkSkipsPages, "pages", "I1"),
    (Flaw::CheckpointOvertaken, "unforget, adopt", "I3"),
    (Flaw::BondNeverEnds, "relocate, late", "I4"),
    (Flaw::SweepIgnoresIdleSessions, "read, adopt", "I3"),
    (Flaw::ReliedLeftOut, "kill, adopt", "I3"),
    (Flaw::MergeDropsCondemned, "merge", "I1"),
    (Flaw::LostInherited, "lost", "I1"),
];

#[test]
fn every_rule_that_is_left_out_breaks_a_world() {
    for (flaw, name, invariant) in SHOWN {
        let mut world = worlds::all().into_iter().find(|w| w.name == *name).unwrap();
        // Garbage is the mildest of what they do, and found first.
        world.quiet &= *invariant == "I4";
        let done = explore(&world.without(*flaw), 2_000_000);
        let Some(wrong) = done.wrong else {
            panic!("{flaw:?} was not noticed in {} states", done.states);
        };
        println!("{flaw:?} in {name}, {} states:\n{wrong}\n", done.states);
        assert!(wrong.what.starts_with(invariant), "{flaw:?}: {wrong}");
    }
}

#[test]
fn every_flaw_is_shown() {
    for flaw in FLAWS {
        assert!(SHOWN.iter().any(|(shown, ..)| *shown == flaw), "{flaw:?}");
    }
}
