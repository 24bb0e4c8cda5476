//! Backs a volume up: a thin writer over the engine's own sessions, packs, index and log.
//!
//! It does what the agent's pipeline does, in its order, on one thread: kills its predecessor,
//! adopts what dead sessions of the volume left, takes files over whose version is that of the base
//! or of an adopted tree, and looks the chunks of the others up.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;
use orlop_repo::flaws::{Flaw, is_left_out};
use orlop_repo::index::{LocalIndex, SegmentBuilder, read_segment};
use orlop_repo::keys::BlockOptions;
use orlop_repo::log::{Invalid, Role, State};
use orlop_repo::model::{ChunkRef, Extent, SessionId, SnapshotId};
use orlop_repo::pack::{PackBuilder, PackEnd};
use orlop_repo::repository::{
    Elsewhere, Repository, Session, SessionError, SessionRequest, TreePages,
};
use orlop_repo::seal::{BlockKind, Compression};
use orlop_repo::snapshot::{RootRef, Snapshot, Statistics, VolumeKind};
use orlop_repo::tree::{
    ContentBuilder, Entry, EntryKey, EntryKind, FileClass, PageSink, Timestamp, TreeBuilder, lookup,
};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::{Actor, At};
use crate::content::{CHUNKS, Files, change, chunk};
use crate::random::Random;
use crate::world::World;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How blocks are sealed.
const SEAL: BlockOptions = BlockOptions {
    compression: Compression::Fast,
    verify: true,
};
/// Small packs that make more segments than this are merged.
const SEGMENTS: usize = 5;

/// A backup under way.
struct Backup {
    repository: Arc<Repository>,
    session: Arc<Session>,
    world: Arc<World>,
    runtime: Handle,
    index: Arc<LocalIndex>,
    /// What this session has stored.
    own: HashMap<ChunkId, ChunkRef>,
    data: Option<PackBuilder>,
    tree: Option<PackBuilder>,
    segment: SegmentBuilder,
    /// Chunks that were looked up while a checkpoint was on its way.
    ahead: Arc<Mutex<HashMap<ChunkId, ChunkRef>>>,
    options: Options,
}

/// What a backup does, drawn beforehand.
#[derive(Clone, Copy)]
struct Options {
    /// Blocks of a pack.
    blocks: usize,
    /// Whether the source is a pipe: nothing is taken over.
    is_pipe: bool,
}

/// What a session began with: what its last request said, as the agent keeps it.
#[derive(Default)]
struct Begun {
    base: Option<(SnapshotId, RootRef)>,
    adopts: Vec<SessionId>,
    /// Trees of those that it adopts.
    partials: Vec<RootRef>,
}

impl Actor {
    /// Backs up one of the volumes, changed.
    pub(super) fn back_up(&mut self, at: &At) {
        let (volume, files) = {
            let mut model = self.model.lock();
            let volume = usize::try_from(self.random.below(model.volumes.len() as u64));
            let volume = volume.unwrap_or(0);
            let Some(files) = model.volumes.get_mut(volume) else {
                return;
            };
            change(files, &mut self.random);
            (format!("volume {volume}"), files.clone())
        };
        let session = self.begin(at, &volume);
        let (session, begun) = match session {
            Ok(session) => session,
            Err(error) => {
                return self.excuse("begin", &*error, &at.process, at.faults_before(), false);
            }
        };
        let id = session.id();
        self.orphan = Some(id);
        let result = self.save(at, &session, begun, &volume, &files);
        self.world.oracle.lock().lets_go(id);
        at.process.meanwhile(None);
        match result {
            Ok(Some(snapshot)) => {
                self.orphan = None;
                let reported = self.world.oracle.lock().reports(snapshot);
                if let Err(wrong) = reported {
                    self.world.is_wrong(wrong);
                }
                self.ends("backup", at, Ok(()));
            }
            Ok(None) => {
                self.orphan = None;
                self.ends("backup, given up", at, Ok(()));
            }
            Err(error) => {
                let killed = self.was_killed(id);
                self.excuse("backup", &*error, &at.process, at.faults_before(), killed);
            }
        }
    }

