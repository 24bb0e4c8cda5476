//! An index of made-up chunks.

use std::path::PathBuf;
use std::sync::Arc;

use orlop_repo::index::{CacheFolder, LocalIndex, MAX_SEGMENT_CHUNKS, Segment, SyncReport};
use orlop_repo::log::SegmentRef;
use orlop_repo::model::{ObjectHash, SessionId};

/// Chunks in a pack: 32 MiB of chunks of 64 KiB.
const PACK_CHUNKS: u64 = 512;
/// The id of chunk `number`, as evenly spread as a hash: a bijection of 64 bits, twice.
pub(crate) fn prefix(number: u64) -> [u8; 16] {
    let mix = |mut z: u64| {
        z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut prefix = [0; 16];
    prefix[..8].copy_from_slice(&mix(number).to_le_bytes());
    prefix[8..].copy_from_slice(&mix(!number).to_le_bytes());
    prefix
}

/// The body of a segment with the chunks `first..end`, as section 9 of the format says.
fn body(first: u64, end: u64) -> Vec<u8> {
    let count = end - first;
    let packs = count.div_ceil(PACK_CHUNKS);
    let mut ids: Vec<([u8; 16], u32)> = (first..end)
        .map(|n| (prefix(n), u32::try_from(n - first).unwrap()))
        .collect();
    ids.sort_unstable();
    let mut body = Vec::with_capacity(usize::try_from(8 + 64 * packs + 36 * count).unwrap());
    body.extend(u32::try_from(packs).unwrap().to_le_bytes());
    body.extend(u32::try_from(count).unwrap().to_le_bytes());
    for pack in 0..packs {
        let number = u32::try_from(first / PACK_CHUNKS + pack).unwrap();
        body.extend([1; 16]);
        body.extend(number.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        body.extend((40u64 << 20).to_le_bytes());
        body.extend([0; 32]);
    }
    for (id, _) in &ids {
        body.extend(id);
    }
    let pack = |n: u32| n / u32::try_from(PACK_CHUNKS).unwrap();
    let within = |n: u32| n % u32::try_from(PACK_CHUNKS).unwrap();
    let columns: [&dyn Fn(u32) -> u32; 5] = [
        &pack,
        &|n| 16 + within(n) / 16 * 1_000_000,
        &|_| 1_000_000,
        &|n| within(n) % 16 * 65_536,
        &|_| 65_536,
    ];
    for column in columns {
        for &(_, n) in &ids {
            body.extend(column(n).to_le_bytes());
        }
    }
    body
}

/// A local index of `chunks` chunks, with its files in `parent`.
pub(crate) async fn index_of(chunks: u64, parent: PathBuf) -> (LocalIndex, SyncReport) {
    let size = MAX_SEGMENT_CHUNKS as u64;
    let live: Vec<SegmentRef> = (0..u32::try_from(chunks.div_ceil(size)).unwrap())
        .map(|number| SegmentRef {
            session: SessionId::from_bytes([1; 16]),
            number,
            len: 37 << 20,
            hash: ObjectHash::from_bytes([0; 32]),
        })
        .collect();
    let index = LocalIndex::open(&CacheFolder::TemporaryIn(parent), None).unwrap();
    let fetch = async |segment: SegmentRef| {
        let first = u64::from(segment.number) * size;
        Ok(Segment::parse(body(first, chunks.min(first + size)).into()).unwrap())
    };
    let report = index.sync(&live, Arc::default(), fetch).await.unwrap();
    (index, report)
}
