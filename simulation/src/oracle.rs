//! What must hold, judged from the store alone and from what the actors were promised.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;
use orlop_repo::index::{Found, read_segment};
use orlop_repo::keys::Keyring;
use orlop_repo::log::{Body, Entry, SegmentRef, State, entry_place, read_entry};
use orlop_repo::model::{ChunkRef, Extent, ObjectName, PackSet, Place, SessionId, SnapshotId};
use orlop_repo::seal::BlockKind;
use orlop_repo::store::{MemoryBackend, Store};
use orlop_repo::tree::{Content, EntryKind, Page};

use crate::memory::Memory;

/// First half of an id.
type Prefix = [u8; ChunkId::PREFIX_LEN];

/// Follows the log entry by entry, and knows what must be readable.
pub(crate) struct Oracle {
    pub(crate) keys: Arc<Keyring>,
    /// What the entries of the log add up to.
    pub(crate) state: State,
    /// Names that a `Sweep` has named, whatever the state keeps.
    swept: PackSet,
    /// Sessions that were declared dead.
    pub(crate) killed: BTreeSet<SessionId>,
    /// What sessions have come to rely on, whatever their entries say.
    relied: BTreeMap<SessionId, PackSet>,
    /// Snapshots whose backups were reported as done.
    reported: BTreeSet<SnapshotId>,
    /// Snapshots that the log has committed.
    committed: BTreeSet<SnapshotId>,
    /// Those that it has not forgotten since, by its entries alone.
    live: BTreeSet<SnapshotId>,
    /// Whether every entry is held against the rules, too.
    pub(crate) is_strict: bool,
    /// The store has gone back: nothing of this holds any more.
    pub(crate) is_blind: bool,
    /// What live segments list.
    index: HashMap<Prefix, Vec<Found>>,
    listed: BTreeMap<SegmentRef, Arc<Vec<(Prefix, Found)>>>,
    indexed: BTreeSet<SegmentRef>,
    /// What trees are made of, by their roots.
    trees: HashMap<ChunkId, Arc<Vec<Needed>>>,
    /// Places that were opened and held what they should.
    verified: HashSet<(Prefix, Place)>,
}

/// A chunk or page that must be readable.
#[derive(Clone, Copy)]
struct Needed {
    id: ChunkId,
    len: u32,
    kind: BlockKind,
}

/// Opens an entry of the log.
pub(crate) fn decode(keys: &Keyring, name: &ObjectName, bytes: &Bytes) -> Option<Entry> {
    let (generation, number) = entry_place(name)?;
    let one = MemoryBackend::new();
    one.set(name, Some(bytes.clone()));
    let store = Store::new(one);
    let read = read_entry(&store, keys, generation, number);
    futures::executor::block_on(read)
        .ok()
        .map(|read| read.entry)
}

impl Oracle {
    /// Of a log that is empty.
    pub(crate) fn new(keys: Arc<Keyring>) -> Self {
        Self {
            keys,
            state: State::empty(1),
            swept: PackSet::new(),
            killed: BTreeSet::new(),
            relied: BTreeMap::new(),
            reported: BTreeSet::new(),
            committed: BTreeSet::new(),
            live: BTreeSet::new(),
            is_strict: true,
            is_blind: false,
            index: HashMap::new(),
            listed: BTreeMap::new(),
            indexed: BTreeSet::new(),
            trees: HashMap::new(),
            verified: HashSet::new(),
        }
    }

    /// A session has come to rely on a pack.
    pub(crate) fn relies(&mut self, session: SessionId, pack: orlop_repo::model::PackName) {
        self.relied.entry(session).or_default().insert(pack);
    }

    /// Nobody works in the session any more.
    pub(crate) fn lets_go(&mut self, session: SessionId) {
        self.relied.remove(&session);
    }

    /// I2: a backup is reported as done.
    pub(crate) fn reports(&mut self, snapshot: SnapshotId) -> Result<(), String> {
        self.reported.insert(snapshot);
        if self.is_blind || self.committed.contains(&snapshot) {
            return Ok(());
        }
        Err(format!(
            "I2: snapshot {snapshot:.8} was reported as done and is not in the log"
        ))
    }

