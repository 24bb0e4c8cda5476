//! What an average chunk length costs: the measurement behind `CutParams::DEFAULT`.
//!
//! ```text
//! cargo run --release -p orlop-chunker --example curve              # made data, edited in place
//! cargo run --release -p orlop-chunker --example curve OLD NEW      # two versions of a folder
//! cargo run --release -p orlop-chunker --example curve OLD NEW 8 4  # min = avg/8, max = 4 avg
//! ```
//!
//! The first version is stored, then the second, and the bytes that are new in the second are
//! counted, with 100 bytes of index and lists for each chunk. Lengths are before compression.
#![expect(clippy::print_stdout, reason = "the table is the purpose")]

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use orlop_chunker::{
    ChunkId, CutParams, Cutter, Cutting, GearTable, IdKey, MAX_CHUNK_LEN, Suite, WHOLE_MAX,
};

/// Index entry, footer entry and place in a file's list, in bytes, rounded up.
const METADATA_PER_CHUNK: u64 = 100;

type Files = Vec<Vec<u8>>;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, otherwise: u32| {
        args.get(at)
            .map_or(Ok(otherwise), |text| text.parse::<u32>())
    };
    let (min_divisor, max_factor) = (number(2, 4)?, number(3, 4)?);
    let (old, new) = match (args.first(), args.get(1)) {
        (Some(old), Some(new)) => (read_folder(Path::new(old))?, read_folder(Path::new(new))?),
        _ => made(),
    };

    println!("min = avg/{min_divisor}, max = {max_factor} avg, at most 1 MiB");
    println!(
        "{:>8} {:>9} {:>10} {:>10} {:>12} {:>8} {:>12} {:>14}",
        "avg KiB", "chunks", "mean KiB", "dup MiB", "new MiB", "new %", "meta KiB", "new+meta MiB"
    );
    for kib in [32_u32, 64, 128, 256, 512, 1024] {
        let avg = kib << 10;
        let max = avg.saturating_mul(max_factor).min(MAX_CHUNK_LEN);
        let params = CutParams::new(avg / min_divisor, avg, max)?;
        print_row(kib, params, &old, &new);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn print_row(kib: u32, params: CutParams, old: &Files, new: &Files) {
    const MIB: f64 = 1_048_576.0;
    let table = GearTable::new(&[1; 32]);
    let ids = IdKey::new([2; 32], [3; 32]);
    let content = Cutting::Content(Cutter::new(Suite::DEFAULT, &table, params));

    let mut stored: HashMap<ChunkId, u64> = HashMap::new();
    let (mut count, mut total, mut duplicate) = (0_u64, 0_u64, 0_u64);
    each_chunk(&content, old, |chunk| {
        count += 1;
        total += chunk.len() as u64;
        if stored
            .insert(ids.chunk_id(chunk), chunk.len() as u64)
            .is_some()
        {
            duplicate += chunk.len() as u64;
        }
    });
    let first = stored.len() as u64;
    let (mut uploaded, mut size) = (0_u64, 0_u64);
    each_chunk(&content, new, |chunk| {
        size += chunk.len() as u64;
        if stored
            .insert(ids.chunk_id(chunk), chunk.len() as u64)
            .is_none()
        {
            uploaded += chunk.len() as u64;
        }
    });
    let meta = METADATA_PER_CHUNK * stored.len() as u64;
    let new_meta = METADATA_PER_CHUNK * (stored.len() as u64 - first);
    println!(
        "{kib:>8} {count:>9} {:>10.1} {:>10.1} {:>12.2} {:>8.2} {:>12.1} {:>14.2}",
        total as f64 / 1024.0 / count.max(1) as f64,
        duplicate as f64 / MIB,
        uploaded as f64 / MIB,
        100.0 * uploaded as f64 / size.max(1) as f64,
        meta as f64 / 1024.0,
        (uploaded + new_meta) as f64 / MIB,
    );
}

fn each_chunk(content: &Cutting<'_>, files: &Files, mut see: impl FnMut(&[u8])) {
    for file in files {
        let cutting = if file.len() <= WHOLE_MAX as usize {
            &Cutting::Whole
        } else {
            content
        };
        let mut rest = file.as_slice();
        while let Some(length) = cutting.next_cut(rest, true) {
            let (chunk, behind) = rest.split_at(length);
            see(chunk);
            rest = behind;
        }
    }
}

/// Every regular file below `folder`, in the order of names; links are not followed.
fn read_folder(folder: &Path) -> Result<Files, Box<dyn Error>> {
    let mut files = Vec::new();
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(read_folder(&entry.path())?);
        } else if kind.is_file() {
            files.push(fs::read(entry.path())?);
        }
    }
    Ok(files)
}

/// 16 files of 8 MiB of noise; in the second version 20 edits in each of half of them: a few bytes
/// overwritten, inserted or removed.
fn made() -> (Files, Files) {
    let old: Files = (0_u8..16).map(|name| noise(&[name], 8 << 20)).collect();
    let mut new = old.clone();
    for (name, file) in (0_u8..).zip(&mut new).step_by(2) {
        let choices = noise(&[name, 1], 20 * 8);
        for choice in choices.as_chunks::<8>().0 {
            let [a, b, c, kind, length, ..] = *choice;
            let at = usize::from(a) << 15 | usize::from(b) << 7 | usize::from(c) >> 1;
            let length = usize::from(length);
            let bytes = noise(choice, length);
            match kind % 3 {
                0 => drop(file.splice(at..at + length, bytes)),
                1 => drop(file.splice(at..at, bytes)),
                _ => drop(file.drain(at..at + length)),
            }
        }
    }
    (old, new)
}

fn noise(name: &[u8], length: usize) -> Vec<u8> {
    let mut data = vec![0; length];
    blake3::Hasher::new()
        .update(name)
        .finalize_xof()
        .fill(&mut data);
    data
}
