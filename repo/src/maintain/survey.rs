//! What the store holds and the index says, beside the state of the log that both are held
//! against.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use parking_lot::Mutex;

use super::error::MaintainError;
use super::options::{MaintainPhase, MaintainProgress};
use crate::explain::explain;
use crate::index::{CacheFolder, IndexError, LocalIndex, PackInfo, Segment, read_segment};
use crate::log::{SegmentRef, State};
use crate::model::{ObjectName, PackName, PackSet, SessionId};
use crate::repository::Repository;
use crate::seal::BlockKind;
use crate::store::Folder;

/// Packs that are asked for by name at a time, because a listing lacks them.
const AT_ONCE: usize = 16;

/// How a pack stands in log and store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// Named, not condemned, and there: a chunk may count on it.
    Live,
    /// Condemned and there: it may be rescued.
    Condemned,
    /// Named and not there, or of another length than the index says.
    Broken,
}

/// A pack that an entry of the log has named and no `Sweep` has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pack {
    pub(super) name: PackName,
    pub(super) standing: Standing,
    /// Length of the object in bytes, by the listing or else by the index; 0 if neither knows it.
    pub(super) len: u64,
    /// The kind of its blocks, if the index knows it.
    pub(super) kind: Option<BlockKind>,
}

/// The repository at one entry of the log.
///
/// Some 120 bytes of memory for each pack, and what the index takes (see [`LocalIndex`]).
pub(super) struct Survey {
    /// The state that all else is held against.
    pub(super) state: State,
    /// Every place that live segments list; made for this run from the segments themselves.
    pub(super) index: LocalIndex,
    /// Packs that are named, condemned ones included. Positions are the packs' numbers.
    pub(super) packs: Vec<Pack>,
    numbers: HashMap<PackName, u32>,
    /// Packs that are stored and that no entry names, with their lengths.
    pub(super) unnamed: BTreeMap<PackName, u64>,
    /// Packs that are stored although a `Sweep` has named them.
    pub(super) undead: PackSet,
    /// What each live segment lists, packs that are gone included.
    pub(super) segments: BTreeMap<SegmentRef, PackSet>,
    /// Live segments that are sealed under an older generation of keys than the newest.
    pub(super) old_segments: BTreeSet<SegmentRef>,
    /// Objects under `index/`, `side/` and `meta/folds/`.
    pub(super) loose: Vec<ObjectName>,
}

impl Survey {
    /// Looks at everything but trees and the insides of packs.
    ///
    /// # Errors
    ///
    /// [`MaintainError::Stopped`] for a live segment that cannot be read and verified, or that
    /// contradicts another one.
    pub(super) async fn new(
        repository: &Repository,
        scratch: &Path,
        progress: &dyn MaintainProgress,
    ) -> Result<Self, MaintainError> {
        // The log first: what an entry of it names was stored before.
        let state = {
            let mut chain = repository.chain().await;
            chain.refresh().await?;
            chain.state().clone()
        };
        progress.phase(MaintainPhase::Listing, 4);
        let stored = list_packs(repository).await?;
        progress.steps(1);
        let mut loose = Vec::new();
        for folder in ["index", "side", "meta/folds"] {
            let mut listing = repository.store().walk(&Folder::parse(folder)?);
            while let Some(info) = listing.try_next().await? {
                loose.push(info.name);
            }
            progress.steps(1);
        }
        loose.sort_unstable();
        loose.dedup();
        let (index, heard) = read_index(repository, &state, scratch, progress).await?;
        let Heard {
            infos,
            segments,
            old_segments,
            ..
        } = heard;
        let mut survey = Self {
            state,
            index,
            packs: Vec::new(),
            numbers: HashMap::new(),
            unnamed: BTreeMap::new(),
            undead: PackSet::new(),
            segments,
            old_segments,
            loose,
        };
        survey.take_packs(repository, stored, &infos).await?;
        Ok(survey)
    }

