//! Lists of extents: kept whole, found by offset, rewritten in part.

use proptest::prelude::*;

use super::super::testing::{MemoryPages, MemoryPagesError};
use super::super::{
    Content, ContentBuilder, Extents, FileClass, MAX_INLINE_EXTENTS, PageError, arbitrary,
};
use super::{chunk, keys};
use crate::model::Extent;

fn build(pages: &mut MemoryPages, class: FileClass, extents: &[Extent]) -> Content {
    let mut builder = ContentBuilder::new(keys(), class);
    for extent in extents {
        let Ok(()) = builder.push(*extent, pages);
    }
    assert_eq!(builder.len(), extents.iter().map(Extent::len).sum::<u64>());
    let Ok(content) = builder.finish(pages);
    content
}

/// Neighbours of a kind without bytes, made one.
fn merged(extents: &[Extent]) -> Vec<Extent> {
    let mut merged: Vec<Extent> = Vec::new();
    for extent in extents {
        match (merged.last_mut(), extent) {
            (Some(Extent::Zeros(a)), Extent::Zeros(b))
            | (Some(Extent::Hole(a)), Extent::Hole(b))
            | (Some(Extent::Unwritten(a)), Extent::Unwritten(b)) => *a += b,
            _ => merged.push(*extent),
        }
    }
    merged
}

fn classes() -> impl Strategy<Value = FileClass> {
    prop_oneof![Just(FileClass::General), Just(FileClass::Paged)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn extents_come_back_and_are_found_by_offset(
        class in classes(),
        extents in prop_oneof![
            prop::collection::vec(arbitrary::extent(), 0..40),
            prop::collection::vec(arbitrary::extent(), 1_000..3_000),
        ],
        offsets in prop::collection::vec(any::<prop::sample::Index>(), 10),
    ) {
        let mut pages = MemoryPages::new();
        let content = build(&mut pages, class, &extents);
        let expected = merged(&extents);
        prop_assert_eq!(matches!(content, Content::Indirect { .. }), expected.len() > MAX_INLINE_EXTENTS);
        let read: Vec<_> = Extents::new(&pages, &content).map(Result::unwrap).collect();
        prop_assert_eq!(&read, &expected);
        if expected.is_empty() {
            prop_assert_eq!(content, Content::None);
            return Ok(());
        }
        for offset in offsets {
            let index = offset.index(expected.len());
            let start: u64 = expected[..index].iter().map(Extent::len).sum();
            for within in [0, expected[index].len() - 1] {
                let mut from = Extents::from_offset(&pages, &content, start + within);
                prop_assert_eq!(from.next().unwrap().unwrap(), expected[index]);
                prop_assert_eq!(from.position(), start + expected[index].len());
                prop_assert_eq!(from.map(Result::unwrap).collect::<Vec<_>>(), &expected[index + 1..]);
            }
        }
        let end = expected.iter().map(Extent::len).sum();
        prop_assert!(Extents::from_offset(&pages, &content, end).next().is_none());
    }

    #[test]
    fn the_pieces_in_which_zeros_arrive_do_not_matter(
        class in classes(),
        extents in prop::collection::vec(arbitrary::extent(), 60..200),
        cut in 1u64..1 << 20,
    ) {
        let mut pieces = Vec::new();
        for extent in &extents {
            match *extent {
                Extent::Zeros(len) if len > cut => {
                    pieces.extend([Extent::Zeros(cut), Extent::Zeros(0), Extent::Zeros(len - cut)]);
                }
                Extent::Hole(len) if len > cut => {
                    pieces.extend([Extent::Hole(cut), Extent::Hole(len - cut)]);
                }
                other => pieces.push(other),
            }
        }
        let mut pages = MemoryPages::new();
        let whole = build(&mut pages, class, &extents);
        prop_assert_eq!(build(&mut pages, class, &pieces), whole);
    }
}

/// A file of `count` chunks of 65,536 bytes.
fn disk(count: u64) -> Vec<Extent> {
    let extent = |number| {
        let mut chunk = chunk(number);
        chunk.len = 65_536;
        Extent::Data(chunk)
    };
    (0..count).map(extent).collect()
}

#[test]
fn one_changed_chunk_rewrites_a_page_a_level() {
    for class in [FileClass::Paged, FileClass::General] {
        let mut extents = disk(100_000);
        let mut pages = MemoryPages::new();
        build(&mut pages, class, &extents);
        let before = pages.len();
        extents[70_000] = disk(100_001)[100_000];
        let Content::Indirect { level, .. } = build(&mut pages, class, &extents) else {
            panic!("100,000 extents in an entry");
        };
        assert_eq!((level, pages.len() - before), (2, 3), "{class:?}");
    }
}

#[test]
fn a_disk_that_grows_keeps_its_pages() {
    let mut pages = MemoryPages::new();
    build(&mut pages, FileClass::Paged, &disk(50_000));
    let before = pages.len();
    build(&mut pages, FileClass::Paged, &disk(50_100));
    assert!(pages.len() - before <= 4, "{}", pages.len() - before);
}

#[test]
fn an_offset_in_a_large_file_takes_a_read_a_level() {
    let mut pages = MemoryPages::new();
    let content = build(&mut pages, FileClass::Paged, &disk(100_000));
    let mut extents = Extents::from_offset(&pages, &content, 80_000 * 65_536 + 5);
    assert_eq!(extents.next().unwrap().unwrap(), disk(80_001)[80_000]);
    assert_eq!(
        (extents.position(), pages.take_reads()),
        (80_001 * 65_536, 3)
    );
}

#[test]
fn a_content_page_that_covers_something_else_is_refused() {
    let mut pages = MemoryPages::new();
    let content = build(&mut pages, FileClass::Paged, &disk(1_000));
    let all: Vec<_> = pages
        .iter()
        .map(|(page, bytes)| (page.id, bytes.to_vec()))
        .collect();
    // The last but one of level 0 is shorter than the first.
    let short = all[all.len() - 2].1.clone();
    pages.replace(all[0].0, short);
    let refused = Extents::new(&pages, &content)
        .find_map(Result::err)
        .unwrap();
    assert!(matches!(
        refused,
        MemoryPagesError::Page(PageError::Totals { .. })
    ));
    let top = all[all.len() - 1].1.clone();
    pages.replace(all[0].0, top);
    let refused = Extents::new(&pages, &content)
        .find_map(Result::err)
        .unwrap();
    assert!(matches!(
        refused,
        MemoryPagesError::Page(PageError::Level { .. })
    ));
}
