//! How many pages there are, how large, and which of them change.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::super::testing::MemoryPages;
use super::super::{
    BuildError, Difference, Entry, EntryError, EntryKey, EntryKind, KeyRange, MAX_KEY_LEN,
    MAX_PAGE_LEN, Page, TreeBuilder, TreeCursor, TreeDiff, lookup,
};
use super::{build, file, keys};

/// Every page can be read back, and levels above the leaves are small.
fn check_pages(pages: &MemoryPages) -> u8 {
    let levels = pages.iter().map(|(_, bytes)| {
        assert!(bytes.len() <= MAX_PAGE_LEN, "{} bytes", bytes.len());
        Page::decode(bytes).unwrap().level()
    });
    levels.max().unwrap()
}

#[test]
fn one_changed_entry_among_50_000_rewrites_a_page_a_level() {
    let keys = keys();
    let mut model: BTreeMap<_, _> = (0..50_000).map(file).collect();
    let mut pages = MemoryPages::new();
    let old = build(&keys, &mut pages, &model);
    let before = pages.len();
    assert!((100..400).contains(&before), "{before} pages");

    let changed = model.keys().nth(31_234).unwrap().clone();
    model.get_mut(&changed).unwrap().mtime.nanos ^= 1;
    let new = build(&keys, &mut pages, &model);
    let height = usize::from(check_pages(&pages)) + 1;
    assert!(height <= 3);
    assert_eq!(pages.len() - before, height);

    // Inner pages name places, which another store gives anew; leaves are the same.
    let mut alone = MemoryPages::new();
    build(&keys, &mut alone, &model);
    let known: HashSet<_> = pages.iter().map(|(page, _)| page.id).collect();
    for (page, bytes) in alone.iter() {
        assert!(Page::decode(bytes).unwrap().level() > 0 || known.contains(&page.id));
    }

    pages.take_reads();
    let found: Vec<_> = TreeDiff::new(&pages, old.root, new.root).collect();
    assert!(matches!(&found[..], [Ok(Difference::Changed { .. })]));
    assert_eq!(pages.take_reads(), 2 * height as u64);

    lookup(&pages, &new.root, &changed).unwrap().unwrap();
    assert_eq!(pages.take_reads(), height as u64);
}

#[test]
fn added_and_removed_entries_move_only_near_ends() {
    let keys = keys();
    let mut model: BTreeMap<_, _> = (0..30_000).map(file).collect();
    let mut pages = MemoryPages::new();
    build(&keys, &mut pages, &model);
    let before = pages.len();
    let gone: Vec<_> = model.keys().skip(10_000).take(50).cloned().collect();
    for key in gone {
        model.remove(&key);
    }
    let (key, mut entry) = file(100);
    let key = EntryKey::new(key.parent(), b"added").unwrap();
    entry.name = b"added".to_vec();
    model.insert(key, entry);
    build(&keys, &mut pages, &model);
    assert!(pages.len() - before <= 12, "{}", pages.len() - before);
}

#[test]
fn a_walk_over_an_unchanged_tree_reads_each_page_once_and_a_jump_few() {
    let model: BTreeMap<_, _> = (0..20_000).map(file).collect();
    let mut pages = MemoryPages::new();
    let built = build(&keys(), &mut pages, &model);
    let mut cursor = TreeCursor::new(&pages, built.root, KeyRange::all());
    for key in model.keys() {
        cursor.find(key.parent(), key.name()).unwrap().unwrap();
    }
    assert_eq!(pages.take_reads(), pages.len() as u64);

    let mut cursor = TreeCursor::new(&pages, built.root, KeyRange::all());
    for key in model.keys().step_by(9_000) {
        cursor.find(key.parent(), key.name()).unwrap().unwrap();
    }
    let reads = pages.take_reads();
    assert!(reads <= 3 * 3, "{reads} reads");
}

/// Builds a tree and gives the most bytes that its builder held.
fn most_held(count: u64) -> usize {
    let keys = keys();
    let mut pages = MemoryPages::new();
    let mut builder = TreeBuilder::new(Arc::clone(&keys));
    let mut most = 0;
    for number in 0..count {
        let (key, entry) = file(number);
        builder.push(key.parent(), &entry, &mut pages).unwrap();
        most = most.max(builder.held());
    }
    let built = builder.finish(&mut pages).unwrap();
    assert_eq!((built.entries, built.bytes), (count, count * 100_000));
    check_pages(&pages);
    most
}

