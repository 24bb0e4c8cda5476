//! Trees against the published vectors: what is stored today must be read for ever.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/tree_vectors.rs"]
mod tree_vectors;

use orlop_repo::tree::Page;
use serde_json::Value;
use tree_vectors::{keyring, vectors};

fn published() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../format-spec/vectors/tree.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// To write the file anew: `cargo run -p orlop-repo --example tree_vectors`.
#[test]
fn everything_encodes_to_the_published_bytes() {
    assert_eq!(vectors(), published());
}

#[test]
fn published_pages_decode_and_encode_to_themselves() {
    let keys = keyring();
    let published = published();
    let pages = published["pages"].as_array().unwrap();
    assert_eq!(pages.len(), 4);
    for page in pages {
        let stored = bytes(&page["bytes"]);
        assert_eq!(Page::decode(&stored).unwrap().encode(), stored);
        let id = keys.ids().page_id(&stored).to_string();
        assert_eq!(page["id"], id.as_str());
    }
}

#[test]
fn the_keys_are_the_published_ones() {
    let split = hex::encode(keyring().split_key());
    assert_eq!(published()["keys"]["page split"], split.as_str());
}

#[test]
fn what_is_no_page_is_refused() {
    let published = published();
    let refused = published["refused"].as_array().unwrap();
    assert!(refused.len() > 10);
    for case in refused {
        assert!(Page::decode(&bytes(&case[1])).is_err(), "{}", case[0]);
    }
}
