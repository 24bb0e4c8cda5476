//! A pack and a segment against the published vectors: what is stored today must open for ever.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

use std::sync::Arc;

use orlop_repo::entropy::SeededEntropy;
use orlop_repo::index::{Segment, SegmentBuilder};
use orlop_repo::keys::{BlockOptions, Keyring, Material, RootKey};
use orlop_repo::model::{ObjectHash, PackName, SessionId};
use orlop_repo::pack::{FinishedPack, PackBuilder, PackEnd, verify_pack};
use orlop_repo::seal::{BlockKind, Compression, ObjectKind, Suite};
use serde_json::{Value, json};
use zeroize::Zeroizing;

const SESSION: SessionId = SessionId::from_bytes([0x11; 16]);

fn vectors(name: &str) -> Value {
    let path = format!(
        "{}/../format-spec/vectors/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Fixed keys, and nonces that are the same in every run.
fn keyring() -> Keyring {
    let root = RootKey::from_bytes(Zeroizing::new([1; 32]));
    let material = Material::from_bytes(Zeroizing::new([2; 32]));
    let entropy = Arc::new(SeededEntropy::new(3));
    Keyring::from_parts(entropy, Suite::XChaCha20Poly1305, root, (1, material), [])
}

/// Two blocks of chunks `abc…` of 3, 300 and 7 bytes.
fn pack(keyring: &Keyring, kind: BlockKind, number: u32) -> FinishedPack {
    let name = PackName {
        session: SESSION,
        number,
    };
    let mut builder = PackBuilder::new(name, kind, keyring.suite(), 1 << 20);
    let text: Vec<u8> = (b'a'..=b'z').cycle().take(300).collect();
    for block in [&[3usize, 300][..], &[7]] {
        let parts: Vec<&[u8]> = block.iter().map(|&len| &text[..len]).collect();
        let chunks: Vec<_> = parts
            .iter()
            .map(|part| {
                let id = match kind {
                    BlockKind::Data => keyring.ids().chunk_id(part),
                    BlockKind::Tree => keyring.ids().page_id(part),
                };
                (id, u32::try_from(part.len()).unwrap())
            })
            .collect();
        let options = BlockOptions {
            compression: Compression::None,
            ..BlockOptions::default()
        };
        let sealed = keyring.seal_block(kind, &parts, options).unwrap();
        builder.add_block(sealed.bytes.into(), &chunks).unwrap();
    }
    builder.finish(keyring, PackEnd::Early).unwrap()
}

fn describe(pack: &FinishedPack) -> Value {
    let blocks: Vec<Value> = pack
        .directory
        .blocks()
        .map(|block| json!({ "offset": block.offset, "stored_len": block.len, "chunks": block.chunks }))
        .collect();
    let chunks: Vec<Value> = pack
        .directory
        .chunks()
        .map(|chunk| {
            json!({
                "id_prefix": hex::encode(chunk.prefix),
                "block_offset": chunk.place.block_offset,
                "offset": chunk.place.offset,
                "len": chunk.len,
            })
        })
        .collect();
    json!({
        "name": pack.name.to_string(),
        "kind": pack.kind.number(),
        "padding": pack.directory.padding(),
        "body_hash": hex::encode(pack.directory.body_hash()),
        "hash": pack.hash.to_string(),
        "blocks": blocks,
        "chunks": chunks,
        "bytes": hex::encode(pack.parts.concat()),
    })
}

/// The vectors as this code makes them.
fn made() -> (Value, Value) {
    let keyring = keyring();
    let packs = [
        pack(&keyring, BlockKind::Data, 0),
        pack(&keyring, BlockKind::Tree, 1),
    ];
    let keys = json!({ "root_key": hex::encode([1; 32]), "generation": 1, "material": hex::encode([2; 32]), "suite": 1 });
    let mut builder = SegmentBuilder::new();
    for pack in &packs {
        builder.add_directory(&pack.directory, pack.hash);
    }
    let body = builder.finish().remove(0);
    let name = format!("index/{SESSION}/0000000000");
    let sealed = keyring
        .seal_object(ObjectKind::Segment, &name, &body)
        .unwrap();
    let segment = json!({
        "about": "The segment of the packs of pack.json; body as in FORMAT.md section 9, sealed under its name.",
        "keys": keys,
        "name": name,
        "body": hex::encode(&body),
        "hash": ObjectHash::of(&sealed).to_string(),
        "bytes": hex::encode(sealed),
    });
    let pack = json!({
        "about": "Packs of two blocks, stored raw: chunks of the first 3 and 300, and of the first 7 bytes of the alphabet repeated. Nonces are in the bytes.",
        "keys": keys,
        "packs": packs.iter().map(describe).collect::<Vec<_>>(),
    });
    (pack, segment)
}

#[test]
fn packs_are_the_published_ones_byte_for_byte() {
    assert_eq!(made().0, vectors("pack"));
}

#[test]
fn the_segment_is_the_published_one() {
    let (made, published) = (made().1, vectors("segment"));
    assert_eq!(made["body"], published["body"]);
    // Sealed bytes may change with the compressor; what was published must open.
    let sealed = hex::decode(published["bytes"].as_str().unwrap()).unwrap();
    let name = published["name"].as_str().unwrap();
    let body = keyring()
        .open_object(ObjectKind::Segment, name, &sealed)
        .unwrap();
    assert_eq!(hex::encode(&body), published["body"]);
    assert_eq!(ObjectHash::of(&sealed).to_string(), published["hash"]);
    assert_eq!(Segment::parse(body.into()).unwrap().chunk_count(), 6);
}

#[test]
fn published_packs_pass_a_full_check() {
    for (number, pack) in (0..).zip(vectors("pack")["packs"].as_array().unwrap()) {
        let bytes = hex::decode(pack["bytes"].as_str().unwrap()).unwrap();
        let name = PackName {
            session: SESSION,
            number,
        };
        let directory = verify_pack(&bytes, &keyring(), name).unwrap();
        assert_eq!(directory.chunk_count(), 3);
        assert_eq!(ObjectHash::of(&bytes).to_string(), pack["hash"]);
    }
}
