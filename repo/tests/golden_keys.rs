//! Keys, sealing and slots against the published vectors: what is stored today must open for ever.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/key_vectors.rs"]
mod key_vectors;

use key_vectors::{OBJECTS, PASSPHRASE, RAW, SUITES, format, keyring, vectors};
use orlop_repo::format_object::Format;
use orlop_repo::keys::{Keyring, Material, RootKey};
use orlop_repo::seal::{BlockKind, Suite};
use orlop_repo::slots::{Credential, OpenOptions, open_slot};
use serde_json::Value;
use zeroize::Zeroizing;

fn published() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../format-spec/vectors/keys.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn each_suite(test: impl Fn(Suite, &Value)) {
    for (suite, value) in SUITES
        .into_iter()
        .zip(published()["suites"].as_array().unwrap())
    {
        test(suite, value);
    }
}

/// To write the file anew: `cargo run -p orlop-repo --example key_vectors`.
#[test]
fn everything_encodes_to_the_published_bytes() {
    assert_eq!(vectors(), published());
}

#[test]
fn the_keys_of_the_root_are_the_published_ones() {
    let published = published();
    let derived = &published["derived"];
    let keyring = keyring(SUITES[0], &[]);
    assert_eq!(
        keyring.repository_id().to_string(),
        text(&derived["orlop v1 repository id"])
    );
    for (key, context) in [
        (keyring.gear_secret(), "orlop v1 gear"),
        (keyring.meta_key(), "orlop v1 meta mac"),
        (keyring.split_key(), "orlop v1 page split"),
        (keyring.link_key(), "orlop v1 hard link"),
    ] {
        assert_eq!(hex::encode(key), text(&derived[context]), "{context}");
    }
    for (id, context) in [
        (keyring.ids().chunk_id(b"x"), "orlop v1 chunk id"),
        (keyring.ids().page_id(b"x"), "orlop v1 page id"),
    ] {
        let key = bytes(&derived[context]).try_into().unwrap();
        assert_eq!(
            id.as_bytes(),
            blake3::keyed_hash(&key, b"x").as_bytes(),
            "{context}"
        );
    }
}

#[test]
fn published_objects_and_blocks_open() {
    each_suite(|suite, value| {
        let keyring = keyring(suite, &[]);
        for ((kind, name, body), object) in OBJECTS.iter().zip(value["objects"].as_array().unwrap())
        {
            let opened = keyring
                .open_object(*kind, name, &bytes(&object["sealed"]))
                .unwrap();
            assert_eq!(opened, body.as_bytes());
        }
        for (kind, block) in [BlockKind::Data, BlockKind::Tree]
            .into_iter()
            .zip(value["blocks"].as_array().unwrap())
        {
            let opened = keyring.open_block(kind, &bytes(&block["stored"])).unwrap();
            assert_eq!(opened, text(&block["body"]).as_bytes());
        }
    });
}

#[test]
fn the_published_generation_object_gives_the_generation_before() {
    each_suite(|suite, value| {
        let first = keyring(suite, &[]);
        let material: [u8; 32] = bytes(&value["generation"]["material"]).try_into().unwrap();
        let second = Keyring::from_parts(
            first.entropy().clone(),
            suite,
            RootKey::from_bytes(Zeroizing::new(*first.root_key().as_bytes())),
            (2, Material::from_bytes(Zeroizing::new(material))),
            [],
        );
        second
            .add_older(2, &bytes(&value["generation"]["object"]))
            .unwrap();
        let block = bytes(&value["blocks"][0]["stored"]);
        assert_eq!(
            second.open_block(BlockKind::Data, &block).unwrap(),
            b"two chunks"
        );
    });
}

#[test]
fn the_published_format_object_and_slots_open() {
    each_suite(|suite, value| {
        let keyring = keyring(suite, &[]);
        let object = bytes(&value["format"]["object"]);
        assert_eq!(Format::open(&object, &keyring).unwrap(), format(suite));
        for (slot, credential) in [
            ("raw_slot", Credential::Raw(Zeroizing::new(RAW))),
            (
                "passphrase_slot",
                Credential::Passphrase(Zeroizing::new(PASSPHRASE.to_owned())),
            ),
        ] {
            let slot = &value[slot];
            let options = OpenOptions {
                expect: Some(keyring.repository_id()),
                ..OpenOptions::default()
            };
            let opened = open_slot(
                text(&slot["name"]),
                &bytes(&slot["object"]),
                &[credential],
                &options,
            );
            let opened = opened.map_err(|error| error.to_string()).ok().unwrap();
            assert_eq!(opened.slot().label(), "golden");
            let opened = opened.into_keyring(keyring.entropy().clone());
            assert_eq!(opened.current_generation(), 1);
            let block = bytes(&value["blocks"][1]["stored"]);
            assert_eq!(
                opened.open_block(BlockKind::Tree, &block).unwrap(),
                b"two chunks"
            );
        }
    });
}
