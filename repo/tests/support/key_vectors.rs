//! Makes the golden vectors of keys, sealing and slots from fixed keys.
#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "only for tests and for the example that writes the file"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use orlop_chunker::Suite as ChunkerSuite;
use orlop_repo::cuts::Cuts;
use orlop_repo::entropy::{Entropy, EntropyError};
use orlop_repo::features::Features;
use orlop_repo::format_object::Format;
use orlop_repo::keys::{BlockOptions, Keyring, Material, RootKey};
use orlop_repo::model::ObjectName;
use orlop_repo::seal::{BlockKind, Compression, ObjectKind, Suite};
use orlop_repo::slots::{PassphraseCost, SlotSpec, new_slot};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Both suites.
pub(crate) const SUITES: [Suite; 2] = [Suite::XChaCha20Poly1305, Suite::Xaes256Gcm];
/// What stands in an envelope: kind, name, body.
pub(crate) const OBJECTS: [(ObjectKind, &str, &str); 7] = [
    (
        ObjectKind::PackFooter(BlockKind::Data),
        "packs/00112233445566778899aabbccddeeff/0000000000",
        "footer of data",
    ),
    (
        ObjectKind::PackFooter(BlockKind::Tree),
        "packs/00112233445566778899aabbccddeeff/0000000001",
        "footer of trees",
    ),
    (
        ObjectKind::Segment,
        "index/00112233445566778899aabbccddeeff/0000000000",
        "segment",
    ),
    (
        ObjectKind::LogEntry,
        "log/0001/00000000000000000000",
        "entry",
    ),
    (ObjectKind::LogTail, "log/0001/00000000000000000001", "tail"),
    (
        ObjectKind::Fold,
        "meta/folds/9998-18446744073709551615-0011223344556677",
        "fold",
    ),
    (
        ObjectKind::Side,
        "side/00112233445566778899aabbccddeeff/0000000000",
        "side",
    ),
];
/// Plaintext of the passphrase slot.
pub(crate) const PASSPHRASE: &str = "gr\u{fc}ne Scharfrichterin";
/// Root key, material of generations 1 and 2, key of the raw slot, and random bytes.
const ROOT: [u8; 32] = *b"root key of the golden vectors..";
const MATERIAL: [u8; 32] = *b"material of key generation one..";
const NEXT_MATERIAL: [u8; 32] = *b"material of key generation two..";
/// The key of the raw slot.
pub(crate) const RAW: [u8; 32] = *b"key of a raw slot, 32 bytes long";
const NONCE: [u8; 24] = *b"nonce of a golden vector";
const SALT: [u8; 32] = *b"salt of a passphrase slot 32byte";
const ID: [u8; 8] = *b"slot id ";

/// Gives out prepared bytes, in order.
struct Prepared(Mutex<VecDeque<Vec<u8>>>);

impl Entropy for Prepared {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.copy_from_slice(&self.0.lock().unwrap().pop_front().unwrap());
        Ok(())
    }
}

/// The keyring of the vectors, with the random bytes that it will use.
pub(crate) fn keyring(suite: Suite, random: &[&[u8]]) -> Keyring {
    let random = random.iter().map(|bytes| bytes.to_vec()).collect();
    Keyring::from_parts(
        Arc::new(Prepared(Mutex::new(random))),
        suite,
        RootKey::from_bytes(Zeroizing::new(ROOT)),
        (1, Material::from_bytes(Zeroizing::new(MATERIAL))),
        [],
    )
}

/// The format object of the vectors.
pub(crate) fn format(suite: Suite) -> Format {
    Format {
        repository_id: RootKey::from_bytes(Zeroizing::new(ROOT)).repository_id(),
        suite,
        chunker: ChunkerSuite::FastCdc2020,
        cuts: Cuts::DEFAULT,
        features: Features {
            collect: ["example".to_owned()].into(),
            ..Features::default()
        },
        created_ms: 1_700_000_000_000,
    }
}