    /// Opens a session as the agent does.
    fn begin(&mut self, at: &At, volume: &str) -> Result<(Arc<Session>, Begun), Failure> {
        let repository = &at.repository;
        let known_dead = self.orphan.filter(|_| self.random.chance(700));
        if let Some(dead) = known_dead {
            let kill = Session::kill(Arc::clone(repository), dead);
            self.runtime.block_on(kill)?;
        }
        let without_base = self.random.chance(150);
        let adopts_none = self.random.chance(150);
        let role = |state: &State| {
            let newest = state
                .snapshots
                .values()
                .filter(|snapshot| snapshot.volume == volume && !without_base)
                .max_by_key(|snapshot| snapshot.finished_ms);
            let dead = state.sessions.iter().filter(|(id, session)| {
                session.dead
                    && session.role == Role::Writer
                    && session.volume.as_deref() == Some(volume)
                    && state.adoptable(**id).is_ok()
            });
            SessionRequest {
                role: Role::Writer,
                base: newest.map(|snapshot| snapshot.id),
                adopts: dead.map(|(id, _)| *id).filter(|_| !adopts_none).collect(),
                owner: None,
                client: "simulation".to_owned(),
                volume: Some(volume.to_owned()),
            }
        };
        let mut begun = Begun::default();
        let mut request = |state: &State| {
            let request = role(state);
            let base = request.base.and_then(|id| state.snapshots.get(&id));
            let partial = |id: &SessionId| state.sessions.get(id)?.partial;
            begun = Begun {
                base: base.map(|snapshot| (snapshot.id, snapshot.root)),
                partials: request.adopts.iter().filter_map(partial).collect(),
                adopts: request.adopts.clone(),
            };
            Ok::<_, SessionError>(request)
        };
        let again = known_dead.filter(|_| is_left_out(Flaw::NamesReused));
        let reused = match again {
            Some(dead) => {
                let begun = Session::begin_as(Arc::clone(repository), dead, &mut request);
                match self.runtime.block_on(begun) {
                    Err(SessionError::Invalid(Invalid::SessionExists(_))) => None,
                    begun => Some(begun?),
                }
            }
            None => None,
        };
        let session = match reused {
            Some(session) => session,
            None => self
                .runtime
                .block_on(Session::begin(Arc::clone(repository), &mut request))?,
        };
        Ok((Arc::new(session), begun))
    }

