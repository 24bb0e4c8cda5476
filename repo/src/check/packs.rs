//! Packs: there, as long as the index says, with the directory that the index repeats; and, if
//! asked for, every byte of them.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::{Semaphore, oneshot};

use super::digest::Digest;
use super::error::CheckError;
use super::options::{CheckOptions, ReadData};
use super::report::{Remedy, Severity};
use super::run::Notes;
use super::segments::{Index, Listed};
use crate::explain::explain;
use crate::log::State;
use crate::model::{ObjectHash, ObjectName, PackName, SessionId};
use crate::pack::{PackDirectory, PackError, read_directory, verify_and_hash};
use crate::repository::Repository;
use crate::store::Folder;

/// Packs whose directories are fetched, or which wait for memory, at a time.
const AT_ONCE: usize = 16;
/// Most bytes of packs that are read and verified at a time: four packs of the usual size, two in
/// hand and two on their way.
const MAX_READ: u64 = 64 << 20;
/// Memory is counted in pieces of this many bytes.
const PIECE: u64 = 1 << 10;
/// What to do about packs that are gone or damaged.
const SNAPSHOTS: Remedy = Remedy::RepairSnapshots;
/// No pack is longer: blocks have 32-bit offsets, padding and footer come on top.
const MAX_PACK: u64 = (4 << 30) + (64 << 20);

/// What is known of the live packs after they were looked at.
#[derive(Default)]
pub(crate) struct Packs {
    /// Live and not in the store.
    pub(crate) missing: HashSet<PackName>,
    /// In the store, and not to be believed: each chunk in them has to be read.
    pub(crate) suspect: HashSet<PackName>,
    /// Good, and listed otherwise by some segment than by themselves.
    pub(crate) contradicted: HashSet<PackName>,
    /// Good, and no index segment lists them.
    pub(crate) unlisted: Vec<PackName>,
}

/// How a pack stands.
enum Standing {
    Good,
    Unlisted,
    Contradicted,
    Suspect,
    Missing,
    /// Swept while the check ran.
    Swept,
}

/// Looks at every live pack.
pub(super) async fn check_packs(
    repository: &Repository,
    state: &State,
    index: &Index,
    options: &CheckOptions,
    notes: &Notes,
) -> Result<Packs, CheckError> {
    let present = list(repository, state, notes).await?;
    let memory = pieces(options.memory.min(MAX_READ));
    let look = Look {
        repository,
        state,
        index,
        drawn: draw(state, options),
        all: options.read_data == ReadData::All,
        memory: Semaphore::new(usize::try_from(memory).unwrap_or(usize::MAX)),
        pieces: memory,
        present,
        notes,
    };
    let mut packs = Packs::default();
    let mut outcomes = stream::iter(state.packs.iter())
        .map(|name| look.at(name))
        .buffer_unordered(AT_ONCE);
    while let Some((name, standing)) = outcomes.try_next().await? {
        match standing {
            Standing::Good | Standing::Swept => {}
            Standing::Unlisted => packs.unlisted.push(name),
            Standing::Contradicted => {
                packs.contradicted.insert(name);
            }
            Standing::Suspect => {
                packs.suspect.insert(name);
            }
            Standing::Missing => {
                packs.missing.insert(name);
            }
        }
        notes.step();
    }
    notes.count(|report| report.packs = state.packs.len());
    Ok(packs)
}

/// Lengths of the live packs that are in the store; counts those that nothing names.
async fn list(
    repository: &Repository,
    state: &State,
    notes: &Notes,
) -> Result<HashMap<PackName, u64>, CheckError> {
    let folder = Folder::parse("packs")?;
    let mut listing = repository.store().walk(&folder);
    let mut present = HashMap::new();
    while let Some(info) = listing.try_next().await? {
        match folder.rest(&info.name).and_then(parse) {
            Some(name) if state.packs.contains(name) => {
                present.insert(name, info.len);
            }
            Some(name) if state.swept.contains(name) => {}
            _ => notes.count(|report| report.packs_unnamed += 1),
        }
    }
    Ok(present)
}

/// Reads `<session>/<number>`.
fn parse(rest: &str) -> Option<PackName> {
    let (session, number) = rest.split_once('/')?;
    let name = PackName {
        session: SessionId::from_hex(session)?,
        number: number.parse().ok()?,
    };
    (number.len() == 10).then_some(name)
}

/// Draws the packs that are read whole, when they are a share of all.
fn draw(state: &State, options: &CheckOptions) -> HashSet<PackName> {
    let ReadData::Percent(percent) = options.read_data else {
        return HashSet::new();
    };
    let count = state.packs.len();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count; clamped, and casts of floats saturate"
    )]
    let wanted = (count as f64 * percent.clamp(0.0, 100.0) / 100.0).ceil() as u64;
    let mut lots: Vec<_> = state
        .packs
        .iter()
        .map(|name| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&options.seed.to_le_bytes());
            hasher.update(name.to_string().as_bytes());
            (*hasher.finalize().as_bytes(), name)
        })
        .collect();
    lots.sort_unstable_by_key(|(lot, _)| *lot);
    let wanted = usize::try_from(wanted.max(1)).unwrap_or(usize::MAX);
    lots.into_iter()
        .take(wanted)
        .map(|(_, name)| name)
        .collect()
}

fn pieces(bytes: u64) -> u32 {
    u32::try_from((bytes / PIECE).max(1))
        .unwrap_or(u32::MAX)
        .min(u32::MAX >> 3)
}

