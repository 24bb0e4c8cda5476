//! Makes the golden vectors of trees from fixed keys and entries.
#![expect(
    clippy::unwrap_used,
    reason = "only for tests and for the example that writes the file"
)]

use std::sync::Arc;

use orlop_chunker::ChunkId;
use orlop_repo::entropy::SeededEntropy;
use orlop_repo::keys::{Keyring, Material, RootKey};
use orlop_repo::model::{ChunkRef, Extent, PackName, Place, SessionId};
use orlop_repo::seal::Suite;
use orlop_repo::tree::testing::MemoryPages;
use orlop_repo::tree::{
    Child, Content, ContentBuilder, ContentChild, Entry, EntryKey, EntryKind, FileClass, Group,
    Notes, Page, Timestamp, TreeBuilder,
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

const ROOT_KEY: [u8; 32] = [0x42; 32];
/// Entries of the tree that is cut.
const ENTRIES: u64 = 20_000;
/// Extents of the contents that are cut.
const EXTENTS: u64 = 3_000;

const ABOUT: [&str; 7] = [
    "Byte strings, names, keys and ids are hexadecimal. `keys` are derived from `root_key` as section 3 says.",
    "`pages`: `page` is what a page says, `bytes` its only encoding, `id` its id. Entries are maps with the format's field numbers; references are written out, with their place in place of an index of a block.",
    "`refused`: bytes that are no page, and why.",
    "`tree`: entry n of `entries`, from 0, has the path dXX/fYYYYY, XX = n / 500 and YYYYY = n in decimal, kind 1, mode 0644 (octal), uid and gid 1000, mtime and ctime [1700000000 + n, n], size 0, inode n + 1.",
    "Its pages, in the order in which they are finished: page i, from 0, stands in pack i / 16 of session 5e5e…, in a block at 16 + (i mod 16) * 65536 of stored length len + 49, at offset 0. The last is the root.",
    "`contents`: extent n of `extents`, from 0: if n mod 10 is 9 a hole of 4096 bytes, else data of 65536 bytes, id = BLAKE3 of n as 8 bytes, little-endian; pack n / 160 of session 0909…, block at 16 + (n mod 160) / 10 * 400000, stored length 400000, offset (n mod 10) * 65536.",
    "The pages of a content stand where those of the tree would: each content starts at page 0. The last is the topmost.",
];

pub(crate) fn keyring() -> Arc<Keyring> {
    let root = RootKey::from_bytes(Zeroizing::new(ROOT_KEY));
    let material = Material::from_bytes(Zeroizing::new([0x17; 32]));
    let entropy = Arc::new(SeededEntropy::new(1));
    Arc::new(Keyring::from_parts(
        entropy,
        Suite::XChaCha20Poly1305,
        root,
        (1, material),
        [],
    ))
}

fn chunk(number: u64) -> ChunkRef {
    let small = |value: u64| u32::try_from(value).unwrap();
    ChunkRef {
        id: ChunkId::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes()),
        len: 65_536,
        place: Place {
            pack: PackName {
                session: SessionId::from_bytes([9; 16]),
                number: small(number / 160),
            },
            block_offset: small(16 + number % 160 / 10 * 400_000),
            block_len: 400_000,
            offset: small(number % 10 * 65_536),
        },
    }
}

