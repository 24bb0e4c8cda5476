//! Volumes whose content at each step is known from their number and that of the step.

use std::collections::BTreeMap;
use std::path::Path;

/// Files of a volume.
const FILES: u64 = 24;
/// Contents that volumes have in common. They come and go, so that what one backup needs was
/// stored by another one, and may be on its way out.
const COMMON: u64 = 30;

/// The files of volume `volume` at step `step`: names, and seeds and lengths of their contents.
fn files(volume: usize, step: u64) -> BTreeMap<String, (String, usize)> {
    (0..FILES)
        .map(|n| {
            // A file in three changes with each step.
            let version = (step + n) / 3;
            let seed = if n % 2 == 0 {
                let number = (version * 7 + n * 5 + volume as u64) % COMMON;
                format!("common {number}")
            } else {
                format!("own {volume} {n} {version}")
            };
            let hash = blake3::hash(seed.as_bytes());
            let random = u32::from_le_bytes(*hash.as_bytes().first_chunk().unwrap());
            // Some small, some of several chunks.
            let len = match random % 4 {
                0 => random % 5_000,
                1 | 2 => random % 60_000,
                _ => random % 400_000,
            };
            (format!("folder {}/file {n}", n % 5), (seed, len as usize))
        })
        .collect()
}

fn content(seed: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(seed.as_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// Makes `folder` hold the volume at step `step`; what stays is not touched.
pub(crate) fn write(folder: &Path, volume: usize, step: u64) {
    let before = step.checked_sub(1).map(|step| files(volume, step));
    for (name, (seed, len)) in files(volume, step) {
        let same = |before: &BTreeMap<String, (String, usize)>| {
            before.get(&name).is_some_and(|(other, _)| *other == seed)
        };
        if before.as_ref().is_some_and(same) {
            continue;
        }
        let path = folder.join(&name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content(&seed, len)).unwrap();
    }
}

/// Fails the test unless `folder` holds the volume at step `step`, and nothing else.
#[track_caller]
pub(crate) fn assert_is(folder: &Path, volume: usize, step: u64) {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    let files = files(volume, step);
    assert!(found.iter().eq(files.keys()), "{found:?}");
    for (name, (seed, len)) in files {
        let restored = std::fs::read(folder.join(&name)).unwrap();
        assert!(
            restored == content(&seed, len),
            "volume {volume}, step {step}: {name}"
        );
    }
}
