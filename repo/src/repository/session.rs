//! A session: the right to upload, kept by the log.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use minicbor::bytes::ByteArray;
use parking_lot::Mutex;

use super::Repository;
use super::unnamed::Unnamed;
use crate::entropy::EntropyError;
use crate::flaws::{Flaw, is_left_out};
use crate::log::{
    AppendError, Begin, Body, Chain, Checkpoint, Commit, Entry, Found, Invalid, LogError,
    MergeIndex, Relocate, Role, SegmentRef, State,
};
use crate::model::{ObjectHash, ObjectName, PackName, PackSet, SessionId, SnapshotId};
use crate::pack::{ChunkPrefix, FinishedPack};
use crate::seal::{ObjectKind, SealError};
use crate::snapshot::{LabelError, RootRef, Snapshot};
use crate::store::{PutPayload, StoreError};

/// Chunks that one `Found` names, of 17 bytes each.
const MAX_FOUND: usize = 20_000;
/// How often a `Relocate` is made anew because others append; then the copies are given up.
const MAX_RELOCATIONS: u32 = 1000;

/// Condemned packs that an entry brings back before it is their turn to be named. One entry
/// condemns no more.
const MAX_CONDEMNED: usize = 10_000;

/// What a session is opened for.
#[derive(Clone, Debug)]
pub struct SessionRequest {
    /// What it may append.
    pub role: Role,
    /// The snapshot whose tree is taken over where nothing changed.
    pub base: Option<SnapshotId>,
    /// Dead sessions whose work is carried on.
    pub adopts: Vec<SessionId>,
    /// UID of the object that asked for the work.
    pub owner: Option<String>,
    /// Program and version, for people.
    pub client: String,
    /// Whose data a writer saves; another backup of it finds the session by this.
    pub volume: Option<String>,
}

/// A session could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Nothing was promised; the backup has to be started again, and finds what is stored.
    #[error(
        "the session cannot go on: {0}; run the backup again, it continues from what is stored"
    )]
    Invalid(Invalid),
    /// Chunks were declared lost while the session ran, and it may rely on them.
    #[error("chunks were declared lost during the backup; run it again, it stores them anew")]
    LostMeanwhile,
    /// The log could not be read or written.
    #[error(transparent)]
    Log(LogError),
    /// An object could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object could not be sealed.
    #[error("cannot seal {object}")]
    Seal {
        /// The object.
        object: ObjectName,
        /// Why.
        #[source]
        source: SealError,
    },
    /// No randomness for a session's name.
    #[error("cannot name a session")]
    Entropy(#[from] EntropyError),
    /// The snapshot's record is longer than its entry in the log may be.
    #[error(transparent)]
    Snapshot(#[from] LabelError),
    /// A session has 2^32 packs and segments.
    #[error("session {0} has used up its names")]
    NamesUsedUp(SessionId),
}

impl From<AppendError> for SessionError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Invalid(invalid) => Self::Invalid(invalid),
            AppendError::Log(log) => Self::Log(log),
        }
    }
}

/// An open session.
///
/// Uploads may run concurrently; a checkpoint names what was acknowledged before it began.
/// Dropped without [`Session::commit`] or [`Session::end`] it stays open in the log, as that of a
/// killed process does, until somebody declares it dead.
pub struct Session {
    repository: Arc<Repository>,
    id: SessionId,
    /// Number of its `Begin`.
    begun: u64,
    /// Lost chunks that were known when it began.
    lost: BTreeSet<ByteArray<16>>,
    /// Those of them that it stores again.
    healed: Mutex<BTreeSet<ByteArray<16>>>,
    next_pack: AtomicU32,
    next_segment: AtomicU32,
    /// Taken after [`Self::reliances`] where both are.
    unnamed: Mutex<Unnamed>,
    reliances: Mutex<Reliances>,
}

/// What a session relies on, and what it may come to rely on.
#[derive(Default)]
struct Reliances {
    /// Every pack that it has relied on, so that each is named once.
    relied: PackSet,
    /// Named packs, in the state in which it has last said what it relies on.
    named: PackSet,
    /// Those of them that were condemned there.
    condemned: PackSet,
}

impl Reliances {
    /// Goes by another state from here on.
    fn look_at(&mut self, state: &State) {
        self.named.clone_from(&state.packs);
        self.condemned = PackSet::new();
        for condemned in &state.condemned {
            self.condemned.extend(&condemned.packs);
        }
    }
}

