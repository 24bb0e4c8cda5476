//! Random trees against a sorted map.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::testing::MemoryPages;
use super::super::{
    Difference, Entry, EntryKey, KeyRange, Located, TreeBuilder, TreeCursor, TreeDiff, arbitrary,
    lookup,
};
use super::{build, keys};

type Model = BTreeMap<EntryKey, Entry>;

fn located((key, entry): (&EntryKey, &Entry)) -> Located {
    Located {
        parent: key.parent().into(),
        entry: entry.clone(),
    }
}

/// What two maps differ in, by looking at every key.
fn differences(old: &Model, new: &Model) -> Vec<Difference> {
    let all: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let mut found = Vec::new();
    for key in all {
        match (old.get(key), new.get(key)) {
            (Some(entry), None) => found.push(Difference::Removed(located((key, entry)))),
            (None, Some(entry)) => found.push(Difference::Added(located((key, entry)))),
            (Some(old), Some(new)) if !old.same(new) => found.push(Difference::Changed {
                old: Box::new(located((key, old))),
                new: Box::new(new.clone()),
            }),
            _ => {}
        }
    }
    found
}

/// Two trees that share most entries.
fn relatives() -> impl Strategy<Value = (Model, Model)> {
    (arbitrary::tree(500), arbitrary::tree(12), any::<u64>()).prop_map(|(common, other, seed)| {
        let mut old = common.clone();
        let mut new = common;
        for (place, key) in new.clone().keys().enumerate() {
            match (seed ^ (place as u64 * 0x9e37)) % 61 {
                0 => drop(new.remove(key)),
                1 => drop(old.remove(key)),
                2 => new.get_mut(key).unwrap().mtime.secs ^= 1,
                _ => {}
            }
        }
        new.extend(other);
        (old, new)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_tree_is_the_map_it_was_built_from(
        model in arbitrary::tree(600).prop_filter("not empty", |tree| !tree.is_empty()),
        absent in prop::collection::vec(arbitrary::key(), 20),
    ) {
        let mut pages = MemoryPages::new();
        let built = build(&keys(), &mut pages, &model);
        let bytes = model.values().map(Entry::file_bytes).fold(0, u64::saturating_add);
        prop_assert_eq!((built.entries, built.bytes), (model.len() as u64, bytes));

        let range = |range: KeyRange| -> Vec<Located> {
            TreeCursor::new(&pages, built.root, range).map(Result::unwrap).collect()
        };
        prop_assert_eq!(range(KeyRange::all()), model.iter().map(located).collect::<Vec<_>>());
        let some = model.keys().step_by(1 + model.len() / 20);
        for key in some.chain(&absent) {
            let found = lookup(&pages, &built.root, key).unwrap();
            prop_assert_eq!(found.as_ref(), model.get(key));
            let ranges = [KeyRange::children, KeyRange::descendants, KeyRange::from, KeyRange::entry];
            for make in ranges {
                let wanted = make(key);
                let expected: Vec<_> =
                    model.iter().filter(|(key, _)| wanted.contains(key)).map(located).collect();
                prop_assert_eq!(range(wanted), expected);
            }
        }
    }

    #[test]
    fn a_finished_clone_is_the_tree_so_far_and_changes_nothing(
        model in arbitrary::tree(600).prop_filter("not empty", |tree| !tree.is_empty()),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = 1 + cut.index(model.len());
        let mut pages = MemoryPages::new();
        let mut builder = TreeBuilder::new(keys());
        let mut partial = None;
        for (count, (key, entry)) in (1..).zip(&model) {
            builder.push(key.parent(), entry, &mut pages).unwrap();
            if count == cut {
                partial = Some(builder.clone().finish(&mut pages).unwrap());
            }
        }
        let root = partial.unwrap().root;
        let found: Vec<_> =
            TreeCursor::new(&pages, root, KeyRange::all()).map(Result::unwrap).collect();
        let expected: Vec<_> = model.iter().take(cut).map(located).collect();
        prop_assert_eq!(found, expected);
        let whole = builder.finish(&mut pages).unwrap();
        prop_assert_eq!(whole, build(&keys(), &mut pages, &model));
    }

    #[test]
    fn a_walk_finds_the_entries_of_its_parent(
        (old, new) in relatives().prop_filter("not empty", |(old, _)| !old.is_empty()),
    ) {
        let mut pages = MemoryPages::new();
        let built = build(&keys(), &mut pages, &old);
        let mut cursor = TreeCursor::new(&pages, built.root, KeyRange::all());
        for key in new.keys() {
            let found = cursor.find(key.parent(), key.name()).unwrap();
            prop_assert_eq!(found.as_ref(), old.get(key));
        }
        let Some((last, _)) = new.last_key_value() else { return Ok(()) };
        let rest: Vec<_> = old.iter().filter(|(key, _)| *key > last).map(located).collect();
        prop_assert_eq!(cursor.map(Result::unwrap).collect::<Vec<_>>(), rest);
    }

    #[test]
    fn a_difference_is_what_the_maps_differ_in(
        (old, new) in relatives().prop_filter("not empty", |(a, b)| !a.is_empty() && !b.is_empty()),
    ) {
        let mut pages = MemoryPages::new();
        let old_root = build(&keys(), &mut pages, &old).root;
        let new_root = build(&keys(), &mut pages, &new).root;
        let found: Vec<_> =
            TreeDiff::new(&pages, old_root, new_root).map(Result::unwrap).collect();
        prop_assert_eq!(found, differences(&old, &new));
        prop_assert!(TreeDiff::new(&pages, new_root, new_root).next().is_none());
    }
}