/// What looking at a pack needs.
struct Look<'a> {
    repository: &'a Repository,
    state: &'a State,
    index: &'a Index,
    drawn: HashSet<PackName>,
    all: bool,
    memory: Semaphore,
    pieces: u32,
    present: HashMap<PackName, u64>,
    notes: &'a Notes,
}

impl Look<'_> {
    async fn at(&self, name: PackName) -> Result<(PackName, Standing), CheckError> {
        self.notes.go_on()?;
        Ok((name, self.stands(name).await?))
    }

    async fn stands(&self, name: PackName) -> Result<Standing, CheckError> {
        let Some(&len) = self.present.get(&name) else {
            return self.missing(name).await;
        };
        let listed = self.index.packs.get(&name);
        let expected = listed.map_or(len, |listed| listed.info.len);
        if len != expected || len > MAX_PACK {
            let what = format!("it has {len} bytes, the index says {expected}");
            self.notes.add(&name, Severity::Damage, SNAPSHOTS, what);
            return Ok(Standing::Suspect);
        }
        let directory = if self.all || self.drawn.contains(&name) {
            self.read(name, len, listed).await
        } else {
            let (store, keys) = (self.repository.store(), self.repository.keys());
            let kind = listed.map(|listed| listed.info.kind);
            read_directory(store, keys, name, kind, Some(len))
                .await
                .map_err(Fault::Pack)
        };
        match directory {
            Ok(directory) => Ok(self.compare(name, listed, &directory)),
            Err(Fault::Pack(PackError::Store { source, .. })) if source.is_missing() => {
                self.missing(name).await
            }
            Err(Fault::Pack(error)) if is_broken(&error) => {
                let what = explain(&error);
                self.notes.add(&name, Severity::Damage, SNAPSHOTS, what);
                Ok(Standing::Suspect)
            }
            Err(Fault::Pack(error)) => Err(CheckError::Pack(error)),
            Err(Fault::WrongHash) => {
                let what = "it is whole, but not the object whose hash the index gives";
                self.notes.add(&name, Severity::Damage, SNAPSHOTS, what);
                Ok(Standing::Suspect)
            }
            Err(Fault::Gone) => Err(CheckError::PartGone),
        }
    }

    /// A live pack that is not there; unless maintenance swept it after the check had begun.
    async fn missing(&self, name: PackName) -> Result<Standing, CheckError> {
        let mut log = self.repository.chain().await;
        match log.refresh().await {
            Ok(_) if log.state().swept.contains(name) => return Ok(Standing::Swept),
            // A log that is broken further on was or will be reported; here it says nothing.
            Ok(_) => {}
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(CheckError::Log(error)),
        }
        self.notes
            .add(&name, Severity::Damage, SNAPSHOTS, "it is missing");
        Ok(Standing::Missing)
    }

    /// Reads and verifies every byte.
    async fn read(
        &self,
        name: PackName,
        len: u64,
        listed: Option<&Listed>,
    ) -> Result<PackDirectory, Fault> {
        let pieces = pieces(len).min(self.pieces);
        let _memory = self
            .memory
            .acquire_many(pieces)
            .await
            .map_err(|_| Fault::Gone)?;
        let store = self.repository.store();
        let bytes = store
            .get(&ObjectName::pack(name), len)
            .await
            .map_err(|source| {
                Fault::Pack(PackError::Store {
                    pack: name,
                    len,
                    source,
                })
            })?;
        self.notes.read(len);
        let hash = listed.map(|listed| listed.info.hash);
        let keys = std::sync::Arc::clone(self.repository.keys());
        let (send, receive) = oneshot::channel();
        rayon::spawn(move || {
            let result = verify(&bytes, &keys, name, hash);
            drop(bytes);
            // Nobody waits any more when the check was given up.
            drop(send.send(result));
        });
        receive.await.map_err(|_| Fault::Gone)?
    }

    /// Compares the directory with what the segments list.
    fn compare(
        &self,
        name: PackName,
        listed: Option<&Listed>,
        directory: &PackDirectory,
    ) -> Standing {
        let Some(listed) = listed else {
            // The segments of a session that runs, or was cut off, may come with its next entry.
            let may_come = self.state.sessions.contains_key(&name.session);
            return if self.index.unreadable || may_come {
                Standing::Good
            } else {
                Standing::Unlisted
            };
        };
        let mut standing = Standing::Good;
        for segment in listed.contradicting(&Digest::of(directory)) {
            let what = format!("it does not list what the directory of {name} does");
            let remedy = Remedy::RepairIndex;
            self.notes.add(&segment, Severity::Repairable, remedy, what);
            standing = Standing::Contradicted;
        }
        standing
    }
}

/// Why a pack was not found good.
enum Fault {
    Pack(PackError),
    WrongHash,
    /// The thread that verified it is gone.
    Gone,
}

fn verify(
    bytes: &Bytes,
    keys: &crate::keys::Keyring,
    name: PackName,
    hash: Option<ObjectHash>,
) -> Result<PackDirectory, Fault> {
    let (directory, found) = verify_and_hash(bytes, keys, name).map_err(Fault::Pack)?;
    if hash.is_some_and(|hash| hash != found) {
        return Err(Fault::WrongHash);
    }
    Ok(directory)
}

/// Whether the pack is at fault, and not the store or this machine.
pub(super) fn is_broken(error: &PackError) -> bool {
    error.is_broken()
}