    /// Takes an entry that has come to stand in the log.
    pub(crate) fn entry(
        &mut self,
        name: &ObjectName,
        bytes: &Bytes,
        memory: &Memory,
    ) -> Result<String, String> {
        let entry = decode(&self.keys, name, bytes)
            .ok_or_else(|| format!("an entry stands in the log that does not open: {name}"))?;
        let line = told(&entry);
        if self.is_blind {
            return Ok(line);
        }
        if entry.number != self.state.next || entry.previous != self.state.head {
            return Err(format!("the log does not go on with {name}"));
        }
        self.obeys(&entry.body)?;
        if self.is_strict
            && let Err(invalid) = self.state.validate(&entry.body)
        {
            return Err(format!(
                "an entry is not valid where it stands: {line}: {invalid}"
            ));
        }
        match &entry.body {
            Body::Kill(session) => {
                self.killed.insert(*session);
            }
            Body::Commit(commit) => {
                self.live.insert(commit.snapshot.id);
                self.committed.insert(commit.snapshot.id);
            }
            Body::Forget(forget) => self.live.retain(|id| !forget.snapshots.contains(id)),
            Body::Unforget(unforget) => self.live.extend(unforget.snapshots.iter().copied()),
            Body::Sweep(sweep) => self.swept.extend(&sweep.packs),
            _ => {}
        }
        self.state.apply(&entry.body, entry.hash);
        let listed: BTreeSet<_> = self.state.snapshots.keys().copied().collect();
        if listed != self.live {
            return Err(format!(
                "I2: after {line} other snapshots are live than should be"
            ));
        }
        self.readable(memory)
            .map_err(|wrong| format!("{wrong}, after {line}"))?;
        Ok(line)
    }

    /// What an entry may not do, whatever the state says.
    fn obeys(&self, body: &Body) -> Result<(), String> {
        let named: Vec<&PackSet> = match body {
            Body::Checkpoint(c) => vec![&c.packs, &c.relied, &c.adopted],
            Body::Commit(c) => vec![&c.packs, &c.relied, &c.adopted],
            Body::Unforget(unforget) => vec![&unforget.relied],
            Body::Relocate(relocate) => vec![&relocate.old, &relocate.keepers],
            Body::Sweep(sweep) => {
                // I3: nothing goes that somebody relies on who has not been declared dead.
                let open = self.state.sessions.iter().filter(|(_, s)| !s.dead);
                for (session, _) in open {
                    let relied = self.relied.get(session);
                    if let Some(pack) = relied.and_then(|relied| relied.common(&sweep.packs)) {
                        return Err(format!(
                            "I3: session {session:.8} relies on {pack}, which is swept"
                        ));
                    }
                }
                vec![&sweep.packs]
            }
            _ => Vec::new(),
        };
        match named.iter().find_map(|named| named.common(&self.swept)) {
            Some(pack) => Err(format!("I1: {pack} was swept, and is named again")),
            None => Ok(()),
        }
    }

