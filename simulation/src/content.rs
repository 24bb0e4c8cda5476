//! Volumes: what their files hold, version by version.

use std::collections::BTreeMap;

use crate::random::Random;

/// Different chunks in all volumes together: few, so that most are stored already.
pub(crate) const CHUNKS: u64 = 48;

/// A file: made of chunks, each known by a number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct File {
    /// Changes whenever the content does, as times do.
    pub(crate) version: u64,
    pub(crate) chunks: Vec<u64>,
}

/// The files of a volume by their names.
pub(crate) type Files = BTreeMap<String, File>;

/// The bytes of a chunk.
pub(crate) fn chunk(number: u64) -> Vec<u8> {
    let len = 120 + usize::try_from(number * 37 % 400).unwrap_or(0);
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&number.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// The bytes of a file.
pub(crate) fn bytes(file: &File) -> Vec<u8> {
    file.chunks
        .iter()
        .flat_map(|number| chunk(*number))
        .collect()
}

/// Changes some files of a volume. What was there in an earlier version often comes back.
pub(crate) fn change(files: &mut Files, random: &mut Random) {
    let count = random.between(1, 4);
    for _ in 0..count {
        let name = format!("file {}", random.below(6));
        if random.chance(150) {
            files.remove(&name);
            continue;
        }
        let len = if random.chance(150) {
            random.between(17, 30)
        } else {
            random.between(1, 5)
        };
        // Neighbours: files share runs, as copies do.
        let first = random.below(CHUNKS);
        let chunks = (0..len).map(|n| (first + n) % CHUNKS).collect();
        let version = random.next() >> 20;
        files.insert(name, File { version, chunks });
    }
    if files.is_empty() {
        let chunks = vec![random.below(CHUNKS)];
        let version = random.next() >> 20;
        files.insert("file 0".to_owned(), File { version, chunks });
    }
}