impl Session {
    /// Appends `Begin`. `request` is made from the state in which the session begins, and again
    /// whenever another entry came first.
    pub async fn begin<E: From<SessionError>>(
        repository: Arc<Repository>,
        request: impl FnMut(&State) -> Result<SessionRequest, E>,
    ) -> Result<Self, E> {
        let id = Self::new_id(&repository)?;
        Self::begin_as(repository, id, request).await
    }

    /// A name for a session that is to be opened, for those who note it down before.
    pub fn new_id(repository: &Repository) -> Result<SessionId, SessionError> {
        let mut id = [0; SessionId::LEN];
        repository.entropy().fill(&mut id)?;
        Ok(SessionId::from_bytes(id))
    }

    /// [`Self::begin`] by the name `id`, which [`Self::new_id`] gave.
    pub async fn begin_as<E: From<SessionError>>(
        repository: Arc<Repository>,
        id: SessionId,
        mut request: impl FnMut(&State) -> Result<SessionRequest, E>,
    ) -> Result<Self, E> {
        let mut lost = BTreeSet::new();
        let mut reliances = Reliances::default();
        let mut unchecked: Option<SessionRequest> = None;
        let mut chain = repository.chain().await;
        let entry = chain
            .append::<BeginError<E>>(|state| {
                let request = match &unchecked {
                    Some(first) if is_left_out(Flaw::BeginChecksNothing) => {
                        SessionRequest::clone(first)
                    }
                    _ => request(state).map_err(BeginError::Caller)?,
                };
                if is_left_out(Flaw::BeginChecksNothing) {
                    unchecked = Some(request.clone());
                }
                lost.clone_from(&state.lost);
                reliances.look_at(state);
                Ok(Body::Begin(Begin {
                    session: id,
                    base: request.base,
                    adopts: request.adopts,
                    owner: request.owner,
                    role: request.role,
                    client: request.client,
                    volume: request.volume,
                }))
            })
            .await
            .map_err(|error| match error {
                BeginError::Caller(error) => error,
                BeginError::Append(error) => E::from(error.into()),
            })?;
        drop(chain);
        Ok(Self::new(repository, id, entry.number, lost, reliances))
    }

    /// A session that no entry opens, for a trial run in `state`: it names packs and must store
    /// nothing.
    pub fn detached(repository: Arc<Repository>, state: &State) -> Result<Self, SessionError> {
        let id = Self::new_id(&repository)?;
        let mut reliances = Reliances::default();
        reliances.look_at(state);
        Ok(Self::new(repository, id, 0, BTreeSet::new(), reliances))
    }

