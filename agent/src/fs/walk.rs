//! Walking a volume in the order of the tree's keys.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{RawDir, SeekFrom, seek};

use super::dir_chain::DirChain;
use super::external_sort::{ExternalSorter, Order, Sorted};
use super::spill_stack::SpillStack;
use super::{
    DirHandle, FsError, Identity, Item, Kind, Problem, RelPath, Root, Stat, Trouble, check_name,
};

/// Bytes asked of the kernel at once when a folder is listed.
const LIST_BUFFER: usize = 64 << 10;

/// How to walk.
#[derive(Clone, Debug)]
pub struct WalkOptions {
    /// Do not enter other mounts.
    pub one_file_system: bool,
    /// Bytes for names: those of the folder being listed, and as many for folders still to enter.
    pub memory: usize,
    /// Where lists go that are longer.
    pub scratch: PathBuf,
    /// Descriptors of folders kept open at the most, those in items not counted.
    pub max_open: usize,
    /// Longest key prefix in bytes. A folder that lies deeper is reported and not entered, since
    /// eight keys must fit into one page of 1 MiB.
    pub max_prefix: usize,
}

impl WalkOptions {
    /// The defaults: all mounts, twice 8 MiB of names, 64 folders open, prefixes up to 96 KiB.
    pub fn new(scratch: PathBuf) -> Self {
        Self {
            one_file_system: false,
            memory: 8 << 20,
            scratch,
            max_open: 64,
            max_prefix: 96 << 10,
        }
    }
}

/// What a walk gives.
#[derive(Debug)]
pub enum Found {
    /// An entry, in the order of the keys.
    Item(Item),
    /// Something that could not be walked, or is worth saying. Its place in the order is that of
    /// the moment when it was noticed.
    Problem(Problem),
}

/// Says whether an entry is left out, a folder with everything beneath.
type Exclude<'a> = Box<dyn FnMut(&RelPath, bool) -> bool + Send + 'a>;

/// The entries of a volume, in the order of the keys: the root, all entries of a folder by name,
/// then its subfolders by name.
///
/// Each entry is looked at once. An error in one never stops the walk; only a failing scratch file
/// does, as the iterator's last item. Descriptors and memory are bounded whatever the volume holds.
/// A folder is entered only if it is the inode that was seen when it was listed.
pub struct Walk<'a> {
    options: WalkOptions,
    exclude: Option<Exclude<'a>>,
    chain: Option<DirChain>,
    root: Stat,
    root_given: bool,
    levels: Vec<Level>,
    waiting: SpillStack,
    listing: Option<Listing>,
    spare: Option<ExternalSorter>,
    buffer: Vec<MaybeUninit<u8>>,
    scratch_path: RelPath,
    problems: VecDeque<Problem>,
    dead: bool,
}

/// A folder whose entries were given; its subfolders from `next` to `end` are still to be entered.
#[derive(Debug)]
struct Level {
    start: u64,
    next: u64,
    end: u64,
}

/// A folder whose entries are being given.
struct Listing {
    sorted: Sorted,
    dir: Arc<DirHandle>,
    parent_key: Arc<[u8]>,
    last: Vec<u8>,
    start: u64,
}

impl<'a> Walk<'a> {
    /// A walk of `root`; of a single file or device it gives that alone.
    pub fn new(root: &Root, options: WalkOptions) -> Self {
        let folder = root.folder().cloned();
        Self {
            chain: folder.map(|folder| DirChain::new(folder, options.max_open)),
            waiting: SpillStack::new(options.memory, options.scratch.clone()),
            root: *root.stat(),
            options,
            exclude: None,
            root_given: false,
            levels: Vec::new(),
            listing: None,
            spare: None,
            buffer: vec![MaybeUninit::uninit(); LIST_BUFFER],
            scratch_path: RelPath::root(),
            problems: VecDeque::new(),
            dead: false,
        }
    }

