//! Prints `format-spec/vectors/chunker.json`: cut points and ids of inputs that anybody can make.
//!
//! ```text
//! cargo run -p orlop-chunker --example vectors > format-spec/vectors/chunker.json
//! ```
//!
//! Run it for a new suite only. For a released one the file must never change: other cut points
//! deduplicate nothing.
#![expect(clippy::print_stdout, reason = "the file is the purpose")]

use std::error::Error;

use orlop_chunker::{CutParams, Cutter, GearTable, IdKey, Suite};
use serde_json::{Value, json};

const GEAR_SECRET: [u8; 32] = *b"gear secret of the test vectors.";
const CHUNK_KEY: [u8; 32] = *b"chunk id key of the test vectors";
const PAGE_KEY: [u8; 32] = *b"page id key of the test vectors.";

/// Name, length of the stream, zeros behind it, letters, lengths.
type Case = (&'static str, usize, usize, u8, CutParams);

fn main() -> Result<(), Box<dyn Error>> {
    let small = CutParams::new(256, 1024, 4096)?;
    let cases: [Case; 6] = [
        ("noise", 1 << 20, 0, 0, CutParams::DEFAULT),
        ("odd end", 300_001, 0, 0, CutParams::DEFAULT),
        ("noise, then zeros", 100_000, 700_000, 0, CutParams::DEFAULT),
        ("four letters", 1 << 20, 0, 4, CutParams::DEFAULT),
        ("small chunks", 20_000, 0, 0, small),
        ("shorter than the minimum", 255, 0, 0, small),
    ];
    let cases = cases.iter().map(vector).collect::<Vec<Value>>();
    let file = json!({
        "about": [
            "Input: the first `stream_len` bytes of BLAKE3's extendable output (plain hash mode) \
             over the UTF-8 bytes of `name`; if `letters` is not 0, each byte modulo `letters`; \
             then `zeros` zero bytes.",
            "Gear table: 256 little-endian 64-bit words of BLAKE3's extendable output, keyed with \
             `gear_secret`, over the ASCII bytes `orlop v1 gear`.",
            "`cuts` are the ends of the chunks, the end of the input included. `chunk_ids` are \
             BLAKE3 keyed with `chunk_key` over each chunk, `page_id_of_first_chunk` is keyed with \
             `page_key`. All lengths are bytes, keys and ids are hexadecimal.",
        ],
        "suite": Suite::FastCdc2020.number(),
        "gear_secret": hex(&GEAR_SECRET),
        "chunk_key": hex(&CHUNK_KEY),
        "page_key": hex(&PAGE_KEY),
        "cases": cases,
    });
    println!("{}", serde_json::to_string_pretty(&file)?);
    Ok(())
}

fn vector((name, stream_len, zeros, letters, params): &Case) -> Value {
    let table = GearTable::new(&GEAR_SECRET);
    let key = IdKey::new(CHUNK_KEY, PAGE_KEY);
    let cutter = Cutter::new(Suite::FastCdc2020, &table, *params);

    let mut input = vec![0; *stream_len];
    blake3::Hasher::new()
        .update(name.as_bytes())
        .finalize_xof()
        .fill(&mut input);
    if *letters != 0 {
        for byte in &mut input {
            *byte %= letters;
        }
    }
    input.resize(stream_len + zeros, 0);

    let (mut cuts, mut ids, mut page) = (Vec::new(), Vec::new(), None);
    let mut at = 0;
    while let Some(length) = cutter.next_cut(&input[at..], true) {
        let chunk = &input[at..at + length];
        ids.push(key.chunk_id(chunk).to_string());
        page.get_or_insert_with(|| key.page_id(chunk).to_string());
        at += length;
        cuts.push(at);
    }
    json!({
        "name": name,
        "stream_len": stream_len,
        "letters": letters,
        "zeros": zeros,
        "min": params.min(),
        "avg": params.avg(),
        "max": params.max(),
        "cuts": cuts,
        "chunk_ids": ids,
        "page_id_of_first_chunk": page,
    })
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}