/// One entry of each kind, with every field somewhere.
fn entries() -> Vec<Group> {
    let time = |secs, nanos| Timestamp { secs, nanos };
    let mut root = Entry::new("", EntryKind::Folder);
    (root.mode, root.mtime) = (0o1777, time(-1, 999_999_999));
    let mut inline = Entry::new(*b"a\xff\xfe", EntryKind::File);
    (inline.size, inline.content) = (3, Content::Inline(vec![0, 1, 255]));
    (inline.uid, inline.gid, inline.inode) = (u32::MAX, 23, 24);
    let mut file = Entry::new("file", EntryKind::File);
    (file.mode, file.uid, file.gid, file.inode) = (0o4755, 255, 256, 65_536);
    (file.mtime, file.ctime) = (time(9_300_000_000, 1), time(1_700_000_000, 0));
    file.btime = Some(time(1_600_000_000, 500_000_000));
    (file.link_group, file.device) = (Some([0xab; 16]), Some(0));
    file.xattrs = vec![
        (b"security.selinux".to_vec(), b"label\0".to_vec()),
        (b"user.empty".to_vec(), vec![]),
    ];
    (file.flags, file.project, file.class) = (0x10, 1_000, FileClass::Paged);
    file.notes = Notes::CHANGED.with(Notes::UNTRUSTED);
    let extents = vec![
        Extent::Data(chunk(1)),
        Extent::Hole(4_096),
        Extent::Data(chunk(200)),
        Extent::Zeros(65_536),
        Extent::Unwritten(1 << 33),
        Extent::Data(chunk(2)),
    ];
    (file.size, file.content) = (
        extents.iter().map(Extent::len).sum(),
        Content::Extents(extents),
    );
    let mut large = Entry::new("large", EntryKind::File);
    (large.size, large.content) = (
        1 << 40,
        Content::Indirect {
            root: chunk(3),
            level: 2,
        },
    );
    let mut link = Entry::new("link", EntryKind::Symlink);
    link.target = Some(b"../\xf0".to_vec());
    let device = |name: &str, kind| {
        let mut entry = Entry::new(name, kind);
        entry.rdev = Some((8, 1));
        entry
    };
    let below = vec![
        device("block", EntryKind::BlockDevice),
        device("char", EntryKind::CharDevice),
        Entry::new("fifo", EntryKind::Fifo),
        Entry::new("socket", EntryKind::Socket),
        Entry::new("unknown", EntryKind::Unknown(7)),
    ];
    let folder = Entry::new("folder", EntryKind::Folder);
    let group = |parent: &[u8], entries| Group {
        parent: parent.into(),
        entries,
    };
    vec![
        group(b"", vec![root, inline, file, folder, large, link]),
        group(b"folder\0", below),
        group(b"folder\0sub\0", vec![Entry::new("deep", EntryKind::File)]),
    ]
}

fn pages() -> Vec<(&'static str, Page)> {
    let key = |path: &str| EntryKey::from_path(path.as_bytes()).unwrap();
    let child = |path, number, entries, bytes| Child {
        first_key: key(path).as_bytes().to_vec(),
        page: chunk(number),
        entries,
        bytes,
    };
    let below = |number, bytes| ContentChild {
        page: chunk(number),
        bytes,
    };
    vec![
        ("leaf", Page::Leaf(entries())),
        (
            "inner",
            Page::Inner {
                level: 3,
                children: vec![
                    child("", 10, 1, 0),
                    child("a/b", 11, 1_000, 1 << 50),
                    child("a/b/c", 900, 7, u64::from(u32::MAX)),
                ],
            },
        ),
        (
            "extents",
            Page::Extents(vec![
                Extent::Zeros(1),
                Extent::Data(chunk(5)),
                Extent::Data(chunk(6)),
                Extent::Hole(1 << 40),
            ]),
        ),
        (
            "content",
            Page::Content {
                level: 1,
                children: vec![below(7, 16 << 20), below(400, 1)],
            },
        ),
    ]
}

fn reference(chunk: &ChunkRef) -> Value {
    let place = &chunk.place;
    json!({
        "id": chunk.id.to_string(),
        "len": chunk.len,
        "session": place.pack.session.to_string(),
        "number": place.pack.number,
        "block_offset": place.block_offset,
        "block_len": place.block_len,
        "offset": place.offset,
    })
}

fn extent(extent: &Extent) -> Value {
    match *extent {
        Extent::Data(ref chunk) => reference(chunk),
        Extent::Zeros(len) => json!([0, len]),
        Extent::Hole(len) => json!([1, len]),
        Extent::Unwritten(len) => json!([2, len]),
    }
}

