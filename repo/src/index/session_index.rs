//! The chunks of the running session: who stores which, and where they went.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::model::{ObjectHash, PackName, Place, SessionId};
use crate::pack::{ChunkPrefix, PackDirectory};

use super::cache::{Cache, CacheFolder};
use super::entry::{Entry, Found, PackInfo};
use super::error::IndexError;
use super::file::{LocalFile, cache_error};
use super::merge::{merge, tier, write_run};
use super::page::{PAGE_LEN, ROW_LEN, filter_key};
use super::segment_builder::SegmentBuilder;

/// Shards of the map: some four for each of 16 threads, so that they rarely wait.
const SHARDS: usize = 64;
/// Memory of a chunk in the map and in the directory of its pack, in bytes.
const CHUNK_MEMORY: usize = 100;

/// Whose turn it is to store a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// The caller's, and nobody else's: it calls `publish` or `release`.
    New,
    /// Somebody else is storing it; its place comes with their `publish`.
    Pending,
    /// It stands there already.
    Known(Found),
}

/// The chunks that one session stores. Shared by all threads of its pipeline.
///
/// Memory stays flat: chunks of uploaded packs move to a local file when they take more than the
/// budget, and are then found there.
pub struct SessionIndex {
    session: SessionId,
    budget: usize,
    shards: Vec<Mutex<Shard>>,
    uploaded: Mutex<Uploaded>,
    /// Newest first.
    files: RwLock<Vec<Arc<LocalFile>>>,
    cache: Cache,
}

type Shard = HashMap<ChunkPrefix, State, BuildHasherDefault<PrefixHasher>>;

/// What the map knows of a chunk.
#[derive(Clone, Copy)]
enum State {
    Pending,
    /// The pack is one of the session's: its number is enough.
    At {
        number: u32,
        block_offset: u32,
        block_len: u32,
        offset: u32,
        len: u32,
    },
}

/// Packs that the store has acknowledged.
#[derive(Default)]
struct Uploaded {
    /// Since the last segment was drained.
    undrained: Vec<(PackInfo, Arc<PackDirectory>)>,
    /// Since the last file was written.
    in_memory: Vec<(PackInfo, Arc<PackDirectory>)>,
    chunks: usize,
}

/// Ids are hashes already: a part of one is as good as a hash of it.
#[derive(Default)]
struct PrefixHasher(u64);

