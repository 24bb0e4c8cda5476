//! How long the tree of a volume takes: building it, reading it, following an unchanged walk.
//!
//! 78,000 files, each with one chunk.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use orlop_chunker::ChunkId;
use orlop_repo::entropy::SeededEntropy;
use orlop_repo::keys::Keyring;
use orlop_repo::model::{ChunkRef, Extent, PackName, Place, SessionId};
use orlop_repo::seal::Suite;
use orlop_repo::tree::testing::MemoryPages;
use orlop_repo::tree::{
    BuiltTree, Content, Entry, EntryKey, EntryKind, KeyRange, Page, Timestamp, TreeBuilder,
    TreeCursor,
};

const FILES: u32 = 78_000;

fn file(number: u32) -> (EntryKey, Entry) {
    let path = format!("usr/share/package-{:04}/file-{number:06}.txt", number / 40);
    let key = EntryKey::from_path(path.as_bytes()).unwrap();
    let mut entry = Entry::new(key.name(), EntryKind::File);
    (entry.mode, entry.inode, entry.size) = (0o644, 10_000 + u64::from(number), 12_345);
    entry.mtime = Timestamp {
        secs: 1_700_000_000 + i64::from(number),
        nanos: number * 12_345 % 1_000_000_000,
    };
    entry.ctime = entry.mtime;
    let place = Place {
        pack: PackName {
            session: SessionId::from_bytes([9; 16]),
            number: number / 2_000,
        },
        block_offset: 16 + number % 2_000 / 80 * 500_000,
        block_len: 500_000,
        offset: number % 80 * 12_345,
    };
    let id = ChunkId::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes());
    let len = 12_345;
    entry.content = Content::Extents(vec![Extent::Data(ChunkRef { id, len, place })]);
    (key, entry)
}

fn build(keys: &Arc<Keyring>, files: &[(EntryKey, Entry)], pages: &mut MemoryPages) -> BuiltTree {
    let mut builder = TreeBuilder::new(Arc::clone(keys));
    for (key, entry) in files {
        builder.push(key.parent(), entry, pages).unwrap();
    }
    builder.finish(pages).unwrap()
}

fn trees(c: &mut Criterion) {
    let entropy = Arc::new(SeededEntropy::new(1));
    let keys = Arc::new(Keyring::generate(entropy, Suite::XChaCha20Poly1305).unwrap());
    let files: Vec<_> = (0..FILES).map(file).collect();
    let mut pages = MemoryPages::new();
    let built = build(&keys, &files, &mut pages);

    let mut group = c.benchmark_group("tree");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(FILES.into()));
    group.bench_function("build", |b| {
        b.iter(|| build(&keys, &files, &mut MemoryPages::new()));
    });
    group.bench_function("decode", |b| {
        b.iter(|| {
            for (_, bytes) in pages.iter() {
                black_box(Page::decode(bytes).unwrap());
            }
        });
    });
    group.bench_function("read", |b| {
        b.iter(|| {
            TreeCursor::new(&pages, built.root, KeyRange::all())
                .map(Result::unwrap)
                .count()
        });
    });
    group.bench_function("find_each", |b| {
        b.iter(|| {
            let mut cursor = TreeCursor::new(&pages, built.root, KeyRange::all());
            for (key, _) in &files {
                black_box(cursor.find(key.parent(), key.name()).unwrap().unwrap());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, trees);
criterion_main!(benches);
