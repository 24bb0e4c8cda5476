//! The published worlds: every state of each, and every pair of features in some.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;

use orlop_models::explore::explore;
use orlop_models::world::{FEATURES, Setup};
use orlop_models::worlds;

fn find(name: &str) -> Setup {
    let mut all = worlds::all().into_iter().chain(worlds::larger());
    all.find(|world| world.name == name).unwrap()
}

/// Explores a world to its end; as many states as the README says, and nothing wrong.
fn is_sound(name: &str) {
    let done = explore(&find(name), 50_000_000);
    let wrong = done.wrong.map(|wrong| wrong.to_string());
    assert_eq!(
        wrong,
        None,
        "{name}:\n{}",
        wrong.clone().unwrap_or_default()
    );
    assert!(done.complete);
    let row = format!("| {name} | {} |", done.states);
    assert!(include_str!("../README.md").contains(&row), "README: {row}");
}

macro_rules! worlds {
    ($($(#[$attribute:meta])* $test:ident $name:literal),* $(,)?) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $test() {
                is_sound($name);
            }
        )*

        const TESTED: &[&str] = &[$($name),*];
    };
}

worlds! {
    relocate_adopt "relocate, adopt",
    unforget_adopt "unforget, adopt",
    read_adopt "read, adopt",
    relocate_late "relocate, late",
    relocate_read "relocate, read",
    relocate_unforget "relocate, unforget",
    relocate_kill "relocate, kill",
    unforget_read_late "unforget, read, late",
    kill_unforget "kill, unforget",
    kill_read "kill, read",
    kill_adopt "kill, adopt",
    adopt_late "adopt, late",
    kill_late "kill, late",
    lost "lost",
    pages "pages",
    again "again",
    merge "merge",
    two_collectors "two collectors",
    two_by_two "two by two",
    #[ignore = "takes long: a world of the larger form"]
    relocate_unforget_adopt "relocate, unforget, adopt",
    #[ignore = "takes long: a world of the larger form"]
    relocate_kill_late "relocate, kill, late",
}

#[test]
fn every_world_is_tested() {
    for world in worlds::all().iter().chain(&worlds::larger()) {
        assert!(TESTED.contains(&world.name), "{}", world.name);
    }
}

#[test]
fn every_pair_of_features_stands_in_a_world() {
    let mut covered = BTreeSet::new();
    for world in worlds::all() {
        for a in world.features {
            covered.extend(world.features.iter().map(|b| (*a, *b)));
        }
    }
    for a in FEATURES {
        for b in FEATURES {
            assert!(covered.contains(&(a, b)), "{a:?} and {b:?}");
        }
    }
}