#[test]
fn memory_is_a_page_a_level() {
    let most = most_held(40_000);
    assert!(most < 256 << 10, "{most} bytes");
}

#[test]
#[ignore = "takes some seconds; the smaller form always runs"]
fn memory_is_a_page_a_level_for_a_million_entries() {
    let most = most_held(1_000_000);
    assert!(most < 256 << 10, "{most} bytes");
}

#[test]
fn pages_with_the_longest_keys_can_be_read_back() {
    let mut model = BTreeMap::new();
    for number in 0..60 {
        // Folders that differ at their start, so that no page shares a folder.
        let deep = format!("{number:04}/") + &"long-name/".repeat(6_400);
        let key = EntryKey::from_path(format!("{deep}f{number}").as_bytes()).unwrap();
        assert!(key.as_bytes().len() > MAX_KEY_LEN - 2_000);
        model.insert(key.clone(), Entry::new(key.name(), EntryKind::File));
    }
    let mut pages = MemoryPages::new();
    let built = build(&keys(), &mut pages, &model);
    assert!(check_pages(&pages) >= 2);
    let read = TreeCursor::new(&pages, built.root, KeyRange::all()).map(Result::unwrap);
    assert_eq!(read.count(), model.len());
}

#[test]
fn large_attributes_fit_or_are_refused_alone() {
    let mut pages = MemoryPages::new();
    let mut builder = TreeBuilder::new(keys());
    for number in 0..20u8 {
        let mut entry = Entry::new([b'a' + number], EntryKind::Folder);
        entry.xattrs = vec![(b"user.x".to_vec(), vec![number; 500 << 10])];
        builder.push(b"", &entry, &mut pages).unwrap();
        entry.name = vec![b'a' + number, b'+'];
        entry.xattrs[0].1 = vec![number; 600 << 10];
        let refused = builder.push(b"", &entry, &mut pages);
        assert!(matches!(refused, Err(BuildError::TooLarge { .. })));
    }
    let built = builder.finish(&mut pages).unwrap();
    assert_eq!(built.entries, 20);
    check_pages(&pages);
}

#[test]
fn what_could_not_be_read_back_is_refused_and_the_rest_goes_on() {
    let mut pages = MemoryPages::new();
    let mut builder = TreeBuilder::new(keys());
    let mut push = |parent: &[u8], entry: &Entry| builder.push(parent, entry, &mut pages);
    push(b"", &Entry::new("", EntryKind::Folder)).unwrap();
    push(b"", &Entry::new("b", EntryKind::File)).unwrap();
    for name in ["a", "b", ""] {
        let refused = push(b"", &Entry::new(name, EntryKind::File));
        assert!(matches!(refused, Err(BuildError::OutOfOrder)), "{name}");
    }
    for (parent, name) in [
        (&b""[..], ".."),
        (b"", "x/y"),
        (b"q\0", ""),
        (b"q", "x"),
        (b"\0", "x"),
    ] {
        let refused = push(parent, &Entry::new(name, EntryKind::File));
        assert!(
            matches!(refused, Err(BuildError::Key(_))),
            "{parent:?} {name}"
        );
    }
    let mut short = Entry::new("c", EntryKind::File);
    short.size = 1;
    assert!(matches!(
        push(b"", &short),
        Err(BuildError::Entry(EntryError::Size { .. }))
    ));
    push(b"", &Entry::new("c", EntryKind::File)).unwrap();
    push(b"b\0", &Entry::new("a", EntryKind::File)).unwrap();
    assert!(matches!(
        push(b"", &Entry::new("d", EntryKind::File)),
        Err(BuildError::OutOfOrder)
    ));
    assert_eq!(builder.finish(&mut pages).unwrap().entries, 4);
    let empty = TreeBuilder::new(keys()).finish(&mut pages);
    assert!(matches!(empty, Err(BuildError::Empty)));
}

#[test]
fn totals_of_enormous_sparse_files_saturate() {
    use crate::model::Extent;
    let model: BTreeMap<_, _> = (0..60_000)
        .map(file)
        .map(|(key, mut entry)| {
            entry.size = 1 << 62;
            entry.content = super::super::Content::Extents(vec![Extent::Hole(1 << 62)]);
            (key, entry)
        })
        .collect();
    let mut pages = MemoryPages::new();
    let built = build(&keys(), &mut pages, &model);
    assert_eq!(built.bytes, u64::MAX);
    let read = TreeCursor::new(&pages, built.root, KeyRange::all()).map(Result::unwrap);
    assert_eq!(read.count(), model.len());
}