    /// Leaves out the entries for which `exclude` says true, told the path and whether it is a
    /// folder. The root is not asked about.
    #[must_use]
    pub fn excluding(mut self, exclude: impl FnMut(&RelPath, bool) -> bool + Send + 'a) -> Self {
        self.exclude = Some(Box::new(exclude));
        self
    }

    fn step(&mut self) -> Result<Option<Found>, FsError> {
        loop {
            if let Some(problem) = self.problems.pop_front() {
                return Ok(Some(Found::Problem(problem)));
            }
            if !self.root_given {
                self.root_given = true;
                return self.give_root().map(Some);
            }
            if let Some(listing) = self.listing.take() {
                if let Some(item) = self.next_entry(listing)? {
                    return Ok(Some(Found::Item(item)));
                }
            } else if self.levels.is_empty() {
                return Ok(None);
            } else {
                self.next_folder()?;
            }
        }
    }

    fn give_root(&mut self) -> Result<Found, FsError> {
        let folder = match &mut self.chain {
            Some(chain) => Some(chain.current()?),
            None => None,
        };
        if let Some(dir) = &folder {
            self.list(Arc::clone(dir))?;
        }
        Ok(Found::Item(Item::root(self.root, folder)))
    }

    /// Reads the names of the folder that the chain stands at.
    fn list(&mut self, dir: Arc<DirHandle>) -> Result<(), FsError> {
        let path = self
            .chain
            .as_ref()
            .map_or_else(RelPath::root, |chain| chain.path().clone());
        let mut sorter = self.spare.take().unwrap_or_else(|| {
            let scratch = self.options.scratch.clone();
            ExternalSorter::new(Order::Ascending, self.options.memory, scratch)
        });
        // The descriptor may have been listed before, by another walk of the same root.
        let start = seek(&dir, SeekFrom::Start(0)).map(|_| ());
        let mut entries = RawDir::new(&dir, &mut self.buffer);
        let failed = loop {
            if let Err(errno) = start {
                break Some(errno);
            }
            match entries.next() {
                None => break None,
                Some(Err(errno)) => break Some(errno),
                Some(Ok(entry)) => {
                    let name = entry.file_name().to_bytes();
                    if name == b"." || name == b".." {
                        continue;
                    }
                    if check_name(name).is_ok() {
                        sorter.push(name, &[])?;
                    } else {
                        let path = path.child(name);
                        self.problems.push_back(Problem {
                            path,
                            what: Trouble::BadName,
                        });
                    }
                }
            }
        };
        if let Some(errno) = failed {
            let what = Trouble::from_errno("list the folder", errno);
            self.problems.push_back(Problem {
                path: path.clone(),
                what,
            });
        }
        self.listing = Some(Listing {
            sorted: sorter.sort()?,
            dir,
            parent_key: path.as_prefix().into(),
            last: Vec::new(),
            start: self.waiting.len(),
        });
        Ok(())
    }

    /// The next entry of a listing; at its end the folder's level begins.
    fn next_entry(&mut self, mut listing: Listing) -> Result<Option<Item>, FsError> {
        while let Some((name, _)) = listing.sorted.next()? {
            let path = || RelPath::of_entry(&listing.parent_key, name);
            if name == listing.last {
                self.problems.push_back(Problem {
                    path: path(),
                    what: Trouble::Duplicate,
                });
                continue;
            }
            listing.last.clear();
            listing.last.extend_from_slice(name);
            let stat = match Stat::at(&listing.dir, name) {
                Ok(stat) => stat,
                Err(errno) => {
                    let what = Trouble::from_errno("look at", errno);
                    self.problems.push_back(Problem { path: path(), what });
                    continue;
                }
            };
            let is_folder = stat.kind == Kind::Folder;
            if let Some(exclude) = &mut self.exclude {
                if self.scratch_path.as_prefix() != &*listing.parent_key {
                    self.scratch_path = RelPath::of_entry(&listing.parent_key, b"");
                }
                // Checked when it was listed.
                let named = self.scratch_path.push(name).is_ok();
                let left_out = exclude(&self.scratch_path, is_folder);
                if named {
                    self.scratch_path.pop();
                }
                if left_out {
                    continue;
                }
            }
            if let Some(what) = self.keeps_out(&stat, name, &listing.parent_key) {
                let give = is_folder && !matches!(what, Trouble::TooLong);
                self.problems.push_back(Problem { path: path(), what });
                if !give {
                    continue;
                }
            } else if is_folder {
                push_waiting(&mut self.waiting, stat.identity, name)?;
            }
            let item = Item::new(Arc::clone(&listing.parent_key), name, stat, &listing.dir);
            self.listing = Some(listing);
            return Ok(Some(item));
        }
        let (start, end) = (listing.start, self.waiting.len());
        self.levels.push(Level {
            start,
            next: start,
            end,
        });
        self.spare = Some(listing.sorted.recycle());
        Ok(None)
    }

