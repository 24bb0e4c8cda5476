//! Segments: made, read back, damaged in every field.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{ObjectHash, PackName, Place, SessionId};
use crate::pack::ChunkPrefix;
use crate::seal::BlockKind;

pub(super) fn pack(number: u32) -> PackInfo {
    PackInfo {
        name: PackName {
            session: SessionId::from_bytes([5; 16]),
            number,
        },
        kind: if number.is_multiple_of(2) {
            BlockKind::Data
        } else {
            BlockKind::Tree
        },
        len: 1 << 24,
        hash: ObjectHash::of(&number.to_le_bytes()),
    }
}

pub(super) fn prefix(number: u64) -> ChunkPrefix {
    *blake3::hash(&number.to_le_bytes())
        .as_bytes()
        .first_chunk()
        .unwrap()
}

/// A place that is different for every chunk of a pack.
pub(super) fn found(pack: PackName, number: u32) -> Found {
    let place = Place {
        pack,
        block_offset: 16 + number,
        block_len: 1000,
        offset: number % 900,
    };
    Found {
        place,
        len: 1 + number % 1000,
    }
}

/// The segments of packs, each given by its number and the numbers of its chunks.
pub(super) fn bodies(packs: &[(u32, Vec<u64>)]) -> Vec<Vec<u8>> {
    let mut builder = SegmentBuilder::new();
    for (number, chunks) in packs {
        let info = pack(*number);
        let places = (0..)
            .zip(chunks)
            .map(|(at, &chunk)| (prefix(chunk), found(info.name, at)));
        builder.add_pack(info, chunks.len(), places);
    }
    builder.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_segment_answers_as_a_map(packs in prop::collection::vec(prop::collection::vec(0u64..50, 0..20), 0..6)) {
        let packs: Vec<(u32, Vec<u64>)> = (0..).zip(packs).collect();
        let mut model: BTreeMap<ChunkPrefix, Vec<Found>> = BTreeMap::new();
        for (number, chunks) in &packs {
            for (at, &chunk) in (0..).zip(chunks) {
                model.entry(prefix(chunk)).or_default().push(found(pack(*number).name, at));
            }
        }
        let mut bodies = bodies(&packs);
        prop_assert_eq!(bodies.len(), usize::from(!packs.is_empty()));
        let Some(body) = bodies.pop() else { return Ok(()) };
        let segment = Segment::parse(body.clone().into()).unwrap();
        prop_assert!(segment.packs().iter().copied().eq(packs.iter().map(|&(number, _)| pack(number))));
        for chunk in 0..60 {
            let mut answer: Vec<Found> = segment.lookup(&prefix(chunk)).collect();
            answer.sort_by_key(|found| (found.place.pack, found.place.block_offset));
            prop_assert_eq!(answer, model.get(&prefix(chunk)).cloned().unwrap_or_default());
        }
        prop_assert_eq!(segment.chunks().count(), segment.chunk_count());
        // Merging it with nothing gives the same bytes.
        let mut merged = SegmentBuilder::new();
        merged.add_segment(&segment, |_| true);
        prop_assert_eq!(merged.finish(), vec![body]);
    }

    #[test]
    fn arbitrary_bytes_are_an_error_or_a_segment(mut body in prop::collection::vec(any::<u8>(), 0..300), packs in 0u8..3, chunks in 0u8..4) {
        body.splice(0..body.len().min(8), [packs, 0, 0, 0, chunks, 0, 0, 0]);
        let _ = Segment::parse(body.into()).is_ok();
    }
}

#[test]
fn every_wrong_field_is_refused() {
    let body = bodies(&[(0, vec![1, 2]), (1, vec![3])]).remove(0);
    assert!(Segment::parse(body.clone().into()).is_ok());
    let (packs, ids) = (8, 8 + 2 * 64);
    let columns = ids + 3 * 16;
    // Offset of a u32, and what to write there.
    for (what, offset, value) in [
        ("number of packs", 0, 3),
        ("number of chunks", 4, u32::MAX),
        ("kind", packs + 20, 9),
        ("zeros behind the kind", packs + 20, 0x0101),
        ("length of the pack", packs + 24, 100),
        ("order of ids", ids, u32::MAX),
        ("pack of a chunk", columns, 2),
        ("offset of a block", columns + 12, 1 << 24),
        ("length of a block", columns + 24, 48),
        ("offset in a block", columns + 36, 2 << 20),
        ("length of a chunk", columns + 48, 0),
        ("length of a chunk", columns + 48, (1 << 20) + 1),
    ] {
        let mut damaged = body.clone();
        damaged[offset..offset + 4].copy_from_slice(&u32::to_le_bytes(value));
        assert!(Segment::parse(damaged.into()).is_err(), "{what}");
    }
    for len in 0..body.len() {
        assert!(
            Segment::parse(body[..len].to_vec().into()).is_err(),
            "{len}"
        );
    }
}

#[test]
fn packs_go_to_the_next_segment_whole() {
    let half = MAX_SEGMENT_CHUNKS / 2 + 1;
    let mut builder = SegmentBuilder::new();
    for number in 0..2 {
        let info = pack(number);
        let places = (0..half).map(|at| {
            let at = u32::try_from(at).unwrap();
            (prefix(u64::from(at)), found(info.name, at))
        });
        builder.add_pack(info, half, places);
    }
    let bodies = builder.finish();
    assert_eq!(bodies.len(), 2);
    for (number, body) in (0..).zip(bodies) {
        let segment = Segment::parse(body.into()).unwrap();
        assert_eq!(segment.packs(), [pack(number)]);
        assert_eq!(segment.chunk_count(), half);
    }
}

#[test]
fn packs_that_are_not_kept_leave_nothing() {
    let body = bodies(&[(0, vec![1, 2]), (1, vec![2, 3])]).remove(0);
    let segment = Segment::parse(body.into()).unwrap();
    let mut builder = SegmentBuilder::new();
    builder.add_segment(&segment, |name| name.number == 1);
    assert_eq!(builder.finish(), bodies(&[(1, vec![2, 3])]));
}
