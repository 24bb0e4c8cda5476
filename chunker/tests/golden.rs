//! Cut points and ids against the published vectors: what is stored today must deduplicate for ever.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use orlop_chunker::{CutParams, Cutter, GearTable, IdKey, Suite};
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../format-spec/vectors/chunker.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn key(vectors: &Value, name: &str) -> [u8; 32] {
    let hex = vectors[name].as_str().unwrap();
    assert_eq!(hex.len(), 64);
    std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
}

fn number<T: TryFrom<u64>>(case: &Value, name: &str) -> T {
    T::try_from(case[name].as_u64().unwrap()).unwrap_or_else(|_| panic!("{name} is out of range"))
}

/// Makes the input as the file's `about` says.
fn input(case: &Value) -> Vec<u8> {
    let mut input = vec![0; number(case, "stream_len")];
    let name = case["name"].as_str().unwrap();
    blake3::Hasher::new()
        .update(name.as_bytes())
        .finalize_xof()
        .fill(&mut input);
    let letters: u8 = number(case, "letters");
    if letters != 0 {
        for byte in &mut input {
            *byte %= letters;
        }
    }
    let zeros: usize = number(case, "zeros");
    input.resize(input.len() + zeros, 0);
    input
}

#[test]
fn cuts_and_ids_are_the_published_ones() {
    let vectors = vectors();
    let suite = Suite::from_number(number(&vectors, "suite")).unwrap();
    let table = GearTable::new(&key(&vectors, "gear_secret"));
    let ids = IdKey::new(key(&vectors, "chunk_key"), key(&vectors, "page_key"));
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);

    for case in cases {
        let name = &case["name"];
        let [min, avg, max] = ["min", "avg", "max"].map(|length| number(case, length));
        let cutter = Cutter::new(suite, &table, CutParams::new(min, avg, max).unwrap());
        let input = input(case);

        let (mut cuts, mut found) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(length) = cutter.next_cut(&input[at..], true) {
            found.push(ids.chunk_id(&input[at..at + length]).to_string());
            at += length;
            cuts.push(at);
        }
        assert_eq!(Value::from(cuts.clone()), case["cuts"], "cuts of {name}");
        assert_eq!(Value::from(found), case["chunk_ids"], "ids of {name}");
        let page = ids.page_id(&input[..cuts[0]]).to_string();
        assert_eq!(
            Value::from(page),
            case["page_id_of_first_chunk"],
            "page id of {name}"
        );
    }
}

#[test]
fn the_vectors_hold_the_default_lengths() {
    let vectors = vectors();
    let case = &vectors["cases"][0];
    let [min, avg, max] = ["min", "avg", "max"].map(|length| number(case, length));
    assert_eq!(CutParams::new(min, avg, max).unwrap(), CutParams::DEFAULT);
}