impl Hasher for PrefixHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(prefix) = bytes.first_chunk() {
            self.0 = filter_key(prefix);
        }
    }

    fn write_usize(&mut self, _: usize) {
        // The length of the array, always the same.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl SessionIndex {
    /// An empty index of `session` that holds about `memory` bytes; its files are in `folder`,
    /// without names, and count against `cap` bytes there while they are written.
    pub fn new(
        session: SessionId,
        memory: usize,
        folder: &CacheFolder,
        cap: Option<u64>,
    ) -> Result<Self, IndexError> {
        Ok(Self {
            session,
            budget: memory / CHUNK_MEMORY,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            uploaded: Mutex::default(),
            files: RwLock::default(),
            cache: Cache::open(folder, cap)?,
        })
    }

    fn shard(&self, prefix: &ChunkPrefix) -> Option<&Mutex<Shard>> {
        let [first, ..] = prefix;
        self.shards.get(usize::from(*first) % SHARDS)
    }

    fn found(&self, state: State) -> Option<Found> {
        match state {
            State::Pending => None,
            State::At {
                number,
                block_offset,
                block_len,
                offset,
                len,
            } => {
                let pack = PackName {
                    session: self.session,
                    number,
                };
                Some(Found {
                    place: Place {
                        pack,
                        block_offset,
                        block_len,
                        offset,
                    },
                    len,
                })
            }
        }
    }

    /// Asks for the right to store a chunk: of all who ask, exactly one gets it.
    ///
    /// # Errors
    ///
    /// Of the cache; nothing is claimed then.
    pub fn claim(&self, prefix: &ChunkPrefix) -> Result<Claim, IndexError> {
        let Some(shard) = self.shard(prefix) else {
            return Ok(Claim::New);
        };
        let mut shard = shard.lock();
        match shard.entry(*prefix) {
            Slot::Occupied(slot) => {
                Ok(self.found(*slot.get()).map_or(Claim::Pending, Claim::Known))
            }
            // Under the lock: a chunk moves to a file before it leaves the map.
            Slot::Vacant(slot) => {
                if let Some(found) = self.find_in_files(prefix)? {
                    return Ok(Claim::Known(found));
                }
                slot.insert(State::Pending);
                Ok(Claim::New)
            }
        }
    }

    /// Tells where a claimed chunk stands, as soon as its block is in a pack of this session.
    pub fn publish(&self, prefix: &ChunkPrefix, found: Found) {
        let Found { place, len } = found;
        let Place {
            pack,
            block_offset,
            block_len,
            offset,
        } = place;
        if let Some(shard) = self.shard(prefix) {
            let at = State::At {
                number: pack.number,
                block_offset,
                block_len,
                offset,
                len,
            };
            shard.lock().insert(*prefix, at);
        }
    }

    /// Gives a claim back, so that somebody else may store the chunk. What was published stays.
    pub fn release(&self, prefix: &ChunkPrefix) {
        if let Some(shard) = self.shard(prefix) {
            let mut shard = shard.lock();
            if matches!(shard.get(prefix), Some(State::Pending)) {
                shard.remove(prefix);
            }
        }
    }

    /// Where a chunk of this session stands; `None` while it is pending.
    pub fn find(&self, prefix: &ChunkPrefix) -> Result<Option<Found>, IndexError> {
        let Some(shard) = self.shard(prefix) else {
            return Ok(None);
        };
        let shard = shard.lock();
        match shard.get(prefix) {
            Some(&state) => Ok(self.found(state)),
            None => self.find_in_files(prefix),
        }
    }

    fn find_in_files(&self, prefix: &ChunkPrefix) -> Result<Option<Found>, IndexError> {
        let mut place = None;
        for file in self.files.read().iter() {
            file.lookup(prefix, |found| {
                place = Some(found);
                false
            })?;
        }
        Ok(place)
    }

    /// Notes that the store has acknowledged a pack. May write a file: call it where that is
    /// allowed to take its time.
    ///
    /// # Errors
    ///
    /// Of the cache; the pack is noted all the same, and stays in memory.
    pub fn uploaded(
        &self,
        directory: Arc<PackDirectory>,
        hash: ObjectHash,
    ) -> Result<(), IndexError> {
        let mut uploaded = self.uploaded.lock();
        let info = PackInfo::new(&directory, hash);
        uploaded.chunks += directory.chunk_count();
        uploaded.undrained.push((info, Arc::clone(&directory)));
        uploaded.in_memory.push((info, directory));
        if uploaded.chunks <= self.budget {
            return Ok(());
        }
        self.write_file(&uploaded.in_memory, uploaded.chunks)?;
        for (_, directory) in uploaded.in_memory.drain(..) {
            for chunk in directory.chunks() {
                if let Some(shard) = self.shard(&chunk.prefix) {
                    shard.lock().remove(&chunk.prefix);
                }
            }
        }
        for shard in &self.shards {
            shard.lock().shrink_to_fit();
        }
        uploaded.chunks = 0;
        Ok(())
    }

    /// Writes packs to a file, and merges the files if that is due.
    ///
    /// Without room for it nothing is written: the chunks are then stored again if they come
    /// again, which costs space and no memory.
    fn write_file(
        &self,
        packs: &[(PackInfo, Arc<PackDirectory>)],
        chunks: usize,
    ) -> Result<(), IndexError> {
        let in_files: u64 = self.files.read().iter().map(|file| file.len()).sum();
        if !self
            .cache
            .has_room(in_files + (chunks * (ROW_LEN + 2) + 16 * PAGE_LEN) as u64)?
        {
            return Ok(());
        }
        let mut entries = Vec::with_capacity(chunks);
        for (number, (_, directory)) in (0..).zip(packs) {
            entries.extend(directory.chunks().map(|chunk| Entry {
                prefix: chunk.prefix,
                pack: number,
                block_offset: chunk.place.block_offset,
                offset: chunk.place.offset,
                block_len: chunk.place.block_len,
                len: chunk.len,
            }));
        }
        let infos: Vec<PackInfo> = packs.iter().map(|(info, _)| *info).collect();
        let file = write_run(self.cache.path(), &infos, entries, Vec::new())?;
        let mut files = self.files.read().clone();
        files.insert(0, Arc::new(open_unnamed(&file)?));
        files.sort_by_key(|file| file.entries());
        let sizes: Vec<u64> = files.iter().map(|file| file.entries()).collect();
        let small: Vec<_> = files.drain(..tier(&sizes)).collect();
        if !small.is_empty() {
            let merged = merge(self.cache.path(), &small, |_| false)?;
            files.push(Arc::new(open_unnamed(&merged)?));
        }
        *self.files.write() = files;
        Ok(())
    }

    /// The bodies of segments that list the packs uploaded since the last call: what a checkpoint
    /// stores before it names these packs.
    ///
    /// Once the bodies are given they are not given again: a caller that cannot store them ends
    /// the session.
    pub fn drain_segments(&self) -> Vec<Vec<u8>> {
        let packs = std::mem::take(&mut self.uploaded.lock().undrained);
        let mut builder = SegmentBuilder::new();
        for (info, directory) in packs {
            builder.add_directory(&directory, info.hash);
        }
        builder.finish()
    }
}

