//! Random entries and trees for property tests.

use std::collections::BTreeMap;

use orlop_chunker::ChunkId;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::entry::{Content, Entry, EntryKind, FileClass, Notes, Timestamp};
use super::key::{EntryKey, check_name};
use crate::model::{ChunkRef, Extent, PackName, Place, SessionId};

/// Names that collide often, sort next to separators, or are long or binary.
pub(super) fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_filter("legal", |byte| !matches!(byte, 0 | b'/'));
    prop_oneof![
        6 => "[ab.]{1,2}".prop_map(String::into_bytes),
        2 => vec(1u8..4, 1..3),
        1 => vec(byte.clone(), 1..20),
        1 => vec(byte, 200..300),
    ]
    .prop_filter("legal", |name| check_name(name).is_ok())
}

pub(super) fn key() -> impl Strategy<Value = EntryKey> {
    vec(name(), 0..5).prop_map(|path| EntryKey::from_path(&path.join(&b'/')).unwrap())
}

pub(super) fn chunk() -> impl Strategy<Value = ChunkRef> {
    (
        any::<[u8; 4]>(),
        1u32..=1 << 20,
        0u8..3,
        0u32..4,
        0u32..1 << 20,
    )
        .prop_map(|(id, len, session, block, offset)| ChunkRef {
            id: ChunkId::from_bytes(*blake3::hash(&id).as_bytes()),
            len,
            place: Place {
                pack: PackName {
                    session: SessionId::from_bytes([session; 16]),
                    number: block / 2,
                },
                block_offset: 16 + block,
                block_len: 1 << 20,
                offset,
            },
        })
}

pub(super) fn extent() -> impl Strategy<Value = Extent> {
    prop_oneof![
        4 => chunk().prop_map(Extent::Data),
        1 => (1u64..1 << 40).prop_map(Extent::Zeros),
        1 => (1u64..1 << 40).prop_map(Extent::Hole),
        1 => (1u64..1 << 40).prop_map(Extent::Unwritten),
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    (any::<i64>(), 0u32..1_000_000_000).prop_map(|(secs, nanos)| Timestamp { secs, nanos })
}

fn content() -> impl Strategy<Value = (Content, u64)> {
    prop_oneof![
        Just((Content::None, 0)),
        vec(any::<u8>(), 1..=128).prop_map(|data| {
            let size = data.len() as u64;
            (Content::Inline(data), size)
        }),
        vec(extent(), 1..=16).prop_map(|extents| {
            let size = extents.iter().map(Extent::len).sum();
            (Content::Extents(extents), size)
        }),
        (chunk(), 0u8..4, 1u64..1 << 50)
            .prop_map(|(root, level, size)| (Content::Indirect { root, level }, size)),
    ]
}

/// An entry with an empty name.
pub(super) fn entry() -> impl Strategy<Value = Entry> {
    let owner = (0u16..=0o7777, any::<u32>(), any::<u32>(), any::<u64>());
    let times = (time(), time(), option::of(time()));
    let link = option::of((any::<[u8; 16]>(), option::of(any::<u64>())));
    let xattrs = btree_map(
        "[a-z.]{1,20}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..40),
        0..3,
    );
    let numbers = (
        option::of((any::<u32>(), any::<u32>())),
        prop_oneof![Just(0), any::<u32>()],
        prop_oneof![Just(0), any::<u32>()],
        prop_oneof![Just(0u32), any::<u32>()],
        0u8..5,
    );
    let target = vec(1u8.., 1..30);
    (
        0u8..9,
        owner,
        times,
        link,
        xattrs,
        numbers,
        target,
        content(),
    )
        .prop_map(
            |(kind, owner, times, link, xattrs, numbers, target, content)| {
                let kind = EntryKind::from_number(kind);
                let mut entry = Entry::new(Vec::new(), kind);
                (entry.mode, entry.uid, entry.gid, entry.inode) = owner;
                (entry.mtime, entry.ctime, entry.btime) = times;
                (entry.link_group, entry.device) = match link {
                    Some((group, device)) => (Some(group), device),
                    None => (None, None),
                };
                entry.xattrs = xattrs.into_iter().collect();
                (entry.rdev, entry.flags, entry.project) = (numbers.0, numbers.1, numbers.2);
                entry.notes = Notes::from_bits(numbers.3);
                entry.class = FileClass::from_number(numbers.4);
                match kind {
                    EntryKind::File => (entry.content, entry.size) = content,
                    EntryKind::Symlink => entry.target = Some(target),
                    _ => {}
                }
                entry
            },
        )
}

/// A set of entries by key, as a tree holds it.
pub(super) fn tree(max: usize) -> impl Strategy<Value = BTreeMap<EntryKey, Entry>> {
    btree_map(key(), entry(), 0..max).prop_map(named)
}

/// Gives each entry the name in its key.
fn named(mut tree: BTreeMap<EntryKey, Entry>) -> BTreeMap<EntryKey, Entry> {
    for (key, entry) in &mut tree {
        entry.name = key.name().to_vec();
    }
    tree
}