    /// I1: every chunk and page of what is live stands in a pack that is there, that no sweep has
    /// named, and that the index lists.
    pub(crate) fn readable(&mut self, memory: &Memory) -> Result<(), String> {
        if self.is_blind {
            return Ok(());
        }
        self.sync(memory)?;
        let mut roots = BTreeMap::new();
        for (id, snapshot) in &self.state.snapshots {
            roots.insert(format!("snapshot {id:.8}"), snapshot.root.0);
        }
        for (id, session) in self.state.sessions.iter().filter(|(_, s)| !s.dead) {
            let forgotten = |base| self.state.forgotten.get(base).map(|f| &f.snapshot);
            let base = session.base.as_ref();
            let base = base.and_then(|b| self.state.snapshots.get(b).or_else(|| forgotten(b)));
            if let Some(base) = base {
                roots.insert(format!("base of {id:.8}"), base.root.0);
            }
            let adopted = session.adopts.iter();
            let adopted = adopted.filter_map(|dead| self.state.sessions.get(dead)?.partial);
            for partial in session.partial.into_iter().chain(adopted) {
                let root = partial.0;
                roots.insert(format!("partial tree {:.8} of {id:.8}", root.id), root);
            }
        }
        for (what, root) in roots {
            let needed = if let Some(needed) = self.trees.get(&root.id) {
                Arc::clone(needed)
            } else {
                let mut needed = Vec::new();
                self.walk(memory, &root, &mut needed)
                    .map_err(|wrong| format!("I1: {what}: {wrong}"))?;
                let needed = Arc::new(needed);
                self.trees.insert(root.id, Arc::clone(&needed));
                needed
            };
            for needed in needed.iter() {
                self.find(memory, needed)
                    .map_err(|wrong| format!("I1: {what}: {wrong}"))?;
            }
        }
        Ok(())
    }

    /// Brings the index to the live segments.
    fn sync(&mut self, memory: &Memory) -> Result<(), String> {
        if self.indexed == self.state.segments {
            return Ok(());
        }
        self.index.clear();
        for segment in &self.state.segments {
            let listed = if let Some(listed) = self.listed.get(segment) {
                Arc::clone(listed)
            } else {
                let name = segment.name();
                let one = MemoryBackend::new();
                one.set(&name, memory.get(&name).cloned());
                let store = Store::new(one);
                let read = read_segment(&store, &self.keys, segment);
                let read = futures::executor::block_on(read)
                    .map_err(|error| format!("I1: segment {name}: {error}"))?;
                let listed = Arc::new(read.chunks().collect::<Vec<_>>());
                self.listed.insert(*segment, Arc::clone(&listed));
                listed
            };
            for (prefix, found) in listed.iter() {
                self.index.entry(*prefix).or_default().push(*found);
            }
        }
        self.indexed.clone_from(&self.state.segments);
        Ok(())
    }

    /// A place where a chunk can be read, verified once.
    fn find(&mut self, memory: &Memory, needed: &Needed) -> Result<ChunkRef, String> {
        let prefix = needed.id.prefix();
        let places = self.index.get(&prefix).cloned().unwrap_or_default();
        for found in &places {
            let pack = found.place.pack;
            let is_there = memory.get(&ObjectName::pack(pack)).is_some();
            let counts = self.state.packs.contains(pack) && !self.swept.contains(pack);
            if !is_there || !counts || found.len != needed.len {
                continue;
            }
            let chunk = ChunkRef {
                id: needed.id,
                len: needed.len,
                place: found.place,
            };
            if self.verified.contains(&(prefix, found.place)) {
                return Ok(chunk);
            }
            if self.read(memory, &chunk, needed.kind).is_some() {
                self.verified.insert((prefix, found.place));
                return Ok(chunk);
            }
        }
        let places: Vec<_> = places
            .iter()
            .map(|found| found.place.pack.to_string())
            .collect();
        Err(format!(
            "chunk {:.8} can be read nowhere (listed in: {})",
            needed.id,
            places.join(", ")
        ))
    }

    fn read(&self, memory: &Memory, chunk: &ChunkRef, kind: BlockKind) -> Option<Vec<u8>> {
        let place = chunk.place;
        let pack = memory.get(&ObjectName::pack(place.pack))?;
        let start = usize::try_from(place.block_offset).ok()?;
        let end = start.checked_add(usize::try_from(place.block_len).ok()?)?;
        let plain = self.keys.open_block(kind, pack.get(start..end)?).ok()?;
        let start = usize::try_from(place.offset).ok()?;
        let end = start.checked_add(usize::try_from(chunk.len).ok()?)?;
        let plain = plain.get(start..end)?.to_vec();
        let ids = self.keys.ids();
        let id = match kind {
            BlockKind::Data => ids.chunk_id(&plain),
            BlockKind::Tree => ids.page_id(&plain),
        };
        (id == chunk.id).then_some(plain)
    }

