//! Pages that are well-formed each and do not fit together.

use std::collections::BTreeMap;

use super::super::testing::{MemoryPages, MemoryPagesError};
use super::super::{KeyRange, Page, PageError, TreeCursor};
use super::{build, file, keys};
use crate::model::ChunkRef;

struct Tree {
    pages: MemoryPages,
    root: ChunkRef,
    /// The leaves in order.
    leaves: Vec<(ChunkRef, Page)>,
}

fn tree() -> Tree {
    let model: BTreeMap<_, _> = (0..5_000).map(file).collect();
    let mut pages = MemoryPages::new();
    let root = build(&keys(), &mut pages, &model).root;
    let decode = |(page, bytes): (&ChunkRef, &bytes::Bytes)| (*page, Page::decode(bytes).unwrap());
    let all = pages.iter().map(decode);
    let leaves = all.filter(|(_, page)| page.level() == 0).collect();
    Tree {
        pages,
        root,
        leaves,
    }
}

/// What a reader of everything says when another page stands in the place of a leaf.
fn refusal(mut tree: Tree, at: usize, page: &Page) -> PageError {
    tree.pages.replace(tree.leaves[at].0.id, page.encode());
    let found = TreeCursor::new(&tree.pages, tree.root, KeyRange::all()).find_map(Result::err);
    match found.map(|failure| failure.source) {
        Some(MemoryPagesError::Page(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_leaf_in_a_place_is_noticed() {
    let tree = tree();
    let other = tree.leaves[5].1.clone();
    assert!(matches!(refusal(tree, 3, &other), PageError::KeyOrder));
}

#[test]
fn a_page_above_itself_is_noticed() {
    let tree = tree();
    let bytes = tree.pages.iter().find(|(page, _)| page.id == tree.root.id);
    let root = Page::decode(bytes.unwrap().1).unwrap();
    assert!(matches!(
        refusal(tree, 3, &root),
        PageError::Level { level: 1 }
    ));
}

#[test]
fn entries_that_a_look_up_would_miss_are_noticed() {
    let tree = tree();
    let (Page::Leaf(mut groups), Page::Leaf(next)) =
        (tree.leaves[3].1.clone(), tree.leaves[4].1.clone())
    else {
        panic!("no leaves");
    };
    let stray = next.into_iter().last().unwrap();
    match groups.last_mut() {
        Some(last) if last.parent == stray.parent => last.entries.extend(stray.entries),
        _ => groups.push(stray),
    }
    let page = Page::Leaf(groups);
    Page::decode(&page.encode()).unwrap();
    assert!(matches!(refusal(tree, 3, &page), PageError::KeyOrder));
}

#[test]
fn a_leaf_with_an_entry_less_or_another_size_is_noticed() {
    let (tree, another) = (tree(), tree());
    let Page::Leaf(groups) = tree.leaves[3].1.clone() else {
        panic!("no leaf");
    };
    let mut fewer = groups.clone();
    fewer.last_mut().unwrap().entries.pop();
    fewer.retain(|group| !group.entries.is_empty());
    let fewer = Page::Leaf(fewer);
    assert!(matches!(refusal(tree, 3, &fewer), PageError::Totals { .. }));

    let mut smaller = groups;
    let entry = &mut smaller[0].entries[0];
    (entry.size, entry.content) = (0, crate::tree::Content::None);
    let smaller = Page::Leaf(smaller);
    assert!(matches!(
        refusal(another, 3, &smaller),
        PageError::Totals { .. }
    ));
}

#[test]
fn content_in_the_place_of_a_tree_is_noticed() {
    let tree = tree();
    let page = Page::Extents(vec![crate::model::Extent::Hole(1)]);
    assert!(matches!(
        refusal(tree, 0, &page),
        PageError::Misplaced { .. }
    ));
}
