//! Pages as CBOR (sections 8.1 and 8.4 of the format).

use std::sync::Arc;

use minicbor::Decoder;

use super::cbor::{Writer, array_len, ascending_key, expect_array, map_len};
use super::entry::{Entry, MAX_CHUNK_LEN, MAX_LEVEL, add_extent, check_ref};
use super::entry_codec::{
    read_entry, read_extents, read_ref, write_entry, write_extent, write_ref,
};
use super::key::{EntryKey, check_member, check_prefix};
use super::page_error::PageError;
use super::places::{PlaceReader, PlaceWriter};
use crate::model::{ChunkRef, Extent};

/// Largest page in bytes.
pub const MAX_PAGE_LEN: usize = MAX_CHUNK_LEN as usize;

/// Key of a leaf's groups in the page's map.
pub(super) const GROUPS: u8 = 3;
/// Key of an inner page's children.
pub(super) const CHILDREN: u8 = 4;
/// Key of the extents of a content page.
pub(super) const EXTENTS: u8 = 5;
/// Key of the children of a content page.
pub(super) const CONTENT_CHILDREN: u8 = 6;

/// A page of a tree or of a content list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Page {
    /// Level 0 of a tree.
    Leaf(Vec<Group>),
    /// A higher level of a tree.
    Inner {
        /// At least 1.
        level: u8,
        /// Ascending by first key; never empty.
        children: Vec<Child>,
    },
    /// Level 0 of a content list; never empty.
    Extents(Vec<Extent>),
    /// A higher level of a content list.
    Content {
        /// At least 1.
        level: u8,
        /// In file order; never empty.
        children: Vec<ContentChild>,
    },
}

/// Entries of one folder that stand together in a leaf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// Key prefix of the folder.
    pub parent: Arc<[u8]>,
    /// Ascending by name; never empty.
    pub entries: Vec<Entry>,
}

/// What an inner page says of a page below it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Child {
    /// Key of the first entry below; well-formed.
    pub first_key: Vec<u8>,
    /// The page.
    pub page: ChunkRef,
    /// Entries below.
    pub entries: u64,
    /// Bytes of the files below: the sum of their sizes, `u64::MAX` if it is larger. Holes count,
    /// so a few sparse files can reach that.
    pub bytes: u64,
}

/// What a content page says of a page below it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContentChild {
    /// The page.
    pub page: ChunkRef,
    /// Bytes of the file that it covers.
    pub bytes: u64,
}

impl Page {
    /// Its level: 0 for entries and extents.
    pub fn level(&self) -> u8 {
        match *self {
            Self::Leaf(_) | Self::Extents(_) => 0,
            Self::Inner { level, .. } | Self::Content { level, .. } => level,
        }
    }

    /// Decodes a page and checks what can be seen from it alone: bounds, order, sums, names.
    ///
    /// That the bytes are the page which a reference names is checked by whoever opened them;
    /// that it fits below its parent, by the reader of the tree.
    pub fn decode(bytes: &[u8]) -> Result<Self, PageError> {
        if bytes.len() > MAX_PAGE_LEN {
            return Err(PageError::TooLong { len: bytes.len() });
        }
        let d = &mut Decoder::new(bytes);
        let mut level = None;
        let mut places = PlaceReader::default();
        let mut page = None;
        let mut last = None;
        for _ in 0..map_len(d)? {
            let key = ascending_key(d, &mut last)?;
            match (key, level) {
                (0, _) => {
                    let found = d.u8()?;
                    if found > MAX_LEVEL {
                        return Err(PageError::Level { level: found });
                    }
                    level = Some(found);
                }
                (1, _) => places.read_packs(d)?,
                (2, _) => places.read_blocks(d)?,
                (3..=6, None) => return Err(PageError::Missing { key: 0 }),
                (3..=6, Some(level)) => {
                    if page.is_some() {
                        return Err(PageError::Misplaced { key, level });
                    }
                    page = Some(Self::read_body(d, &places, key, level)?);
                }
                _ => d.skip()?,
            }
        }
        let extra = bytes.len().saturating_sub(d.position());
        if extra > 0 {
            return Err(PageError::Trailing { extra });
        }
        page.ok_or(PageError::Missing {
            key: u64::from(GROUPS),
        })
    }

    fn read_body(
        d: &mut Decoder<'_>,
        places: &PlaceReader,
        key: u64,
        level: u8,
    ) -> Result<Self, PageError> {
        match (key, level) {
            (3, 0) => read_groups(d, places).map(Self::Leaf),
            (4, 1..) => {
                let children = read_children(d, places)?;
                Ok(Self::Inner { level, children })
            }
            (5, 0) => {
                let extents = read_extents(d, places)?;
                if extents.is_empty() {
                    return Err(PageError::Empty);
                }
                extents.iter().try_fold(0, add_extent)?;
                Ok(Self::Extents(extents))
            }
            (6, 1..) => {
                let children = read_content_children(d, places)?;
                Ok(Self::Content { level, children })
            }
            _ => Err(PageError::Misplaced { key, level }),
        }
    }

