//! Hard links: the first path of a group gets the content, the others become names of it.
//!
//! Everything is kept in sorters, so that any number of links takes bounded memory.

use std::io;
use std::path::{Path, PathBuf};

use orlop_repo::tree::KeyRange;
use orlop_repo::tree::TreeCursor;

use super::RestoreError;
use super::attributes::kind;
use super::options::Existing;
use super::place::Part;
use super::planner::Planner;
use super::shared::Shared;
use super::summary::Report;
use crate::fs::{ExternalSorter, FsError, Identity, Order, RelPath, SinkCursor, Sorted};

/// Bytes of a group's name.
const GROUP: usize = 16;

/// Paths that share an inode with others.
pub(super) struct Links {
    /// Group and path.
    found: ExternalSorter,
    memory: usize,
    scratch: PathBuf,
}

/// Paths that become names of others.
pub(super) struct Names {
    /// The first path of the group, and the further one.
    sorted: Sorted,
}

impl Links {
    pub(super) fn new(memory: usize, scratch: &Path) -> Self {
        let scratch = scratch.to_owned();
        let found = ExternalSorter::new(Order::Ascending, memory, scratch.clone());
        Self {
            found,
            memory,
            scratch,
        }
    }

    /// Puts a path aside.
    pub(super) fn defer(&mut self, group: &[u8; GROUP], path: &RelPath) -> io::Result<()> {
        self.found.push(&[group, path.as_prefix()].concat(), &[])
    }

    /// Restores the first path of each group; gives the others.
    pub(super) fn first_of_each(
        self,
        planner: &mut Planner<'_>,
        part: &Part<'_>,
    ) -> Result<Names, RestoreError> {
        let new = || ExternalSorter::new(Order::Ascending, self.memory, self.scratch.clone());
        let (mut firsts, mut names) = (new(), new());
        let mut found = self.found.sort()?;
        let (mut group, mut first) = (None, Vec::new());
        while let Some((key, _)) = found.next()? {
            let (this, path) = key.split_at(GROUP);
            if group.as_deref() == Some(this) {
                names.push(&first, path)?;
            } else {
                group = Some(this.to_vec());
                first = path.to_vec();
                firsts.push(&entry_key(path), path)?;
            }
        }
        drop(found);
        // In the order of the tree again, so that its pages are read once.
        let mut firsts = firsts.sort()?;
        let mut tree = TreeCursor::new(part.pages, part.root, KeyRange::all());
        while let Some((_, path)) = firsts.next()? {
            if planner.shared.stopped() {
                break;
            }
            let Some(path) = RelPath::from_prefix(path).ok() else {
                continue;
            };
            let Some((parent, name)) = path.split_last() else {
                continue;
            };
            let entry = match tree.find(&part.full_prefix(parent), name) {
                Ok(entry) => entry,
                Err(failure) if failure.source.is_damage() => {
                    let (report, progress) = (&planner.shared.report, &planner.shared.progress);
                    report.lost_page(progress, part.snapshot, &failure);
                    None
                }
                Err(failure) => return Err(failure.into()),
            };
            let found = entry.and_then(|entry| kind(entry.kind).map(|kind| (entry, kind)));
            if let Some((entry, kind)) = found {
                planner.object(path, entry, kind, true)?;
            } else {
                // It was read a moment ago.
                let what = "cannot be found in the tree again".to_owned();
                let (report, progress) = (&planner.shared.report, &planner.shared.progress);
                report.failed(progress, &path, what);
            }
        }
        Ok(Names {
            sorted: names.sort()?,
        })
    }
}

/// The key of the entry at a path: where it stands in the tree. Paths themselves sort otherwise.
fn entry_key(path: &[u8]) -> Vec<u8> {
    let body = path.strip_suffix(&[0]).unwrap_or(path);
    let name = body
        .iter()
        .rposition(|&byte| byte == 0)
        .map_or(0, |at| at + 1);
    let (parent, name) = body.split_at(name);
    [parent, &[0], name].concat()
}

impl Names {
    /// Makes the names. `leaders` says what the first paths became; without a cursor they are only
    /// counted.
    pub(super) fn link(
        mut self,
        shared: &Shared,
        leaders: ExternalSorter,
        mut cursor: Option<SinkCursor>,
        existing: Existing,
    ) -> Result<(), RestoreError> {
        let mut leaders = leaders.sort()?;
        let mut leader = next_leader(&mut leaders)?;
        while let Some((first, path)) = self.sorted.next()? {
            if shared.stopped() {
                return Ok(());
            }
            let Ok(path) = RelPath::from_prefix(path) else {
                continue;
            };
            let Some(cursor) = &mut cursor else {
                count(shared);
                continue;
            };
            while leader
                .as_ref()
                .is_some_and(|leader| leader.path.as_prefix() < first)
            {
                leader = next_leader(&mut leaders)?;
            }
            let Some(leader) = leader.as_ref().filter(|l| l.path.as_prefix() == first) else {
                let what = "the file that it is another name of was not restored".to_owned();
                shared.report.failed(&shared.progress, &path, what);
                continue;
            };
            if leader.damaged {
                let what = format!("is another name of {}, which is damaged", leader.path);
                shared.report.damaged(&shared.progress, &path, what);
            }
            match link(cursor, &path, leader, existing) {
                Ok(true) => count(shared),
                Ok(false) => {
                    Report::add(&shared.report.kept, 1);
                    shared.progress.others.add(1);
                }
                Err(error) => shared.failed(&path, error),
            }
        }
        Ok(())
    }
}

fn count(shared: &Shared) {
    Report::add(&shared.report.hard_links, 1);
    shared.progress.others.add(1);
}

/// What the first path of a group became.
struct Leader {
    path: RelPath,
    identity: Identity,
    damaged: bool,
}

fn next_leader(leaders: &mut Sorted) -> io::Result<Option<Leader>> {
    let Some((path, value)) = leaders.next()? else {
        return Ok(None);
    };
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let path = RelPath::from_prefix(path).map_err(|_| broken())?;
    let number = |at: usize| {
        let bytes = value.get(at..)?.first_chunk()?;
        Some(u64::from_le_bytes(*bytes))
    };
    let (dev, ino) = number(0).zip(number(8)).ok_or_else(broken)?;
    let damaged = value.get(16).copied().ok_or_else(broken)? != 0;
    Ok(Some(Leader {
        path,
        identity: Identity { dev, ino },
        damaged,
    }))
}

/// Makes one name; says no if what stands there stays.
fn link(
    cursor: &mut SinkCursor,
    path: &RelPath,
    leader: &Leader,
    existing: Existing,
) -> Result<bool, FsError> {
    match cursor.look(path)? {
        Some(stat) if stat.identity == leader.identity => return Ok(true),
        Some(_) if existing == Existing::Never => return Ok(false),
        _ => {}
    }
    cursor
        .link(path, &leader.path, leader.identity)
        .map(|()| true)
}
