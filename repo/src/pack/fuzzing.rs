//! Footers and whole packs, for [`crate::fuzzing`].

use super::builder::header;
use super::directory::PackDirectory;
use super::footer::Footer;
use super::limits::{END_MAGIC, ENVELOPE_OVERHEAD, TRAILER_LEN};
use super::{PackBuilder, PackEnd, verify_pack};
use crate::fuzzing::{Gauge, NAME, keyring};
use crate::keys::{BlockOptions, Keyring};
use crate::seal::{BlockKind, Compression, ObjectKind};

/// The body of a footer, and the directory that it makes.
pub(crate) fn footer(bytes: &[u8], gauge: &Gauge) {
    let Ok(footer) = gauge.decode(bytes.len(), || Footer::decode(bytes)) else {
        return;
    };
    let encoded = footer.encode();
    assert!(encoded.len() <= bytes.len(), "the shortest encoding");
    assert_eq!(
        Footer::decode(&encoded).expect("what was written can be read"),
        footer
    );
    let Some(kind) = BlockKind::from_number(footer.kind) else {
        return;
    };
    let blocks: u64 = footer.block_lens.iter().map(|&len| u64::from(len)).sum();
    let envelope = encoded.len() as u64 + ENVELOPE_OVERHEAD;
    let sum = (16 + blocks).checked_add(footer.padding);
    let Some(len) = sum.and_then(|sum| sum.checked_add(envelope + TRAILER_LEN)) else {
        return;
    };
    let other = PackDirectory::check(NAME, kind, len ^ 1, envelope, footer.clone());
    assert!(other.is_err(), "of another length");
    let Ok(directory) = PackDirectory::check(NAME, kind, len, envelope, footer) else {
        return;
    };
    let mut end = 16;
    let mut chunks = 0;
    for block in directory.blocks() {
        assert_eq!(block.offset, end);
        end += block.len;
        chunks += block.chunks as usize;
    }
    assert_eq!(chunks, directory.chunk_count());
    assert_eq!(directory.chunks().count(), chunks);
    for chunk in directory.chunks() {
        let block_end = u64::from(chunk.place.block_offset) + u64::from(chunk.place.block_len);
        assert!(block_end <= u64::from(end) && chunk.len > 0);
    }
}

/// A pack as it is; and one whose blocks and footer are what they are: their lengths (u16), then
/// the blocks, then the body of the footer.
pub(crate) fn pack(bytes: &[u8], gauge: &Gauge) {
    let keys = keyring();
    let verify = |bytes: &[u8]| {
        drop(gauge.inflate(bytes.len(), || verify_pack(bytes, keys, NAME)));
    };
    verify(bytes);
    let Some((len, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let len = usize::from(u16::from_le_bytes(*len));
    let (blocks, footer) = rest.split_at(len.min(rest.len()));
    for kind in [BlockKind::Data, BlockKind::Tree] {
        verify(&put_together(keys, kind, blocks, footer));
        // The same with the hash and the padding that belong to it.
        if let Ok(mut mended) = Footer::decode(footer) {
            mended.kind = kind.number();
            mended.padding = 0;
            let body = [&header(kind, keys.suite())[..], blocks].concat();
            mended.body_hash = *blake3::hash(&body).as_bytes();
            verify(&put_together(keys, kind, blocks, &mended.encode()));
        }
    }
}

fn put_together(keys: &Keyring, kind: BlockKind, blocks: &[u8], footer: &[u8]) -> Vec<u8> {
    let sealed = keys.seal_object(ObjectKind::PackFooter(kind), &NAME.to_string(), footer);
    let sealed = sealed.expect("it is short");
    let len = u32::try_from(sealed.len()).expect("it is short");
    [
        &header(kind, keys.suite())[..],
        blocks,
        &sealed,
        &len.to_le_bytes(),
        END_MAGIC,
    ]
    .concat()
}

/// A pack of our own making: it is what was put into it, and nothing with a byte changed. The first
/// four bytes say which; blocks follow, each after its length, in chunks of 1 to 16 bytes.
pub(crate) fn built(bytes: &[u8], gauge: &Gauge) {
    let keys = keyring();
    let Some((&[choice, at, high, bit], mut rest)) = bytes.split_first_chunk() else {
        return;
    };
    let kind = if choice % 2 == 0 {
        BlockKind::Data
    } else {
        BlockKind::Tree
    };
    let options = BlockOptions {
        compression: match choice / 2 % 3 {
            0 => Compression::None,
            1 => Compression::Fast,
            _ => Compression::default(),
        },
        verify: true,
    };
    let mut pack = PackBuilder::new(NAME, kind, keys.suite(), 1 << 20);
    while let Some((&len, after)) = rest.split_first() {
        let (block, after) = after.split_at(usize::from(len).min(after.len()));
        rest = after;
        let parts: Vec<_> = block.chunks(1 + usize::from(len) % 16).collect();
        let chunk = |part: &&[u8]| {
            let id = match kind {
                BlockKind::Data => keys.ids().chunk_id(part),
                BlockKind::Tree => keys.ids().page_id(part),
            };
            (id, u32::try_from(part.len()).expect("at most 16"))
        };
        let chunks: Vec<_> = parts.iter().map(chunk).collect();
        let sealed = keys.seal_block(kind, &parts, options).expect("it is short");
        pack.add_block(sealed.bytes.into(), &chunks)
            .expect("it fits");
    }
    let finished = pack.finish(keys, PackEnd::Early).expect("it is short");
    let mut object = finished.parts.concat();
    let found = gauge.inflate(object.len(), || verify_pack(&object, keys, NAME));
    assert_eq!(found.expect("it is sound"), finished.directory);
    let at = usize::from(u16::from_le_bytes([at, high])) % object.len();
    if let Some(byte) = object.get_mut(at) {
        *byte ^= 1 << (bit % 8);
    }
    assert!(verify_pack(&object, keys, NAME).is_err(), "byte {at}");
}