fn derived(key: &[u8; 32], contexts: &[&str]) -> Value {
    contexts
        .iter()
        .map(|context| {
            (
                (*context).to_owned(),
                hex::encode(blake3::derive_key(context, key)).into(),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// What one suite makes.
fn suite_vectors(suite: Suite) -> Value {
    let objects: Vec<Value> = OBJECTS
        .iter()
        .map(|(kind, name, body)| {
            let sealed = keyring(suite, &[])
                .seal_object_with_nonce((1, NONCE), *kind, name, body.as_bytes())
                .unwrap();
            json!({
                "what": kind.to_string(), "kind": kind.number(), "name": name,
                "body": body, "sealed": hex::encode(sealed),
            })
        })
        .collect();
    let blocks: Vec<Value> = [BlockKind::Data, BlockKind::Tree]
        .into_iter()
        .map(|kind| {
            let options = BlockOptions {
                compression: Compression::None,
                verify: true,
            };
            let keyring = keyring(suite, &[&NONCE]);
            let block = keyring
                .seal_block(kind, &[b"two ", b"chunks"], options)
                .unwrap();
            json!({
                "what": kind.object_kind().to_string(), "kind": kind.number(),
                "body": "two chunks", "stored": hex::encode(block.bytes),
            })
        })
        .collect();
    let (_, generation) = keyring(suite, &[&NEXT_MATERIAL, &NONCE])
        .start_generation()
        .unwrap();
    let format = format(suite);
    let slot = |random: &[&[u8]], spec: &SlotSpec| {
        let slot = new_slot(
            &keyring(suite, random),
            &format,
            spec,
            "golden",
            1_700_000_000_001,
        )
        .unwrap();
        json!({ "name": slot.name.as_str(), "object": hex::encode(slot.bytes) })
    };
    let cost = PassphraseCost {
        memory_kib: 8 << 10,
        passes: 2,
        lanes: 2,
    };
    let passphrase = SlotSpec::Passphrase(Zeroizing::new(PASSPHRASE.to_owned()), cost);
    json!({
        "suite": suite.number(),
        "objects": objects,
        "blocks": blocks,
        "generation": {
            "name": generation.name.as_str(),
            "material": hex::encode(NEXT_MATERIAL),
            "object": hex::encode(generation.bytes),
        },
        "format": {
            "name": ObjectName::format().as_str(),
            "object": hex::encode(format.encode(&keyring(suite, &[])).unwrap()),
        },
        "raw_slot": slot(&[&ID, &NONCE], &SlotSpec::Raw(Zeroizing::new(RAW))),
        "passphrase_slot": slot(&[&ID, &SALT, &NONCE], &passphrase),
    })
}

/// The whole file.
pub(crate) fn vectors() -> Value {
    let mut padding = [0; 64];
    keyring(SUITES[0], &[])
        .pad_stream(1, &NONCE)
        .unwrap()
        .fill(&mut padding);
    json!({
        "about": [
            "Keys are derived with BLAKE3 in derive_key mode under the contexts that stand as names in `derived`. `nonce` is that of every sealed thing here. Binary values are hexadecimal.",
            "All objects, blocks and slots but `generation` are of key generation 1; `generation` holds the material of generation 1, sealed under generation 2.",
            "The slots were made with id `slot_id`; `passphrase` is text in UTF-8."
        ],
        "root_key": hex::encode(ROOT),
        "derived": derived(&ROOT, &[
            "orlop v1 repository id", "orlop v1 chunk id", "orlop v1 page id", "orlop v1 gear",
            "orlop v1 meta mac", "orlop v1 page split", "orlop v1 hard link",
        ]),
        "material": hex::encode(MATERIAL),
        "derived_from_material": derived(&MATERIAL, &[
            "orlop v1 data key", "orlop v1 tree key", "orlop v1 index key", "orlop v1 log key",
            "orlop v1 wrap key", "orlop v1 pad key", "orlop v1 generation commitment",
        ]),
        "nonce": hex::encode(NONCE),
        "padding_after_footer_with_that_nonce": hex::encode(padding),
        "slot_id": hex::encode(ID),
        "raw_key": hex::encode(RAW),
        "derived_from_raw_key": derived(&RAW, &["orlop v1 slot hint", "orlop v1 slot wrap"]),
        "passphrase": PASSPHRASE,
        "suites": SUITES.map(suite_vectors),
    })
}
