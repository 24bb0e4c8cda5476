//! Trees as a whole: built, read, compared, tampered with.

mod content;
mod failures;
mod model;
mod shape;
mod tampering;

use std::sync::Arc;

use orlop_chunker::ChunkId;

use super::testing::MemoryPages;
use super::{BuiltTree, Content, Entry, EntryKey, EntryKind, Timestamp, TreeBuilder};
use crate::entropy::SeededEntropy;
use crate::keys::Keyring;
use crate::model::{ChunkRef, Extent, PackName, Place, SessionId};
use crate::seal::Suite;

fn keys() -> Arc<Keyring> {
    let entropy = Arc::new(SeededEntropy::new(7));
    Arc::new(Keyring::generate(entropy, Suite::XChaCha20Poly1305).unwrap())
}

fn build<'e>(
    keys: &Arc<Keyring>,
    sink: &mut MemoryPages,
    entries: impl IntoIterator<Item = (&'e EntryKey, &'e Entry)>,
) -> BuiltTree {
    let mut builder = TreeBuilder::new(Arc::clone(keys));
    for (key, entry) in entries {
        builder.push(key.parent(), entry, sink).unwrap();
    }
    builder.finish(sink).unwrap()
}

/// A chunk of 100,000 bytes whose id and place follow from its number.
fn chunk(number: u64) -> ChunkRef {
    let place = Place {
        pack: PackName {
            session: SessionId::from_bytes([9; 16]),
            number: u32::try_from(number / 160).unwrap(),
        },
        block_offset: u32::try_from(16 + number % 160 / 10 * 400_000).unwrap(),
        block_len: 400_000,
        offset: u32::try_from(number % 10 * 100_000).unwrap(),
    };
    ChunkRef {
        id: ChunkId::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes()),
        len: 100_000,
        place,
    }
}

/// The n-th file of a large volume: folders of 200 files, names and times like real ones.
fn file(number: u64) -> (EntryKey, Entry) {
    let path = format!(
        "data/tenant-{:03}/{:05}/object-{number:09}.bin",
        number / 20_000,
        number / 200
    );
    let key = EntryKey::from_path(path.as_bytes()).unwrap();
    let mut entry = Entry::new(key.name(), EntryKind::File);
    (entry.mode, entry.uid, entry.gid) = (0o640, 1000, 1000);
    let nanos = |salt: u64| u32::try_from((number * 7919 + salt) % 1_000_000_000).unwrap();
    let secs = 1_700_000_000 + i64::try_from(number % 100_000).unwrap();
    entry.mtime = Timestamp {
        secs,
        nanos: nanos(1),
    };
    entry.ctime = Timestamp {
        secs,
        nanos: nanos(2),
    };
    entry.inode = 1_000_000 + number;
    entry.size = 100_000;
    entry.content = Content::Extents(vec![Extent::Data(chunk(number))]);
    (key, entry)
}
