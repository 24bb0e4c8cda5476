//! The folders above all snapshots.
//!
//! ```text
//! volumes/VOLUME/TIME-ID/    a snapshot
//! volumes/VOLUME/latest      link to the newest of the volume
//! ids/ID                     link to the snapshot
//! latest                     link to the newest of all
//! ```
//!
//! A snapshot stands in one place, since a folder has one parent; the others are links.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use orlop_repo::model::SnapshotId;
use orlop_repo::snapshot::Snapshot;

use crate::select::SnapshotFilter;

/// Longest name of a file.
const MAX_NAME: usize = 255;

/// All snapshots, by the names of their folders.
#[derive(Default)]
pub(super) struct Catalogue {
    volumes: BTreeMap<Box<[u8]>, Volume>,
    /// Folders of volume and snapshot.
    ids: BTreeMap<SnapshotId, [Box<[u8]>; 2]>,
    latest: Option<SnapshotId>,
    /// Sums over all snapshots: bytes of files, and entries.
    pub(super) totals: (u64, u64),
}

/// The snapshots of a volume, by the names of their folders.
#[derive(Default)]
pub(super) struct Volume {
    pub(super) snapshots: BTreeMap<Box<[u8]>, Arc<Snapshot>>,
    latest: Box<[u8]>,
}

impl Catalogue {
    /// Those of `snapshots` that match.
    pub(super) fn new<'a>(
        snapshots: impl IntoIterator<Item = &'a Snapshot>,
        filter: &SnapshotFilter,
    ) -> Self {
        let mut catalogue = Self::default();
        // Oldest first: the last one is the newest.
        for snapshot in filter.select(snapshots) {
            let (volume, name) = (volume_name(&snapshot.volume), folder_name(snapshot));
            let folder = catalogue.volumes.entry(volume.clone()).or_default();
            folder
                .snapshots
                .insert(name.clone(), Arc::new(snapshot.clone()));
            folder.latest.clone_from(&name);
            catalogue.ids.insert(snapshot.id, [volume, name]);
            catalogue.latest = Some(snapshot.id);
            let (bytes, entries) = totals(snapshot);
            catalogue.totals.0 = catalogue.totals.0.saturating_add(bytes);
            catalogue.totals.1 = catalogue.totals.1.saturating_add(entries);
        }
        catalogue
    }

    /// Names of the volumes' folders, in order.
    pub(super) fn volumes(&self) -> impl Iterator<Item = &[u8]> {
        self.volumes.keys().map(|name| &**name)
    }

    /// The volume with that folder.
    pub(super) fn volume(&self, name: &[u8]) -> Option<&Volume> {
        self.volumes.get(name)
    }

    /// All ids, in order.
    pub(super) fn ids(&self) -> impl Iterator<Item = SnapshotId> {
        self.ids.keys().copied()
    }

    /// Where `ids/ID` points.
    pub(super) fn id_target(&self, id: SnapshotId) -> Option<Vec<u8>> {
        let [volume, name] = self.ids.get(&id)?;
        Some([b"../volumes/", &**volume, b"/", name].concat())
    }

    /// Where `latest` points.
    pub(super) fn latest_target(&self) -> Option<Vec<u8>> {
        let [volume, name] = self.ids.get(&self.latest?)?;
        Some([b"volumes/", &**volume, b"/", name].concat())
    }

    /// Where `latest` of a volume points.
    pub(super) fn latest_of(&self, volume: &[u8]) -> Option<&[u8]> {
        Some(&self.volumes.get(volume)?.latest)
    }
}

/// Bytes of files and number of entries of a snapshot.
pub(super) fn totals(snapshot: &Snapshot) -> (u64, u64) {
    let stats = &snapshot.stats;
    (
        stats.bytes,
        stats
            .files
            .saturating_add(stats.folders)
            .saturating_add(stats.others),
    )
}

/// A volume as a name of a folder: `/` is `%2F`, and `%` is `%25`.
fn volume_name(volume: &str) -> Box<[u8]> {
    let mut name = String::with_capacity(volume.len());
    for char in volume.chars() {
        match char {
            '/' | '%' | '\0' => {
                // Cannot fail.
                let _ = write!(name, "%{:02X}", u32::from(char));
            }
            char => name.push(char),
        }
    }
    if matches!(&*name, "" | "." | "..") {
        name.insert(0, '%');
    }
    if name.len() > MAX_NAME {
        let hash = blake3::hash(volume.as_bytes()).to_hex();
        let end = name.floor_char_boundary(MAX_NAME - 17);
        name.truncate(end);
        name.push('%');
        name.extend(hash.chars().take(16));
    }
    name.into_bytes().into()
}

/// `2026-11-25T10-07-27Z-1a2b3c4d`: when the backup began, in UTC, and the first digits of the id.
/// Without colons, which other programs take for the end of a host's name.
fn folder_name(snapshot: &Snapshot) -> Box<[u8]> {
    let time = i64::try_from(snapshot.started_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let time = match time {
        Some(time) => time.strftime("%Y-%m-%dT%H-%M-%SZ").to_string(),
        None => format!("@{}", snapshot.started_ms),
    };
    format!("{time}-{:.8}", snapshot.id).into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(volume: &str) -> String {
        String::from_utf8(volume_name(volume).into_vec()).unwrap()
    }

    #[test]
    fn volumes_are_names_of_folders() {
        assert_eq!(shown("shop/data"), "shop%2Fdata");
        assert_eq!(shown("100%"), "100%25");
        assert_eq!(shown("a\0b"), "a%00b");
        assert_eq!([shown(""), shown("."), shown("..")], ["%", "%.", "%.."]);
        let (long, other) = ("ä".repeat(300), "ä".repeat(301));
        assert!(shown(&long).len() <= MAX_NAME && shown(&long).starts_with("ää"));
        assert_ne!(shown(&long), shown(&other));
    }
}