    /// Does the work of a session; gives the snapshot, or nothing if it gave up of its own accord.
    fn save(
        &mut self,
        at: &At,
        session: &Arc<Session>,
        begun: Begun,
        volume: &str,
        files: &Files,
    ) -> Result<Option<SnapshotId>, Failure> {
        let repository = Arc::clone(&at.repository);
        let base = begun.base.map(|(id, _)| id);
        let options = Options {
            blocks: usize::try_from(self.random.between(1, 5)).unwrap_or(1),
            is_pipe: self.random.chance(self.habits.pipes),
        };
        let mut backup = Backup {
            repository: Arc::clone(&repository),
            session: Arc::clone(session),
            world: Arc::clone(&self.world),
            runtime: self.runtime.clone(),
            index: self.index()?,
            own: HashMap::new(),
            data: None,
            tree: None,
            segment: SegmentBuilder::new(),
            ahead: Arc::default(),
            options,
        };
        let mut dead = begun.adopts;
        dead.extend(self.orphan.filter(|id| *id != session.id()));
        let state = self.runtime.block_on(repository.state());
        backup.adopt_orphans(&state, &dead)?;
        let state = self.runtime.block_on(repository.state());
        let synced = repository.sync_index::<Failure>(&backup.index, state);
        self.runtime.block_on(synced)?;
        // Trees to take entries over from: of sessions that were cut off, and of the base.
        let of_base = begun.base.map(|(_, root)| root);
        let roots: Vec<_> = begun
            .partials
            .into_iter()
            .chain(of_base)
            .map(|root| root.0)
            .collect();
        let pages = backup.pages(base);
        let mut tree = TreeBuilder::new(Arc::clone(repository.keys()));
        tree.push(
            b"",
            &Entry::new(b"".to_vec(), EntryKind::Folder),
            &mut backup,
        )
        .map_err(|error| error.to_string())?;
        let mut ended_by_itself = self.random.chance(self.habits.gives_up);
        for (name, file) in files {
            let old = roots.iter().filter(|_| !options.is_pipe).find_map(|root| {
                let key = EntryKey::new(b"", name.as_bytes()).ok()?;
                lookup(&pages, root, &key)
                    .map_err(|failure| Box::new(failure.source) as Failure)
                    .transpose()
            });
            let entry = match old.transpose()? {
                Some(old) if old.mtime.secs == i64::try_from(file.version).unwrap_or(0) => old,
                _ => backup.store(name, file)?,
            };
            tree.push(b"", &entry, &mut backup)
                .map_err(|error| error.to_string())?;
            if self.random.chance(self.habits.checkpoints) {
                let root = tree.clone().finish(&mut backup);
                let root = root.map_err(|error| error.to_string())?.root;
                backup.close()?;
                if self.habits.looks_ahead {
                    // What comes next is looked up while this is on its way.
                    backup.look_ahead(at, &mut self.random);
                }
                let named = session.checkpoint(Some(RootRef(root)));
                self.runtime.block_on(named)?;
                at.process.meanwhile(None);
            }
            if ended_by_itself && self.random.chance(300) {
                backup.close()?;
                self.runtime.block_on(session.checkpoint(None))?;
                self.runtime.block_on(session.end())?;
                return Ok(None);
            }
        }
        ended_by_itself &= self.random.chance(500);
        let root = tree
            .finish(&mut backup)
            .map_err(|error| error.to_string())?;
        backup.close()?;
        backup.merge()?;
        if ended_by_itself {
            self.runtime.block_on(session.end())?;
            return Ok(None);
        }
        let mut id = [0; SnapshotId::LEN];
        repository.entropy().fill(&mut id)?;
        let id = SnapshotId::from_bytes(id);
        self.model.lock().snapshots.insert(id, files.clone());
        let now = self.world.scheduler.now_ms();
        let snapshot = record(id, volume, base, root.root, now);
        self.runtime.block_on(session.commit(snapshot))?;
        Ok(Some(id))
    }
}

/// A snapshot that was made at `now`.
fn record(
    id: SnapshotId,
    volume: &str,
    parent: Option<SnapshotId>,
    root: ChunkRef,
    now: u64,
) -> Snapshot {
    Snapshot {
        id,
        started_ms: now,
        finished_ms: now,
        volume: volume.to_owned(),
        tags: std::collections::BTreeMap::new(),
        parent,
        root: RootRef(root),
        stats: Statistics::default(),
        problems: Vec::new(),
        problem_count: 0,
        engine: "simulation".to_owned(),
        owner: None,
        kind: VolumeKind::Folder,
        source: b"/".to_vec(),
    }
}

impl Backup {
    /// Packs that dead sessions stored and no entry names are verified and named.
    fn adopt_orphans(&mut self, state: &State, dead: &[SessionId]) -> Result<(), Failure> {
        let mut builder = SegmentBuilder::new();
        for &session in dead {
            let found = self.repository.orphan_packs(state, session);
            let Ok(found) = self.runtime.block_on(found) else {
                continue;
            };
            for orphan in found {
                let verified = self.runtime.block_on(self.repository.verify_orphan(orphan));
                if let Ok((directory, hash)) = verified {
                    builder.add_directory(&directory, hash);
                    self.session.adopt(orphan.name);
                }
            }
        }
        if builder.is_empty() {
            return Ok(());
        }
        for body in builder.finish() {
            self.runtime.block_on(self.session.upload_segment(&body))?;
        }
        Ok(self.runtime.block_on(self.session.checkpoint(None))?)
    }