    /// Collects what a tree is made of.
    fn walk(
        &mut self,
        memory: &Memory,
        page: &ChunkRef,
        all: &mut Vec<Needed>,
    ) -> Result<(), String> {
        let needed = Needed {
            id: page.id,
            len: page.len,
            kind: BlockKind::Tree,
        };
        all.push(needed);
        let at = self.find(memory, &needed)?;
        let bytes = self.read(memory, &at, BlockKind::Tree);
        let bytes = bytes.ok_or_else(|| format!("page {:.8} does not open", page.id))?;
        let read = Page::decode(&bytes).map_err(|error| format!("page {:.8}: {error}", page.id))?;
        match read {
            Page::Leaf(groups) => {
                for entry in groups.iter().flat_map(|group| &group.entries) {
                    match &entry.content {
                        Content::Extents(extents) if entry.kind == EntryKind::File => {
                            data(extents, all);
                        }
                        Content::Indirect { root, .. } => self.walk(memory, root, all)?,
                        _ => {}
                    }
                }
            }
            Page::Inner { children, .. } => {
                for child in &children {
                    self.walk(memory, &child.page, all)?;
                }
            }
            Page::Extents(extents) => data(&extents, all),
            Page::Content { children, .. } => {
                for child in &children {
                    self.walk(memory, &child.page, all)?;
                }
            }
        }
        Ok(())
    }
}

fn data(extents: &[Extent], all: &mut Vec<Needed>) {
    for extent in extents {
        if let Extent::Data(chunk) = extent {
            all.push(Needed {
                id: chunk.id,
                len: chunk.len,
                kind: BlockKind::Data,
            });
        }
    }
}

/// An entry in one line.
fn told(entry: &Entry) -> String {
    let packs = |set: &PackSet| {
        let names: Vec<_> = set
            .iter()
            .map(|pack| format!("{:.8}/{}", pack.session, pack.number))
            .collect();
        names.join(" ")
    };
    let what = match &entry.body {
        Body::Begin(begin) => format!(
            "session {:.8} {:?} base {} adopts {}",
            begin.session,
            begin.role,
            begin
                .base
                .map_or("-".to_owned(), |base| format!("{base:.8}")),
            ids(&begin.adopts),
        ),
        Body::Checkpoint(c) => format!(
            "session {:.8} packs [{}] relied [{}] adopted [{}] partial {}",
            c.session,
            packs(&c.packs),
            packs(&c.relied),
            packs(&c.adopted),
            c.partial.is_some(),
        ),
        Body::Commit(c) => format!(
            "session {:.8} snapshot {:.8} packs [{}] relied [{}]",
            c.session,
            c.snapshot.id,
            packs(&c.packs),
            packs(&c.relied),
        ),
        Body::End(session) | Body::Kill(session) => format!("session {session:.8}"),
        Body::Forget(forget) => ids(&forget.snapshots),
        Body::Unforget(unforget) => format!(
            "{} relied [{}]",
            ids(&unforget.snapshots),
            packs(&unforget.relied)
        ),
        Body::Condemn(condemn) => format!(
            "[{}] broken {} others {}",
            packs(&condemn.packs),
            ids(&condemn.broken),
            condemn.others.len(),
        ),
        Body::Sweep(sweep) => format!(
            "[{}] segments {}",
            packs(&sweep.packs),
            sweep.segments.len()
        ),
        Body::Swept(swept) => format!("{}", swept.sweep),
        Body::Relocate(relocate) => format!(
            "old [{}] keepers [{}]",
            packs(&relocate.old),
            packs(&relocate.keepers)
        ),
        Body::MergeIndex(merge) => format!("{} into {}", merge.removed.len(), merge.added.len()),
        _ => String::new(),
    };
    format!("entry {} {} {what}", entry.number, entry.body.kind_name())
}

/// Each name shortened.
fn ids(all: &[impl fmt::Display]) -> String {
    let ids: Vec<_> = all.iter().map(|id| format!("{id:.8}")).collect();
    ids.join(" ")
}