/// Opens a file whose name goes with `file`: its space is free when it is closed.
fn open_unnamed(file: &tempfile::NamedTempFile) -> Result<LocalFile, IndexError> {
    let open = file
        .as_file()
        .try_clone()
        .map_err(cache_error(file.path(), "open it"))?;
    LocalFile::new(file.path(), open, true)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::segment_tests::prefix;
    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::index::Segment;
    use crate::keys::Keyring;
    use crate::pack::{PackBuilder, PackEnd};
    use crate::seal::{BlockKind, Suite};

    const SESSION: SessionId = SessionId::from_bytes([3; 16]);

    fn index(memory: usize, folder: &std::path::Path) -> SessionIndex {
        SessionIndex::new(SESSION, memory, &CacheFolder::Kept(folder.to_owned()), None).unwrap()
    }

    /// Claims chunks, packs them and publishes their places; gives the pack.
    fn store(
        index: &SessionIndex,
        keyring: &Keyring,
        number: u32,
        chunks: &[[u8; 8]],
    ) -> (Arc<PackDirectory>, ObjectHash) {
        let name = PackName {
            session: SESSION,
            number,
        };
        let mut builder =
            PackBuilder::new(name, BlockKind::Data, Suite::XChaCha20Poly1305, 1 << 20);
        let ids: Vec<_> = chunks
            .iter()
            .map(|chunk| (keyring.ids().chunk_id(chunk), 8))
            .collect();
        for (id, _) in &ids {
            assert_eq!(index.claim(&id.prefix()).unwrap(), Claim::New);
        }
        let places = builder.add_block(vec![0; 100].into(), &ids).unwrap();
        for ((id, len), place) in ids.iter().zip(places) {
            index.publish(&id.prefix(), Found { place, len: *len });
        }
        let pack = builder.finish(keyring, PackEnd::Early).unwrap();
        (Arc::new(pack.directory), pack.hash)
    }

    #[test]
    fn of_many_who_claim_a_chunk_exactly_one_stores_it() {
        let folder = tempfile::tempdir().unwrap();
        let index = index(1 << 20, folder.path());
        let winners = AtomicUsize::new(0);
        let barrier = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    for chunk in 0..2000 {
                        let prefix = prefix(chunk);
                        if index.claim(&prefix).unwrap() == Claim::New {
                            winners.fetch_add(1, Ordering::Relaxed);
                            let pack = PackName {
                                session: SESSION,
                                number: 1,
                            };
                            let place = Place {
                                pack,
                                block_offset: 16,
                                block_len: 50,
                                offset: 0,
                            };
                            index.publish(&prefix, Found { place, len: 1 });
                        }
                    }
                });
            }
        });
        assert_eq!(winners.into_inner(), 2000);
        assert!(matches!(index.claim(&prefix(5)).unwrap(), Claim::Known(_)));
    }

    #[test]
    fn a_released_claim_can_be_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let index = index(1 << 20, folder.path());
        assert_eq!(index.claim(&prefix(1)).unwrap(), Claim::New);
        assert_eq!(index.claim(&prefix(1)).unwrap(), Claim::Pending);
        assert_eq!(index.find(&prefix(1)).unwrap(), None);
        index.release(&prefix(1));
        assert_eq!(index.claim(&prefix(1)).unwrap(), Claim::New);
    }

    #[test]
    fn chunks_that_left_memory_are_known_and_every_pack_is_drained_once() {
        let folder = tempfile::tempdir().unwrap();
        // 20 chunks are more than the budget.
        let index = index(20 * CHUNK_MEMORY, folder.path());
        let keyring =
            Keyring::generate(Arc::new(SeededEntropy::new(1)), Suite::XChaCha20Poly1305).unwrap();
        let (mut all, mut drained) = (Vec::new(), Vec::new());
        for number in 0..30u32 {
            let chunks: Vec<[u8; 8]> = (0..7u64)
                .map(|chunk| (u64::from(number) * 7 + chunk).to_le_bytes())
                .collect();
            let (directory, hash) = store(&index, &keyring, number, &chunks);
            all.extend(directory.chunks());
            index.uploaded(directory, hash).unwrap();
            if number % 4 == 3 {
                drained.extend(index.drain_segments());
            }
            let in_memory: usize = index.shards.iter().map(|shard| shard.lock().len()).sum();
            assert!(in_memory <= 27, "{in_memory}");
        }
        drained.extend(index.drain_segments());
        assert!(index.drain_segments().is_empty());
        for chunk in &all {
            let found = Found {
                place: chunk.place,
                len: chunk.len,
            };
            assert_eq!(index.claim(&chunk.prefix).unwrap(), Claim::Known(found));
            assert_eq!(index.find(&chunk.prefix).unwrap(), Some(found));
        }
        let mut listed: Vec<_> = drained
            .into_iter()
            .flat_map(|body| Segment::parse(body.into()).unwrap().packs().to_vec())
            .map(|pack| pack.name.number)
            .collect();
        listed.sort_unstable();
        assert!(listed.into_iter().eq(0..30));
        assert!(index.files.read().len() < 5, "files are merged");
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "files have no names"
        );
    }
}