    fn pages(&self, base: Option<SnapshotId>) -> TreePages {
        let index = Arc::clone(&self.index);
        let open = Box::new(move || Ok(Arc::clone(&index)));
        let elsewhere = Elsewhere::new(Arc::clone(&self.repository), base, open);
        TreePages::new(
            Arc::clone(&self.repository),
            self.runtime.clone(),
            1 << 20,
            Arc::new(elsewhere),
        )
    }

    /// Stores a file: chunks that are there already are relied on.
    fn store(&mut self, name: &str, file: &crate::content::File) -> Result<Entry, Failure> {
        let keys = Arc::clone(self.repository.keys());
        let mut fresh: Vec<(ChunkId, Vec<u8>)> = Vec::new();
        let mut ids = Vec::new();
        for number in &file.chunks {
            let bytes = chunk(*number);
            let id = keys.ids().chunk_id(&bytes);
            ids.push(id);
            let is_known = self.own.contains_key(&id)
                || fresh.iter().any(|(fresh, _)| *fresh == id)
                || self.known(id, bytes.len())?;
            if !is_known {
                fresh.push((id, bytes));
            }
        }
        for block in fresh.chunks(3) {
            let parts: Vec<&[u8]> = block.iter().map(|(_, bytes)| bytes.as_slice()).collect();
            let sealed = keys.seal_block(BlockKind::Data, &parts, SEAL)?;
            let chunks: Vec<_> = block
                .iter()
                .map(|(id, bytes)| (*id, u32::try_from(bytes.len()).unwrap_or(u32::MAX)))
                .collect();
            self.add(BlockKind::Data, sealed.bytes.into(), &chunks)?;
        }
        let mut content = ContentBuilder::new(keys, FileClass::General);
        for id in ids {
            let known = self.own.get(&id).copied();
            let known = known.ok_or("a chunk has no place")?;
            content.push(Extent::Data(known), self)?;
        }
        let mut entry = Entry::new(name.as_bytes().to_vec(), EntryKind::File);
        entry.size = content.len();
        entry.mtime = Timestamp {
            secs: i64::try_from(file.version).unwrap_or(0),
            nanos: 0,
        };
        entry.content = content.finish(self)?;
        Ok(entry)
    }

    /// Looks a chunk up; from then on it is relied on.
    fn known(&mut self, id: ChunkId, len: usize) -> Result<bool, Failure> {
        if let Some(found) = self.ahead.lock().remove(&id) {
            self.own.insert(id, found);
            return Ok(true);
        }
        let found = find(&self.index, &self.session, &self.world, id, len)?;
        let is_known = found.is_some();
        self.own.extend(found.map(|found| (id, found)));
        Ok(is_known)
    }

    /// Has chunks looked up before each request from here on, as workers do while a checkpoint is
    /// on its way.
    fn look_ahead(&self, at: &At, random: &mut Random) {
        let mut wanted: Vec<u64> = (0..CHUNKS).collect();
        for at in (1..wanted.len()).rev() {
            let other = usize::try_from(random.below(at as u64 + 1)).unwrap_or(0);
            wanted.swap(at, other);
        }
        let (index, session) = (Arc::clone(&self.index), Arc::clone(&self.session));
        let (world, ahead) = (Arc::clone(&self.world), Arc::clone(&self.ahead));
        let keys = Arc::clone(self.repository.keys());
        let own: std::collections::HashSet<_> = self.own.keys().copied().collect();
        at.process.meanwhile(Some(Box::new(move || {
            while let Some(number) = wanted.pop() {
                let bytes = chunk(number);
                let id = keys.ids().chunk_id(&bytes);
                if own.contains(&id) || ahead.lock().contains_key(&id) {
                    continue;
                }
                if let Ok(Some(found)) = find(&index, &session, &world, id, bytes.len()) {
                    ahead.lock().insert(id, found);
                }
                break;
            }
        })));
    }