    /// Why an entry is not walked into, or for a file not given.
    fn keeps_out(&self, stat: &Stat, name: &[u8], parent_key: &[u8]) -> Option<Trouble> {
        if stat.kind == Kind::Folder {
            if parent_key.len() + name.len() + 1 > self.options.max_prefix {
                return Some(Trouble::TooLong);
            }
            if self
                .chain
                .as_ref()
                .is_some_and(|chain| chain.holds(stat.identity))
            {
                return Some(Trouble::Loop);
            }
        }
        let foreign = self.options.one_file_system && stat.other_mount(&self.root);
        foreign.then_some(Trouble::OtherFileSystem)
    }

    /// Enters the next subfolder of the deepest level, or leaves that level.
    fn next_folder(&mut self) -> Result<(), FsError> {
        let (Some(chain), Some(level)) = (&mut self.chain, self.levels.last_mut()) else {
            return Ok(());
        };
        if level.next == level.end {
            let start = level.start;
            self.waiting.truncate(start);
            self.levels.pop();
            chain.ascend();
            return Ok(());
        }
        let (identity, name, next) = read_waiting(&self.waiting, level.next)?;
        level.next = next;
        match chain.descend(&name, Some(identity)) {
            Ok(dir) => self.list(dir),
            Err(error) => {
                self.problems.push_back(error.into());
                Ok(())
            }
        }
    }

    #[cfg(test)]
    pub(super) fn open_folders(&self) -> usize {
        self.chain.as_ref().map_or(0, DirChain::open_count)
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Found, FsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.dead {
            return None;
        }
        let answer = self.step().transpose();
        self.dead = !matches!(answer, Some(Ok(_)));
        answer
    }
}

/// Bytes before the name of a waiting folder: device, inode, length of the name.
const WAITING_HEAD: usize = 18;

fn push_waiting(stack: &mut SpillStack, identity: Identity, name: &[u8]) -> io::Result<()> {
    let len = u16::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut head = [0; WAITING_HEAD];
    head[..8].copy_from_slice(&identity.dev.to_le_bytes());
    head[8..16].copy_from_slice(&identity.ino.to_le_bytes());
    head[16..].copy_from_slice(&len.to_le_bytes());
    stack.push(&head)?;
    stack.push(name)
}

fn read_waiting(stack: &SpillStack, at: u64) -> io::Result<(Identity, Vec<u8>, u64)> {
    let (mut dev, mut ino, mut len) = ([0; 8], [0; 8], [0; 2]);
    stack.read(at, &mut dev)?;
    stack.read(at + 8, &mut ino)?;
    stack.read(at + 16, &mut len)?;
    let mut name = vec![0; usize::from(u16::from_le_bytes(len))];
    let start = at + WAITING_HEAD as u64;
    stack.read(start, &mut name)?;
    let identity = Identity {
        dev: u64::from_le_bytes(dev),
        ino: u64::from_le_bytes(ino),
    };
    Ok((identity, name.clone(), start + name.len() as u64))
}