    /// The one encoding of the page.
    pub fn encode(&self) -> Vec<u8> {
        let mut places = PlaceWriter::default();
        let mut buffer = Vec::new();
        let out = &mut Writer(&mut buffer);
        let key = match self {
            Self::Leaf(groups) => {
                out.array(groups.len());
                for group in groups {
                    out.array(2).bytes(&group.parent);
                    out.array(group.entries.len());
                    for entry in &group.entries {
                        write_entry(out, &mut places, entry);
                    }
                }
                GROUPS
            }
            Self::Inner { children, .. } => {
                out.array(children.len());
                for child in children {
                    write_child(out, &mut places, child);
                }
                CHILDREN
            }
            Self::Extents(extents) => {
                out.array(extents.len());
                for extent in extents {
                    write_extent(out, &mut places, extent);
                }
                EXTENTS
            }
            Self::Content { children, .. } => {
                out.array(children.len());
                for child in children {
                    write_content_child(out, &mut places, child);
                }
                CONTENT_CHILDREN
            }
        };
        let mut bytes = Vec::with_capacity(buffer.len() + 64);
        write_head(&mut bytes, self.level(), &mut places, key);
        bytes.extend_from_slice(&buffer);
        bytes
    }
}

/// Starts a page: level, tables, and the key of its body. Empties the tables.
pub(super) fn write_head(bytes: &mut Vec<u8>, level: u8, places: &mut PlaceWriter, key: u8) {
    let out = &mut Writer(bytes);
    out.map(4).uint(0u8).uint(level);
    places.finish(out);
    out.uint(key);
}

pub(super) fn write_child(out: &mut Writer<'_>, places: &mut PlaceWriter, child: &Child) {
    out.array(7).bytes(&child.first_key);
    write_ref(out, places, &child.page);
    out.uint(child.entries).uint(child.bytes);
}

pub(super) fn write_content_child(
    out: &mut Writer<'_>,
    places: &mut PlaceWriter,
    child: &ContentChild,
) {
    out.array(5);
    write_ref(out, places, &child.page);
    out.uint(child.bytes);
}