    /// Adds a block to the pack of its kind, and stores that when it is full.
    fn add(
        &mut self,
        kind: BlockKind,
        sealed: Bytes,
        chunks: &[(ChunkId, u32)],
    ) -> Result<(), Failure> {
        let suite = self.repository.keys().suite();
        let slot = match kind {
            BlockKind::Data => &mut self.data,
            BlockKind::Tree => &mut self.tree,
        };
        let pack = match slot {
            Some(pack) => pack,
            closed => {
                let name = self.session.next_pack()?;
                closed.insert(PackBuilder::new(name, kind, suite, 1 << 20))
            }
        };
        let places = pack.add_block(sealed, chunks)?;
        let len = pack.stored_len();
        for ((id, len), place) in chunks.iter().zip(places) {
            let stored = ChunkRef {
                id: *id,
                len: *len,
                place,
            };
            self.own.insert(*id, stored);
        }
        if len > 900 * self.options.blocks as u64 {
            self.upload(kind)?;
        }
        Ok(())
    }

    fn upload(&mut self, kind: BlockKind) -> Result<(), Failure> {
        let slot = match kind {
            BlockKind::Data => &mut self.data,
            BlockKind::Tree => &mut self.tree,
        };
        let Some(pack) = slot.take() else {
            return Ok(());
        };
        let pack = pack.finish(self.repository.keys(), PackEnd::Early)?;
        self.runtime.block_on(self.session.upload(&pack))?;
        self.segment.add_directory(&pack.directory, pack.hash);
        self.session.has_stored(pack.name);
        Ok(())
    }

    /// Stores what is open, and the segments that list it.
    fn close(&mut self) -> Result<(), Failure> {
        self.upload(BlockKind::Data)?;
        self.upload(BlockKind::Tree)?;
        let segment = std::mem::take(&mut self.segment);
        if !segment.is_empty() {
            for body in segment.finish() {
                self.runtime.block_on(self.session.upload_segment(&body))?;
            }
        }
        Ok(())
    }

    /// Makes one segment of many, as the agent does.
    fn merge(&self) -> Result<(), Failure> {
        let state = self.runtime.block_on(self.repository.state());
        let live: Vec<_> = state.segments.iter().copied().collect();
        if live.len() <= SEGMENTS {
            return Ok(());
        }
        let mut builder = SegmentBuilder::new();
        for segment in &live {
            let (store, keys) = (self.repository.store(), self.repository.keys());
            let read = self.runtime.block_on(read_segment(store, keys, segment));
            // That it fails is no failure of the backup.
            let Ok(read) = read else { return Ok(()) };
            builder.add_segment(&read, |pack| {
                let dropped = is_left_out(Flaw::MergeDropsCondemned) && state.is_condemned(pack);
                state.packs.contains(pack) && !dropped
            });
        }
        let bodies = builder.finish();
        let merged = self.session.replace_segments(&live, &bodies);
        Ok(self.runtime.block_on(merged)?)
    }
}

/// Looks a chunk up in the repository's index, and relies on what is found.
fn find(
    index: &LocalIndex,
    session: &Session,
    world: &World,
    id: ChunkId,
    len: usize,
) -> Result<Option<ChunkRef>, Failure> {
    let found = index.find(&id.prefix(), |pack| session.may_rely_on(pack))?;
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    let Some(found) = found.filter(|found| found.len == len) else {
        return Ok(None);
    };
    world.oracle.lock().relies(session.id(), found.place.pack);
    Ok(Some(ChunkRef {
        id,
        len,
        place: found.place,
    }))
}

impl PageSink for Backup {
    type Error = Failure;

    fn put_page(&mut self, _inner: bool, bytes: Vec<u8>, id: ChunkId) -> Result<ChunkRef, Failure> {
        if let Some(known) = self.own.get(&id) {
            return Ok(*known);
        }
        if !self.known(id, bytes.len())? {
            let keys = Arc::clone(self.repository.keys());
            let sealed = keys.seal_block(BlockKind::Tree, &[&bytes], SEAL)?;
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            self.add(BlockKind::Tree, sealed.bytes.into(), &[(id, len)])?;
        }
        let known = self.own.get(&id).copied();
        Ok(known.ok_or("a page has no place")?)
    }
}
