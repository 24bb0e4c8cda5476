//! Segments and the files of the cache, for [`crate::fuzzing`].

use bytes::Bytes;

use super::SegmentBuilder;
use super::file_meta::FileMeta;
use super::filter::Filter;
use super::segment::Segment;
use crate::fuzzing::Gauge;

/// The body of a segment.
pub(crate) fn segment(bytes: &[u8], gauge: &Gauge) {
    let body = Bytes::copy_from_slice(bytes);
    let Ok(segment) = gauge.decode(bytes.len(), || Segment::parse(body)) else {
        return;
    };
    let mut builder = SegmentBuilder::new();
    builder.add_segment(&segment, |_| true);
    let bodies = builder.finish();
    assert!(bodies.len() <= 1, "what stood in one segment fits into one");
    let merged: Vec<_> = bodies
        .into_iter()
        .map(|body| Segment::parse(body.into()).expect("what was written can be read"))
        .collect();
    let mut all = Vec::new();
    for (prefix, found) in segment.chunks() {
        assert!(segment.lookup(&prefix).any(|other| other == found));
        let mut there = merged.iter().flat_map(|merged| merged.lookup(&prefix));
        assert!(there.any(|other| other == found));
        all.push((prefix, found.place.pack, found.place.block_offset));
    }
    assert_eq!(all.len(), segment.chunk_count());
    for merged in &merged {
        assert!(merged.chunk_count() <= segment.chunk_count());
        assert_eq!(merged.packs(), segment.packs());
    }
}

/// The tables of a local file, and a filter: only a hash stands before them.
pub(crate) fn cache(bytes: &[u8], gauge: &Gauge) {
    let Some((&pages, bytes)) = bytes.split_first() else {
        return;
    };
    let pages_len = u64::from(pages % 8) * 4096;
    let meta = gauge.decode(bytes.len(), || FileMeta::decode(bytes, pages_len));
    if let Some(meta) = meta {
        assert_eq!(meta.encode(), bytes);
    }
    let lens = [u32::try_from(bytes.len()).unwrap_or(u32::MAX)];
    let filter = gauge.decode(bytes.len(), || Filter::new(0, &lens, bytes.to_vec()));
    if let Some(filter) = filter {
        for n in 0..64u64 {
            let key = blake3::hash(&n.to_le_bytes());
            let prefix = key.as_bytes().first_chunk().expect("it has 32 bytes");
            // Either answer will do, where it lies.
            filter.may_contain(prefix);
        }
    }
}