fn read_groups(d: &mut Decoder<'_>, places: &PlaceReader) -> Result<Vec<Group>, PageError> {
    let len = array_len(d, 3)?;
    let mut groups: Vec<Group> = Vec::with_capacity(len.min(1024));
    for _ in 0..len {
        expect_array(d, 2)?;
        let parent = d.bytes()?;
        check_prefix(parent)?;
        // Parents are well-formed, so ascending parents are ascending keys.
        if groups.last().is_some_and(|last| *last.parent >= *parent) {
            return Err(PageError::KeyOrder);
        }
        let count = array_len(d, 19)?;
        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        for _ in 0..count {
            let entry = read_entry(d, places)?;
            check_member(parent, &entry.name)?;
            if entries.last().is_some_and(|last| last.name >= entry.name) {
                return Err(PageError::KeyOrder);
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(PageError::Empty);
        }
        groups.push(Group {
            parent: parent.into(),
            entries,
        });
    }
    Ok(groups)
}

fn read_children(d: &mut Decoder<'_>, places: &PlaceReader) -> Result<Vec<Child>, PageError> {
    let len = array_len(d, 42)?;
    let mut children: Vec<Child> = Vec::with_capacity(len);
    for _ in 0..len {
        expect_array(d, 7)?;
        let first_key = EntryKey::parse(d.bytes()?)?.as_bytes().to_vec();
        if children
            .last()
            .is_some_and(|last| last.first_key >= first_key)
        {
            return Err(PageError::KeyOrder);
        }
        let child = Child {
            first_key,
            page: read_ref(d, places)?,
            entries: d.u64()?,
            bytes: d.u64()?,
        };
        check_ref(&child.page)?;
        children.push(child);
    }
    if children.is_empty() {
        return Err(PageError::Empty);
    }
    Ok(children)
}

fn read_content_children(
    d: &mut Decoder<'_>,
    places: &PlaceReader,
) -> Result<Vec<ContentChild>, PageError> {
    let len = array_len(d, 39)?;
    let mut children = Vec::with_capacity(len);
    let mut sum = 0u64;
    for _ in 0..len {
        expect_array(d, 5)?;
        let child = ContentChild {
            page: read_ref(d, places)?,
            bytes: d.u64()?,
        };
        check_ref(&child.page)?;
        if child.bytes == 0 {
            return Err(PageError::Empty);
        }
        sum = sum
            .checked_add(child.bytes)
            .ok_or(PageError::TotalOverflow)?;
        children.push(child);
    }
    if children.is_empty() {
        return Err(PageError::Empty);
    }
    Ok(children)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::tree::arbitrary;

    fn leaf(tree: BTreeMap<EntryKey, Entry>) -> Page {
        let mut groups: Vec<Group> = Vec::new();
        for (key, entry) in tree {
            match groups.last_mut() {
                Some(group) if *group.parent == *key.parent() => group.entries.push(entry),
                _ => groups.push(Group {
                    parent: key.parent().into(),
                    entries: vec![entry],
                }),
            }
        }
        Page::Leaf(groups)
    }

    fn any_page() -> impl Strategy<Value = Page> {
        let children = prop::collection::btree_map(
            arbitrary::key(),
            (arbitrary::chunk(), 0u64..1 << 40, 0u64..1 << 50),
            1..20,
        );
        let content = prop::collection::vec((arbitrary::chunk(), 1u64..1 << 50), 1..20);
        prop_oneof![
            arbitrary::tree(12).prop_map(leaf),
            (1u8..4, children).prop_map(|(level, children)| Page::Inner {
                level,
                children: children
                    .into_iter()
                    .map(|(key, (page, entries, bytes))| Child {
                        first_key: key.as_bytes().to_vec(),
                        page,
                        entries,
                        bytes
                    })
                    .collect(),
            }),
            prop::collection::vec(arbitrary::extent(), 1..30).prop_map(Page::Extents),
            (1u8..4, content).prop_map(|(level, children)| Page::Content {
                level,
                children: children
                    .into_iter()
                    .map(|(page, bytes)| ContentChild { page, bytes })
                    .collect(),
            }),
        ]
    }

    /// Whatever decodes means the same again after encoding.
    fn decode_and_check(bytes: &[u8]) {
        if let Ok(page) = Page::decode(bytes) {
            assert_eq!(Page::decode(&page.encode()).unwrap(), page);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pages_survive_their_encoding(page in any_page()) {
            prop_assert_eq!(Page::decode(&page.encode()).unwrap(), page);
        }

        #[test]
        fn random_bytes_are_a_page_or_an_error(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            decode_and_check(&bytes);
            bytes.splice(0..0, [0xa4, 0, 0, 1]);
            decode_and_check(&bytes);
        }

        #[test]
        fn an_unknown_field_is_skipped(page in any_page(), value in 0u64..1 << 40) {
            let mut bytes = page.encode();
            prop_assert_eq!(bytes[0], 0xa4);
            bytes[0] = 0xa5;
            Writer(&mut bytes).uint(200u8).array(2).uint(value).map(1).bytes(b"x").int(-1);
            prop_assert_eq!(Page::decode(&bytes).unwrap(), page);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]

        #[test]
        fn a_cut_page_is_refused_and_a_flipped_one_never_panics(page in any_page()) {
            let bytes = page.encode();
            for len in 0..bytes.len() {
                prop_assert!(Page::decode(&bytes[..len]).is_err());
            }
            let mut flipped = bytes.clone();
            for at in 0..bytes.len().min(2_000) {
                for change in [1, 0x20, 0x80, 0xff] {
                    flipped[at] ^= change;
                    decode_and_check(&flipped);
                    flipped[at] ^= change;
                }
            }
        }
    }

    #[test]
    fn a_claimed_length_is_compared_with_what_is_there() {
        // {0: 0, 3: array of 2^60}
        let bytes = [0xa2, 0, 0, 3, 0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0];
        assert!(matches!(
            Page::decode(&bytes),
            Err(PageError::Count { remaining: 0, .. })
        ));
    }

    #[test]
    fn disorder_and_emptiness_are_refused() {
        let file = |name: &str| Entry::new(name, super::super::EntryKind::File);
        let group = |parent: &[u8], entries: Vec<Entry>| Group {
            parent: parent.into(),
            entries,
        };
        let refused = |groups: Vec<Group>| Page::decode(&Page::Leaf(groups).encode()).unwrap_err();
        for groups in [
            vec![group(b"", vec![file("b"), file("a")])],
            vec![group(b"", vec![file("a"), file("a")])],
            vec![
                group(b"b\0", vec![file("a")]),
                group(b"a\0", vec![file("a")]),
            ],
            vec![
                group(b"b\0", vec![file("a")]),
                group(b"b\0", vec![file("b")]),
            ],
        ] {
            assert!(matches!(refused(groups), PageError::KeyOrder));
        }
        assert!(matches!(
            refused(vec![group(b"a\0", vec![])]),
            PageError::Empty
        ));
        assert!(matches!(
            refused(vec![group(b"a\0", vec![file("")])]),
            PageError::Key { .. }
        ));
        assert!(matches!(
            refused(vec![group(b"..\0", vec![file("a")])]),
            PageError::Key { .. }
        ));
        let mut short = file("a");
        short.size = 1;
        assert!(matches!(
            refused(vec![group(b"", vec![short])]),
            PageError::Entry { .. }
        ));
        for page in [
            Page::Inner {
                level: 1,
                children: vec![],
            },
            Page::Extents(vec![]),
            Page::Content {
                level: 1,
                children: vec![],
            },
        ] {
            assert!(matches!(
                Page::decode(&page.encode()),
                Err(PageError::Empty)
            ));
        }
    }
}
