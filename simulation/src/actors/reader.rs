//! Restores a snapshot.

use std::sync::Arc;

use orlop_repo::model::{Extent, SnapshotId};
use orlop_repo::repository::{BlockReader, Elsewhere, Reading, Repository, TreePages};
use orlop_repo::seal::BlockKind;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{Extents, KeyRange, TreeCursor};
use tokio::runtime::Handle;

use super::{Actor, At};
use crate::content::{Files, bytes};

impl Actor {
    /// Reads a live snapshot, announced in the log, and holds it against what it must contain.
    pub(super) fn read_one(&mut self, at: &At) {
        let state = self.runtime.block_on(at.repository.state());
        let live: Vec<SnapshotId> = state.snapshots.keys().copied().collect();
        let Some(id) = self.random.pick(&live).copied() else {
            return;
        };
        let Some(snapshot) = state.snapshots.get(&id) else {
            return;
        };
        let begun = Reading::begin(&at.repository, Some(id), "simulation");
        let reading = match self.runtime.block_on(begun) {
            Ok(reading) => reading,
            // Forgotten since this process has looked.
            Err(error) if error.to_string().contains("not in the repository") => return,
            Err(error) => return self.ends("read", at, Err(error.into())),
        };
        let is_announced = reading.refused().is_none();
        let index = self.index();
        let result = index
            .map_err(Into::into)
            .and_then(|index| restore(&at.repository, &self.runtime, &index, snapshot));
        match result {
            Ok(files) => {
                let right = self.model.lock().snapshots.get(&id).cloned();
                if right.is_some_and(|right| !is_same(&right, &files)) {
                    self.world
                        .is_wrong(format!("I1: snapshot {id:.8} restores to other bytes"));
                }
                self.ends("read", at, Ok(()));
            }
            Err(error) => {
                // Unannounced, or taken for dead, a reader can only hope.
                let hopes = !is_announced || {
                    let oracle = self.world.oracle.lock();
                    oracle.state.sessions.values().all(|s| s.base != Some(id))
                };
                self.excuse("read", &*error, &at.process, at.faults_before(), hopes);
            }
        }
        self.runtime.block_on(reading.end());
    }
}

/// A file's name and content.
pub(crate) type Restored = (String, Vec<u8>);

/// Reads all files of a snapshot.
pub(crate) fn restore(
    repository: &Arc<Repository>,
    runtime: &Handle,
    index: &Arc<orlop_repo::index::LocalIndex>,
    snapshot: &Snapshot,
) -> Result<Vec<Restored>, Box<dyn std::error::Error + Send + Sync>> {
    let index = Arc::clone(index);
    let open = Box::new(move || Ok(Arc::clone(&index)));
    let elsewhere = Arc::new(Elsewhere::new(Arc::clone(repository), snapshot.id, open));
    let pages = TreePages::new(
        Arc::clone(repository),
        runtime.clone(),
        1 << 20,
        Arc::clone(&elsewhere),
    );
    let blocks = BlockReader::new(Arc::clone(repository), BlockKind::Data, 1 << 20);
    let mut files = Vec::new();
    for located in TreeCursor::new(&pages, snapshot.root.0, KeyRange::all()) {
        let entry = located.map_err(|failure| failure.source)?.entry;
        if entry.name.is_empty() {
            continue;
        }
        let mut content = Vec::new();
        for extent in Extents::new(&pages, &entry.content) {
            let Extent::Data(chunk) = extent? else {
                continue;
            };
            let read = match runtime.block_on(blocks.read(&chunk)) {
                Ok(read) => read,
                Err(error) if error.is_damage() => {
                    let other = elsewhere.read(BlockKind::Data, chunk.id, chunk.len, &chunk.place);
                    runtime.block_on(other)?.ok_or(error)?
                }
                Err(error) => return Err(error.into()),
            };
            content.extend_from_slice(&read);
        }
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        files.push((name, content));
    }
    Ok(files)
}

/// Whether files hold what they should.
pub(crate) fn is_same(right: &Files, read: &[Restored]) -> bool {
    right.len() == read.len()
        && read
            .iter()
            .all(|(name, content)| right.get(name).is_some_and(|file| bytes(file) == *content))
}
