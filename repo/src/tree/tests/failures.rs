//! Trees of which a page cannot be read: what is missing is what stands below it.

use std::collections::BTreeMap;

use super::super::testing::MemoryPages;
use super::super::{
    Difference, Entry, EntryKey, KeyRange, Located, Page, TreeCursor, TreeDiff, lookup,
};
use super::{build, file, keys};
use crate::model::ChunkRef;

type Model = BTreeMap<EntryKey, Entry>;

fn model() -> Model {
    (0..5_000).map(file).collect()
}

fn refs(pages: &MemoryPages) -> Vec<ChunkRef> {
    pages.iter().map(|(page, _)| *page).collect()
}

fn key(located: &Located) -> EntryKey {
    EntryKey::parse(&located.key()).unwrap()
}

#[test]
fn each_page_in_turn_costs_what_stands_below_it() {
    let model = model();
    let mut pages = MemoryPages::new();
    let root = build(&keys(), &mut pages, &model).root;
    let all = refs(&pages);
    assert!(all.len() > 10, "{}", all.len());
    for page in all {
        let lost = pages.remove(page.id).unwrap();
        let mut read = Vec::new();
        let mut failures = Vec::new();
        for located in TreeCursor::new(&pages, root, KeyRange::all()) {
            match located {
                Ok(located) => read.push(key(&located)),
                Err(failure) => failures.push(failure),
            }
        }
        let [failure] = failures.as_slice() else {
            panic!("one page is one failure: {failures:?}");
        };
        assert_eq!(failure.page, page);
        let (missing, there): (Vec<_>, Vec<_>) = model
            .keys()
            .cloned()
            .partition(|key| failure.range.contains(key));
        assert_eq!(read, there);
        assert!(!missing.is_empty());
        if page.id == root.id {
            assert!(there.is_empty());
            assert_eq!(failure.entries, None);
        } else {
            assert_eq!(failure.entries, Some(missing.len() as u64));
            assert_eq!(failure.first_path(), missing[0].path());
            let next = model.range(missing.last().unwrap()..).nth(1);
            assert_eq!(failure.end_path(), next.map(|(key, _)| key.path()));
        }
        // Looking one entry up, and walking along with a source.
        let mut cursor = TreeCursor::new(&pages, root, KeyRange::all());
        for (place, key) in model.keys().enumerate() {
            let known = !failure.range.contains(key);
            match cursor.find(key.parent(), key.name()) {
                Ok(found) => assert_eq!(found.is_some(), known),
                Err(_) => assert_eq!(*key, missing[0], "said once"),
            }
            if place % 97 == 0 {
                assert_eq!(lookup(&pages, &root, key).is_ok(), known);
            }
        }
        pages.restore(lost);
    }
}

#[test]
fn a_page_that_fails_is_told_with_its_place_and_range() {
    let mut pages = MemoryPages::new();
    let root = build(&keys(), &mut pages, &model()).root;
    let leaf = refs(&pages)
        .into_iter()
        .find(|page| matches!(Page::decode(&pages_bytes(&pages, page)), Ok(page) if page.level() == 0))
        .unwrap();
    pages.remove(leaf.id);
    let failure = TreeCursor::new(&pages, root, KeyRange::all())
        .find_map(Result::err)
        .unwrap();
    let said = failure.to_string();
    let place = format!(
        "the page at {} of {}",
        leaf.place.block_offset, leaf.place.pack
    );
    assert!(said.contains(&place), "{said}");
    let from = "528 entries from \"/data/tenant-000/00000/object-000000000.bin\" to before \"/";
    assert!(said.starts_with(from), "{said}");
}

fn pages_bytes(pages: &MemoryPages, page: &ChunkRef) -> bytes::Bytes {
    let found = pages.iter().find(|(other, _)| other.id == page.id);
    found.unwrap().1.clone()
}

#[test]
fn what_one_tree_hides_is_not_taken_for_a_difference() {
    let old = model();
    let mut new = old.clone();
    let some: Vec<_> = old.keys().step_by(61).cloned().collect();
    for (place, key) in some.iter().enumerate() {
        match place % 3 {
            0 => drop(new.remove(key)),
            1 => new.get_mut(key).unwrap().mtime.secs ^= 1,
            _ => {
                let name = [key.name(), b".new"].concat();
                let added = EntryKey::new(key.parent(), &name).unwrap();
                let mut entry = new[key].clone();
                entry.name = name;
                new.insert(added, entry);
            }
        }
    }
    let mut pages = MemoryPages::new();
    let old_root = build(&keys(), &mut pages, &old).root;
    let new_root = build(&keys(), &mut pages, &new).root;
    let at = |difference: &Difference| match difference {
        Difference::Added(located) | Difference::Removed(located) => key(located),
        Difference::Changed { old, .. } => key(old),
    };
    let whole: Vec<_> = TreeDiff::new(&pages, old_root, new_root)
        .map(Result::unwrap)
        .collect();
    assert!(whole.len() > 50);
    let mut hidden = 0;
    for page in refs(&pages) {
        let lost = pages.remove(page.id).unwrap();
        let mut found = Vec::new();
        let mut holes = Vec::new();
        for difference in TreeDiff::new(&pages, old_root, new_root) {
            match difference {
                Ok(difference) => found.push(difference),
                Err(failed) => holes.push(failed.failure.range.clone()),
            }
        }
        let expected: Vec<_> = whole
            .iter()
            .filter(|difference| !holes.iter().any(|hole| hole.contains(&at(difference))))
            .cloned()
            .collect();
        hidden += whole.len() - expected.len();
        assert_eq!(found, expected, "without {page:?}");
        pages.restore(lost);
    }
    assert!(hidden > 0);
}