    /// Declares a session dead whose process is known to be, so that its work can be adopted.
    /// That it is not open (any more) is no error.
    pub async fn kill(repository: Arc<Repository>, id: SessionId) -> Result<(), SessionError> {
        let mut chain = repository.chain().await;
        match chain.append::<SessionError>(|_| Ok(Body::Kill(id))).await {
            Ok(_) | Err(SessionError::Invalid(Invalid::SessionNotOpen(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn new(
        repository: Arc<Repository>,
        id: SessionId,
        begun: u64,
        lost: BTreeSet<ByteArray<16>>,
        reliances: Reliances,
    ) -> Self {
        Self {
            repository,
            id,
            begun,
            lost,
            healed: Mutex::default(),
            next_pack: AtomicU32::new(0),
            next_segment: AtomicU32::new(0),
            unnamed: Mutex::default(),
            reliances: Mutex::new(reliances),
        }
    }

    /// Its name.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The repository that it is open in.
    pub fn repository(&self) -> &Arc<Repository> {
        &self.repository
    }

    /// A name for a pack; never given twice.
    pub fn next_pack(&self) -> Result<PackName, SessionError> {
        let number = self.take(&self.next_pack)?;
        Ok(PackName {
            session: self.id,
            number,
        })
    }

    fn take(&self, counter: &AtomicU32) -> Result<u32, SessionError> {
        counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_add(1))
            .map_err(|_| SessionError::NamesUsedUp(self.id))
    }

    /// Stores a pack. [`Self::has_stored`] has the next checkpoint or commit name it.
    pub async fn upload(&self, pack: &FinishedPack) -> Result<(), SessionError> {
        let payload: PutPayload = pack.parts.iter().cloned().collect();
        self.repository
            .store()
            .put(&ObjectName::pack(pack.name), payload)
            .await?;
        Ok(())
    }

    /// Has the next checkpoint or commit name a pack that was uploaded. Whoever lists its chunks
    /// sees to that before: a pack that is named and in no segment is found by nobody.
    pub fn has_stored(&self, pack: PackName) {
        self.unnamed.lock().packs.insert(pack);
    }

    /// Stores an index segment. The next checkpoint or commit names it.
    pub async fn upload_segment(&self, body: &[u8]) -> Result<SegmentRef, SessionError> {
        let segment = self.put_segment(body).await?;
        self.unnamed.lock().segments.push(segment);
        Ok(segment)
    }

    pub(crate) async fn put_segment(&self, body: &[u8]) -> Result<SegmentRef, SessionError> {
        let number = self.take(&self.next_segment)?;
        let name = ObjectName::segment(self.id, number);
        let bytes = self
            .repository
            .keys()
            .seal_object(ObjectKind::Segment, name.as_str(), body)
            .map_err(|source| SessionError::Seal {
                object: name.clone(),
                source,
            })?;
        let segment = SegmentRef {
            session: self.id,
            number,
            len: bytes.len() as u64,
            hash: ObjectHash::of(&bytes),
        };
        self.repository
            .store()
            .put(&name, PutPayload::from(Bytes::from(bytes)))
            .await?;
        Ok(segment)
    }

    /// Notes that a pack that it did not write is needed, be it condemned or not: the next
    /// checkpoint or commit brings it back.
    pub fn rely_on(&self, pack: PackName) {
        self.rely(&mut self.reliances.lock(), pack);
    }

    /// Notes that the backup refers to a chunk in `pack`; `false`, and then it must not, if it
    /// may not rely on that pack.
    ///
    /// It may on its own packs, on those that it relies on already, and on those that were live in
    /// the state in which its last entry was appended. One that was condemned before that entry is
    /// swept without asking this session, which has said what it relies on since: a reliance that
    /// comes later would fall through, and the backup with it.
    #[must_use]
    pub fn may_rely_on(&self, pack: PackName) -> bool {
        if pack.session == self.id {
            return true;
        }
        let mut reliances = self.reliances.lock();
        let may = reliances.relied.contains(pack)
            || (reliances.named.contains(pack) && !reliances.condemned.contains(pack));
        if may {
            self.rely(&mut reliances, pack);
        }
        may
    }

    fn rely(&self, reliances: &mut Reliances, pack: PackName) {
        if pack.session != self.id && reliances.relied.insert(pack) {
            self.unnamed.lock().relied.insert(pack);
        }
    }

    /// Notes that a pack of a dead session, which no entry names, was verified. The next checkpoint
    /// names it, unless it was swept meanwhile; until then nothing may refer to it.
    pub fn adopt(&self, pack: PackName) {
        self.unnamed.lock().adopted.insert(pack);
    }

    /// Names everything stored so far, so that it survives this process; by several entries if
    /// it is more than fits one.
    pub async fn checkpoint(&self, partial: Option<RootRef>) -> Result<(), SessionError> {
        let mut left = std::mem::take(&mut *self.unnamed.lock());
        loop {
            let last = left.fits();
            let part = left.take_part();
            // The packs of a tree are named by the time that the tree is.
            let root = partial.filter(|_| last);
            if let Err(error) = self.name(&part, &left.relied, root).await {
                let mut unnamed = self.unnamed.lock();
                unnamed.put_back(part);
                unnamed.put_back(left);
                return Err(error);
            }
            if last {
                return Ok(());
            }
        }
    }

    /// Names `part` by one entry. `later` is relied on, too, and named by later ones.
    async fn name(
        &self,
        part: &Unnamed,
        later: &PackSet,
        partial: Option<RootRef>,
    ) -> Result<(), SessionError> {
        let mut taken_over = PackSet::new();
        self.repository
            .chain()
            .await
            .append::<SessionError>(|state| {
                self.still_good(state)?;
                let Unnamed {
                    packs,
                    segments,
                    mut relied,
                    mut adopted,
                } = part.clone();
                // What was decided meanwhile, too: a condemnation that came first takes a session
                // that has named something since for one that does not rely on its packs. From
                // here on such packs are not relied on any more.
                if !is_left_out(Flaw::CheckpointOvertaken) {
                    let mut reliances = self.reliances.lock();
                    reliances.look_at(state);
                    relied.extend(&self.unnamed.lock().relied);
                    let condemned = later.intersection(&reliances.condemned);
                    relied.extend(&condemned.iter().take(MAX_CONDEMNED).collect());
                }
                if is_left_out(Flaw::ReliedLeftOut) {
                    relied = PackSet::new();
                }
                // What a sweep took first is no loss: nothing refers to it before it is named.
                adopted.subtract(&state.swept);
                taken_over.clone_from(&adopted);
                Ok(Body::Checkpoint(Checkpoint {
                    session: self.id,
                    packs,
                    segments,
                    relied,
                    partial,
                    adopted,
                }))
            })
            .await?;
        // The log counts them as relied on.
        self.reliances.lock().relied.extend(&taken_over);
        Ok(())
    }

    fn still_good(&self, state: &State) -> Result<(), SessionError> {
        if !state.lost.is_subset(&self.lost) {
            return Err(SessionError::LostMeanwhile);
        }
        Ok(())
    }

    /// Notes that a chunk or page that was declared lost is stored again with the packs of this
    /// session. When it has committed, the log says so.
    pub fn heals(&self, prefix: ChunkPrefix) {
        self.healed.lock().insert(ByteArray::from(prefix));
    }

    /// Takes back that chunks are lost which stand in packs that the log names by now.
    ///
    /// What cannot be said here, a later backup or repair says: it is stored again once more.
    async fn say_found(&self, chain: &mut Chain) {
        let healed: Vec<_> = self.healed.lock().iter().copied().collect();
        for part in healed.chunks(MAX_FOUND) {
            let found = chain
                .append::<NotFound>(|state| {
                    // Somebody may have found the new places to be damaged, too.
                    let known = state.lost.is_subset(&self.lost);
                    let mut chunks = part.to_vec();
                    chunks.retain(|chunk| known && state.lost.contains(chunk));
                    if chunks.is_empty() {
                        return Err(NotFound::Nothing);
                    }
                    Ok(Body::Found(Found { chunks }))
                })
                .await;
            if let Err(NotFound::Failed(error)) = found {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the log still says that chunks are lost which were stored again"
                );
                return;
            }
        }
    }

    /// Ends the session with a snapshot. After `Ok` it is in the repository for everybody.
    ///
    /// # Errors
    ///
    /// [`SessionError::Invalid`] with [`Invalid::AlreadyCommitted`] if the snapshot's owner has
    /// one already: the work was done. Any other error promises nothing.
    pub async fn commit(&self, snapshot: Snapshot) -> Result<(), SessionError> {
        snapshot.check()?;
        if !self.unnamed.lock().fits() {
            self.checkpoint(None).await?;
        }
        let named = std::mem::take(&mut *self.unnamed.lock());
        let mut chain = self.repository.chain().await;
        chain
            .append::<SessionError>(|state| {
                self.still_good(state)?;
                let Unnamed {
                    packs,
                    segments,
                    mut relied,
                    adopted,
                } = named.clone();
                if is_left_out(Flaw::ReliedLeftOut) {
                    relied = PackSet::new();
                }
                Ok(Body::Commit(Box::new(Commit {
                    session: self.id,
                    packs,
                    segments,
                    relied,
                    adopted,
                    snapshot: snapshot.clone(),
                })))
            })
            .await?;
        chain
            .verify_since(self.begun)
            .await
            .map_err(SessionError::Log)?;
        self.say_found(&mut chain).await;
        Ok(())
    }

    /// Ends the session without a snapshot.
    pub async fn end(&self) -> Result<(), SessionError> {
        let mut chain = self.repository.chain().await;
        chain
            .append::<SessionError>(|_| Ok(Body::End(self.id)))
            .await
            .map(|_| ())
    }

    /// Says that what lives in `old` packs was copied, with segments that list the copies, given
    /// as bodies. The keepers are the packs that were stored since the last checkpoint.
    ///
    /// `since` is where the prefix ended by which the chunks were chosen: the number of
    /// the next entry, and the hash of its last one. `old` loses what somebody else has named, condemned
    /// or copied into since. If nothing is left of it, or the keepers are of no use any more,
    /// nothing is said: then the copies are nobody's, and go like others. Gives the old packs that
    /// were named.
    pub async fn relocate(
        &self,
        bodies: &[Vec<u8>],
        old: &PackSet,
        keepers: &PackSet,
        since: (u64, ObjectHash),
    ) -> Result<PackSet, SessionError> {
        let mut segments = Vec::with_capacity(bodies.len());
        for body in bodies {
            segments.push(self.put_segment(body).await?);
        }
        // Named before they are listed: whoever is cut off in between leaves no places behind that
        // nobody answers for.
        self.checkpoint(None).await?;
        let mut chain = self.repository.chain().await;
        for _ in 0..MAX_RELOCATIONS {
            chain.refresh().await.map_err(SessionError::Log)?;
            let entries = chain.entries_since(since.0, since.1).await;
            let entries = entries.map_err(SessionError::Log)?;
            let examined = chain.state().next;
            let kept = self.named_since(since.0, &entries, chain.state());
            let mut named = PackSet::new();
            let appended = chain
                .append::<NotRelocated>(|state| {
                    if state.next != examined {
                        return Err(NotRelocated::Moved);
                    }
                    named = old.intersection(&state.packs);
                    named.subtract(&kept);
                    for condemned in &state.condemned {
                        named.subtract(&condemned.packs);
                    }
                    for bond in &state.bonds {
                        named.subtract(&bond.keepers);
                    }
                    if named.is_empty() || keepers.is_empty() {
                        return Err(NotRelocated::Useless);
                    }
                    Ok(Body::Relocate(Relocate {
                        session: self.id,
                        segments: segments.clone(),
                        old: named.clone(),
                        keepers: keepers.clone(),
                    }))
                })
                .await;
            match appended {
                Ok(_) => return Ok(named),
                Err(NotRelocated::Moved) => {}
                Err(NotRelocated::Useless) => break,
                Err(NotRelocated::Log(error)) => return Err(SessionError::Log(error)),
            }
        }
        Ok(PackSet::new())
    }

    /// Packs that others have named, or adopted what rests on them, in `entries` and in the
    /// sessions that were opened from entry `from` on.
    fn named_since(&self, from: u64, entries: &[Entry], state: &State) -> PackSet {
        let mut named = PackSet::new();
        for entry in entries {
            match &entry.body {
                Body::Checkpoint(c) if c.session != self.id => {
                    for set in [&c.packs, &c.relied, &c.adopted] {
                        named.extend(set);
                    }
                }
                Body::Commit(c) => {
                    for set in [&c.packs, &c.relied, &c.adopted] {
                        named.extend(set);
                    }
                }
                Body::Unforget(unforget) => named.extend(&unforget.relied),
                _ => {}
            }
        }
        let others = state.sessions.iter().filter(|(id, _)| **id != self.id);
        for (_, session) in others.filter(|(_, session)| session.begun >= from) {
            named.extend(&session.packs);
            named.extend(&session.relied);
        }
        named
    }

    /// Replaces segments by merged ones, given as bodies. That another session did so first is no
    /// error: then these are dropped.
    pub async fn replace_segments(
        &self,
        removed: &[SegmentRef],
        bodies: &[Vec<u8>],
    ) -> Result<(), SessionError> {
        let mut added = Vec::with_capacity(bodies.len());
        for body in bodies {
            added.push(self.put_segment(body).await?);
        }
        let merged = self
            .repository
            .chain()
            .await
            .append::<SessionError>(|_| {
                Ok(Body::MergeIndex(MergeIndex {
                    session: self.id,
                    added: added.clone(),
                    removed: removed.to_vec(),
                }))
            })
            .await;
        match merged {
            Ok(_) | Err(SessionError::Invalid(Invalid::Segment(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Why copies are not used.
enum NotRelocated {
    /// The log has gone on since the entry was made.
    Moved,
    /// Others have done away with the old packs or the keepers meanwhile, or with the session.
    Useless,
    Log(LogError),
}

impl From<AppendError> for NotRelocated {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Invalid(_) => Self::Useless,
            AppendError::Log(log) => Self::Log(log),
        }
    }
}

/// Why nothing was found.
enum NotFound {
    Nothing,
    Failed(AppendError),
}

impl From<AppendError> for NotFound {
    fn from(error: AppendError) -> Self {
        Self::Failed(error)
    }
}

/// Either the caller's error or the log's, while a session begins.
enum BeginError<E> {
    Caller(E),
    Append(AppendError),
}

impl<E> From<AppendError> for BeginError<E> {
    fn from(error: AppendError) -> Self {
        Self::Append(error)
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