    async fn take_packs(
        &mut self,
        repository: &Repository,
        mut stored: HashMap<PackName, u64>,
        infos: &HashMap<PackName, PackInfo>,
    ) -> Result<(), MaintainError> {
        let mut named = self.state.packs.clone();
        for condemned in &self.state.condemned {
            named.extend(&condemned.packs);
        }
        // A listing is a hint: what it lacks is asked for by name.
        let lacking: Vec<_> = named.iter().filter(|p| !stored.contains_key(p)).collect();
        let mut asked = stream::iter(lacking)
            .map(|pack| async move {
                let head = repository.store().head(&ObjectName::pack(pack)).await;
                (pack, head)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((pack, head)) = asked.next().await {
            match head {
                Ok(info) => {
                    stored.insert(pack, info.len);
                }
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error.into()),
            }
        }
        drop(asked);
        for name in named.iter() {
            let len = stored.remove(&name);
            let info = infos.get(&name);
            let fits = match (len, info) {
                (None, _) => false,
                (Some(len), Some(info)) => len == info.len,
                (Some(_), None) => true,
            };
            let standing = if !fits {
                Standing::Broken
            } else if self.state.is_condemned(name) {
                Standing::Condemned
            } else {
                Standing::Live
            };
            self.add(Pack {
                name,
                standing,
                len: len.or(info.map(|info| info.len)).unwrap_or(0),
                kind: info.map(|info| info.kind),
            });
        }
        for (name, len) in stored {
            if self.state.swept.contains(name) {
                self.undead.insert(name);
            } else {
                self.unnamed.insert(name, len);
            }
        }
        Ok(())
    }

    fn add(&mut self, pack: Pack) {
        // More packs than 2^32 do not fit into memory.
        let number = u32::try_from(self.packs.len()).unwrap_or(u32::MAX);
        self.numbers.insert(pack.name, number);
        self.packs.push(pack);
    }

    /// Number of a pack, if it was named when this was made.
    pub(super) fn number(&self, pack: PackName) -> Option<u32> {
        self.numbers.get(&pack).copied()
    }

    /// A pack that was named when this was made.
    pub(super) fn pack(&self, name: PackName) -> Option<&Pack> {
        self.packs.get(self.number(name)? as usize)
    }

    /// Whether a chunk may count on standing in `pack`.
    pub(super) fn is_live(&self, pack: PackName) -> bool {
        self.pack(pack)
            .is_some_and(|pack| pack.standing == Standing::Live)
    }

    /// Stored bytes of packs, as far as they are known.
    pub(super) fn len_of(&self, packs: &PackSet) -> u64 {
        packs
            .iter()
            .map(|name| {
                let named = self.pack(name).map(|pack| pack.len);
                named.or_else(|| self.unnamed.get(&name).copied())
            })
            .map(|len| len.unwrap_or(0))
            .sum()
    }
}

/// Lengths of all packs in the store.
async fn list_packs(repository: &Repository) -> Result<HashMap<PackName, u64>, MaintainError> {
    let folder = Folder::parse("packs")?;
    let mut listing = repository.store().walk(&folder);
    let mut stored = HashMap::new();
    while let Some(info) = listing.try_next().await? {
        // What is no name of a pack is nothing of ours.
        let Some(name) = folder.rest(&info.name).and_then(parse_pack) else {
            continue;
        };
        if ObjectName::pack(name) == info.name {
            stored.insert(name, info.len);
        }
    }
    Ok(stored)
}

fn parse_pack(rest: &str) -> Option<PackName> {
    let (session, number) = rest.split_once('/')?;
    Some(PackName {
        session: SessionId::from_hex(session)?,
        number: number.parse().ok()?,
    })
}

/// Reads every live segment from the store, whatever this machine keeps of them: who deletes
/// must know that others can read them, too.
async fn read_index(
    repository: &Repository,
    state: &State,
    scratch: &Path,
    progress: &dyn MaintainProgress,
) -> Result<(LocalIndex, Heard), MaintainError> {
    let index = LocalIndex::open(&CacheFolder::TemporaryIn(scratch.to_owned()), None)?;
    progress.phase(MaintainPhase::Index, state.segments.len() as u64);
    let said = Mutex::new(Heard::default());
    sync(repository, &index, state, |reference, segment| {
        said.lock().hear(&reference, segment, state);
        progress.steps(1);
    })
    .await?;
    let heard = said.into_inner();
    if let Some((segment, pack)) = &heard.contradiction {
        let what = format!("it gives another length or hash of {pack} than another segment does");
        return Err(MaintainError::stopped(&segment.name(), what));
    }
    Ok((index, heard))
}

/// What was read from segments.
#[derive(Default)]
struct Heard {
    infos: HashMap<PackName, PackInfo>,
    segments: BTreeMap<SegmentRef, PackSet>,
    old_segments: BTreeSet<SegmentRef>,
    contradiction: Option<(SegmentRef, PackName)>,
}

impl Heard {
    fn hear(&mut self, reference: &SegmentRef, segment: &Segment, state: &State) {
        let names = segment.packs().iter().map(|info| info.name).collect();
        self.segments.insert(*reference, names);
        if segment.key_generation() < Some(state.key_generation) {
            self.old_segments.insert(*reference);
        }
        for info in segment.packs() {
            // Segments outlive packs.
            if state.swept.contains(info.name) {
                continue;
            }
            let known = self.infos.entry(info.name).or_insert(*info);
            if known != info {
                self.contradiction = Some((*reference, info.name));
            }
        }
    }
}

/// Brings an index to the live segments of `state`; `heard` is told of each that was fetched.
///
/// # Errors
///
/// [`MaintainError::Stopped`] for a segment that is damaged or gone.
pub(super) async fn sync(
    repository: &Repository,
    index: &LocalIndex,
    state: &State,
    heard: impl Fn(SegmentRef, &Segment),
) -> Result<(), MaintainError> {
    let live: Vec<_> = state.segments.iter().copied().collect();
    let heard = &heard;
    let report = index
        .sync(
            &live,
            Arc::new(state.swept.clone()),
            |reference| async move {
                let segment =
                    read_segment(repository.store(), repository.keys(), &reference).await?;
                heard(reference, &segment);
                Ok(segment)
            },
        )
        .await
        .map_err(|error| match broken_segment(&error) {
            Some(name) => MaintainError::stopped(name, explain(&error)),
            None => error.into(),
        })?;
    match report.left_out.first() {
        // Without a cap nothing is left out; a mark that lacks a segment is none.
        Some(segment) => Err(MaintainError::stopped(
            &segment.name(),
            "there is no room for it in the index",
        )),
        None => Ok(()),
    }
}

/// The segment that is damaged or gone, as opposed to a store or a disk that does not answer.
fn broken_segment(error: &IndexError) -> Option<&ObjectName> {
    match error {
        IndexError::Store { name, source } if source.is_missing() || source.is_damage() => {
            Some(name)
        }
        IndexError::WrongObject { name, .. }
        | IndexError::Sealed { name, .. }
        | IndexError::Segment { name, .. } => Some(name),
        IndexError::Store { .. } | IndexError::Cache { .. } | IndexError::CacheDamaged { .. } => {
            None
        }
    }
}