/// The fields of an entry by their numbers, without those that are left out.
fn fields(entry: &Entry) -> Value {
    let time = |time: Timestamp| json!([time.secs, time.nanos]);
    let number = |value: u32| (value != 0).then(|| json!(value));
    let xattrs = || {
        let pair =
            |(name, value): &(Vec<u8>, Vec<u8>)| json!([hex::encode(name), hex::encode(value)]);
        Value::Array(entry.xattrs.iter().map(pair).collect())
    };
    let mut content = [None, None, None];
    match &entry.content {
        Content::None => {}
        Content::Extents(list) => content[0] = Some(list.iter().map(extent).collect()),
        Content::Indirect { root, level } => content[1] = Some(json!([reference(root), level])),
        Content::Inline(data) => content[2] = Some(json!(hex::encode(data))),
    }
    let [extents, indirect, inline] = content;
    let fields = [
        Some(json!(hex::encode(&entry.name))),
        Some(json!(entry.kind.number())),
        Some(json!(entry.mode)),
        Some(json!(entry.uid)),
        Some(json!(entry.gid)),
        Some(time(entry.mtime)),
        Some(time(entry.ctime)),
        Some(json!(entry.size)),
        Some(json!(entry.inode)),
        entry.link_group.map(|group| json!(hex::encode(group))),
        entry.rdev.map(|(major, minor)| json!([major, minor])),
        entry
            .target
            .as_ref()
            .map(|target| json!(hex::encode(target))),
        (!entry.xattrs.is_empty()).then(xattrs),
        number(entry.flags),
        number(entry.project),
        number(entry.class.number().into()),
        extents,
        indirect,
        entry.btime.map(time),
        number(entry.notes.bits()),
        entry.device.map(|device| json!(device)),
        inline,
    ];
    let named = fields.into_iter().enumerate();
    let there = named.filter_map(|(key, value)| Some((key.to_string(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}

fn page(page: &Page) -> Value {
    let body: Value = match page {
        Page::Leaf(groups) => {
            let group = |group: &Group| {
                let entries: Vec<_> = group.entries.iter().map(fields).collect();
                json!([hex::encode(&group.parent), entries])
            };
            groups.iter().map(group).collect()
        }
        Page::Inner { children, .. } => {
            let child = |child: &Child| {
                let key = hex::encode(&child.first_key);
                json!([key, reference(&child.page), child.entries, child.bytes])
            };
            children.iter().map(child).collect()
        }
        Page::Extents(extents) => extents.iter().map(extent).collect(),
        Page::Content { children, .. } => {
            let child = |child: &ContentChild| json!([reference(&child.page), child.bytes]);
            children.iter().map(child).collect()
        }
    };
    let key = match page {
        Page::Leaf(_) => "3",
        Page::Inner { .. } => "4",
        Page::Extents(_) => "5",
        Page::Content { .. } => "6",
    };
    json!({"0": page.level(), key: body})
}

/// Well-formed pages with one thing wrong each.
fn refused() -> Value {
    let file = |name: &str| Entry::new(name, EntryKind::File);
    let leaf = |parent: &[u8], entries| {
        let parent = parent.into();
        hex::encode(Page::Leaf(vec![Group { parent, entries }]).encode())
    };
    let with = |change: fn(&mut Entry)| {
        let mut entry = file("a");
        change(&mut entry);
        leaf(b"", vec![entry])
    };
    json!([
        ["a name with a slash", leaf(b"", vec![file("a/b")])],
        ["a name with a zero byte", leaf(b"", vec![file("a\0b")])],
        ["the name ..", leaf(b"", vec![file("..")])],
        ["an empty name below the root", leaf(b"a\0", vec![file("")])],
        [
            "a parent without its zero byte",
            leaf(b"a", vec![file("b")])
        ],
        [
            "a parent with the component ..",
            leaf(b"..\0", vec![file("b")])
        ],
        ["names out of order", leaf(b"", vec![file("b"), file("a")])],
        ["a name twice", leaf(b"", vec![file("a"), file("a")])],
        ["an empty group", leaf(b"a\0", vec![])],
        ["a size without content", with(|entry| entry.size = 1)],
        ["a mode of 13 bits", with(|entry| entry.mode = 0o10000)],
        [
            "a billion nanoseconds",
            with(|entry| entry.mtime.nanos = 1_000_000_000)
        ],
        [
            "a target of a file",
            with(|entry| entry.target = Some(vec![b'x']))
        ],
        [
            "a device without a link group",
            with(|entry| entry.device = Some(1))
        ],
        ["a byte after the page", leaf(b"", vec![file("a")]) + "00"],
        ["no body", "a3000001800280"],
        [
            "a list of 2^60 groups",
            "a4000001800280039b1000000000000000"
        ],
    ])
}

fn built(pages: &MemoryPages) -> Value {
    let line = |(page, bytes): (&ChunkRef, &bytes::Bytes)| {
        let level = Page::decode(bytes).unwrap().level();
        json!([level, page.len, page.id.to_string()])
    };
    pages.iter().map(line).collect()
}

fn tree(keys: &Arc<Keyring>) -> Value {
    let mut pages = MemoryPages::new();
    let mut builder = TreeBuilder::new(Arc::clone(keys));
    for n in 0..ENTRIES {
        let path = format!("d{:02}/f{n:05}", n / 500);
        let key = EntryKey::from_path(path.as_bytes()).unwrap();
        let mut entry = Entry::new(key.name(), EntryKind::File);
        (entry.mode, entry.uid, entry.gid, entry.inode) = (0o644, 1000, 1000, n + 1);
        entry.mtime = Timestamp {
            secs: 1_700_000_000 + i64::try_from(n).unwrap(),
            nanos: u32::try_from(n).unwrap(),
        };
        entry.ctime = entry.mtime;
        builder.push(key.parent(), &entry, &mut pages).unwrap();
    }
    builder.finish(&mut pages).unwrap();
    json!({"entries": ENTRIES, "pages [level, length, id]": built(&pages)})
}

fn contents(keys: &Arc<Keyring>) -> Value {
    let classes = [FileClass::General, FileClass::Paged];
    let content = |class: FileClass| {
        let mut pages = MemoryPages::new();
        let mut builder = ContentBuilder::new(Arc::clone(keys), class);
        for n in 0..EXTENTS {
            let extent = match n % 10 {
                9 => Extent::Hole(4_096),
                _ => Extent::Data(chunk(n)),
            };
            let Ok(()) = builder.push(extent, &mut pages);
        }
        let size = builder.len();
        let Ok(_) = builder.finish(&mut pages);
        let class = class.number();
        json!({
            "class": class,
            "extents": EXTENTS,
            "size": size,
            "pages [level, length, id]": built(&pages),
        })
    };
    classes.map(content).into_iter().collect()
}

pub(crate) fn vectors() -> Value {
    let keys = keyring();
    let derived = |context| hex::encode(blake3::derive_key(context, &ROOT_KEY));
    let one = |(name, this): (&str, Page)| {
        let bytes = this.encode();
        let id = keys.ids().page_id(&bytes).to_string();
        json!({"name": name, "page": page(&this), "bytes": hex::encode(bytes), "id": id})
    };
    json!({
        "about": ABOUT,
        "root_key": hex::encode(ROOT_KEY),
        "keys": {
            "page id": derived("orlop v1 page id"),
            "page split": derived("orlop v1 page split"),
        },
        "pages": pages().into_iter().map(one).collect::<Vec<_>>(),
        "refused": refused(),
        "tree": tree(&keys),
        "contents": contents(&keys),
    })
}
