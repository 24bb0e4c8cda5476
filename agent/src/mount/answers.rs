//! What the kernel is answered. Everything blocks.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use fuser::{Errno, FileAttr, FileType, INodeNo};
use orlop_repo::tree::{Entry, EntryKey, EntryKind};

use super::above::Above;
use super::attributes::attributes;
use super::catalogue::totals;
use super::file::OpenFile;
use super::handles::{Handle, Handles};
use super::inodes::{Inodes, Named};
use super::listing::Listing;
use super::node::{Node, Placed, TOP, Traits};
use super::problems::Problems;
use super::reply::FolderReply;
use super::trees::Trees;
use super::trouble::Trouble;
use crate::restore::unknown_folder;

/// How long the kernel need not ask again about what is in a snapshot: it never changes.
const FOR_LONG: Duration = Duration::from_hours(365 * 24);
/// The same of the folders above snapshots, which come and go.
const FOR_NOW: Duration = Duration::from_secs(1);

/// Names and values of extended attributes.
type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// All that requests are answered from.
pub(super) struct Answers {
    pub(super) trees: Trees,
    pub(super) inodes: Inodes,
    pub(super) handles: Handles,
    pub(super) problems: Problems,
    /// The folders above all snapshots, if they are mounted.
    pub(super) above: Option<Above>,
}

impl Answers {
    /// Tells people what the kernel cannot be told in words.
    fn told<T>(&self, placed: &Placed, answer: Result<T, Trouble>) -> Result<T, Trouble> {
        answer.inspect_err(|trouble| {
            if let Some(words) = trouble.words(placed.tree.snapshot.id) {
                self.problems.tell(placed.path(), words);
            }
        })
    }

    fn node(&self, number: u64) -> Result<Arc<Node>, Trouble> {
        self.inodes.get(number).ok_or(Trouble::Plain(Errno::ESTALE))
    }

    fn above(&self) -> Result<&Above, Trouble> {
        self.above.as_ref().ok_or(Trouble::NONE)
    }

    /// The entry of something in a snapshot.
    fn entry(&self, placed: &Placed) -> Result<Entry, Trouble> {
        self.told(placed, entry(placed))
    }

    /// The inode of a name, which the kernel then knows, and for how long the name is good.
    pub(super) fn lookup(&self, folder: u64, name: &[u8]) -> Result<(FileAttr, Duration), Trouble> {
        match &*self.node(folder)? {
            Node::Placed(placed) => {
                let (below, entry) = self.told(placed, below(placed, name))?;
                let number = self.inodes.enter(Node::Placed(Arc::new(below)));
                let Some(found) = attributes(number, &entry) else {
                    self.inodes.forget(number, 1);
                    return Err(Trouble::NONE);
                };
                self.note_name(folder, name, &found);
                Ok((found, FOR_LONG))
            }
            node => {
                let above = self.above()?;
                let node = above.find(node, name, &self.trees, &self.problems)?;
                let found = self.attributes_of(0, &node)?;
                let number = self.inodes.enter(node);
                Ok((numbered(found, number), FOR_NOW))
            }
        }
    }

    /// Notes a name that the kernel can be asked to forget: nothing stands below it, for a folder
    /// may be where somebody is.
    fn note_name(&self, folder: u64, name: &[u8], found: &FileAttr) {
        if found.kind != FileType::Directory {
            self.inodes.named(Named {
                folder,
                inode: found.ino.0,
                name: name.into(),
            });
        }
    }

    /// What `stat` says, and for how long it is good.
    pub(super) fn getattr(&self, number: u64) -> Result<(FileAttr, Duration), Trouble> {
        let node = self.node(number)?;
        let good = match &*node {
            Node::Placed(_) => FOR_LONG,
            _ => FOR_NOW,
        };
        Ok((self.attributes_of(number, &node)?, good))
    }

    fn attributes_of(&self, number: u64, node: &Node) -> Result<FileAttr, Trouble> {
        if let Node::Placed(placed) = node {
            let entry = self.entry(placed)?;
            return attributes(number, &entry).ok_or(Trouble::NONE);
        }
        let above = self.above()?;
        let target = above.target(node, &self.problems);
        Ok(above.attributes(number, target.as_deref()))
    }

    /// Looks whether what is mounted is a folder.
    pub(super) fn check_top(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        match self.getattr(TOP) {
            Ok((found, _)) if found.kind == FileType::Directory => Ok(()),
            Ok(_) => Err(io::Error::from(io::ErrorKind::NotADirectory).into()),
            Err(Trouble::Plain(_)) => Err(io::Error::from(io::ErrorKind::NotFound).into()),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Where a link points.
    pub(super) fn readlink(&self, number: u64) -> Result<Vec<u8>, Trouble> {
        let target = match &*self.node(number)? {
            Node::Placed(placed) => self.entry(placed)?.target,
            node => self.above()?.target(node, &self.problems),
        };
        target.ok_or(Trouble::Plain(Errno::EINVAL))
    }

    /// Opens a file.
    pub(super) fn open(&self, number: u64) -> Result<u64, Trouble> {
        let node = self.node(number)?;
        let Node::Placed(placed) = &*node else {
            return Err(Trouble::Plain(Errno::EINVAL));
        };
        let entry = self.entry(placed)?;
        if entry.kind != EntryKind::File {
            return Err(Trouble::Plain(Errno::EINVAL));
        }
        let file = OpenFile::new(Arc::clone(placed), entry);
        Ok(self.handles.hold(Handle::File(Arc::new(file))))
    }

    /// Opens a folder; tells whether what is in it never changes.
    pub(super) fn open_folder(&self, number: u64) -> Result<(u64, bool), Trouble> {
        let node = self.node(number)?;
        if let Node::Placed(placed) = &*node {
            let listing = Listing::new(Arc::clone(placed))?;
            return Ok((self.handles.hold(Handle::Folder(Arc::new(listing))), true));
        }
        let names = self.above()?.names(&node, &self.trees, &self.problems)?;
        Ok((self.handles.hold(Handle::Names(Arc::new(names))), false))
    }

    /// Bytes of an open file.
    pub(super) fn read(&self, handle: u64, offset: u64, len: u32) -> Result<Vec<u8>, Trouble> {
        let (file, share) = self.handles.file(handle)?;
        let answer = file.read(&self.trees, offset, len, share);
        self.told(&file.placed, answer)
    }

    /// Where data or a hole begins.
    pub(super) fn seek(&self, handle: u64, offset: u64, hole: bool) -> Result<u64, Trouble> {
        let (file, _) = self.handles.file(handle)?;
        self.told(&file.placed, file.seek(offset, hole))
    }

    /// The extended attributes.
    pub(super) fn xattrs(&self, number: u64) -> Result<Xattrs, Trouble> {
        match &*self.node(number)? {
            Node::Placed(placed) if !placed.traits.bare => Ok(self.entry(placed)?.xattrs),
            _ => Ok(Vec::new()),
        }
    }

    /// What `chattr` has set, and the project id.
    pub(super) fn inode_flags(&self, number: u64) -> Result<(u32, u32), Trouble> {
        match &*self.node(number)? {
            Node::Placed(placed) => {
                let entry = self.entry(placed)?;
                Ok((entry.flags, entry.project))
            }
            _ => Ok((0, 0)),
        }
    }

    /// Bytes of files, and number of entries, of all that is mounted.
    pub(super) fn totals(&self) -> (u64, u64) {
        match (self.inodes.get(TOP).as_deref(), &self.above) {
            (Some(Node::Placed(placed)), _) => totals(&placed.tree.snapshot),
            (_, Some(above)) => above.current.now(&self.problems).totals,
            (_, None) => (0, 0),
        }
    }

    /// Fills `reply` with the names of a folder from number `from` on.
    pub(super) fn read_folder(
        &self,
        number: u64,
        handle: u64,
        from: u64,
        reply: &mut FolderReply,
    ) -> Result<(), Trouble> {
        const DOTS: [&[u8]; 2] = [b".", b".."];
        let mut next = from;
        while let Some(name) = usize::try_from(next).ok().and_then(|at| DOTS.get(at)) {
            // The kernel knows the number of the one above better, and does not look.
            next += 1;
            if reply.add(next, name, &listed(number, FileType::Directory), FOR_NOW) {
                return Ok(());
            }
        }
        let after_dots = DOTS.len() as u64;
        let from = next - after_dots;
        match self.handles.get(handle)? {
            Handle::Folder(listing) => listing.names(from, &self.problems, |at, item| {
                let mut found = item.attributes;
                if reply.tells_inodes() {
                    let below = Placed::below(&listing.folder, &item.name, item.traits);
                    found = numbered(found, self.inodes.enter(Node::Placed(Arc::new(below))));
                }
                let full = reply.add(at + after_dots + 1, &item.name, &found, FOR_LONG);
                if reply.tells_inodes() {
                    if full {
                        self.inodes.forget(found.ino.0, 1);
                    } else {
                        self.note_name(number, &item.name, &found);
                    }
                }
                full
            }),
            Handle::Names(names) => {
                let skip = usize::try_from(from).unwrap_or(usize::MAX);
                for (at, name) in (from..).zip(names.iter().skip(skip)) {
                    // Nothing is read of a snapshot that is only listed: it is good for no time,
                    // and the kernel asks again.
                    let mut found = listed(name.node.number(), name.kind);
                    if reply.tells_inodes() {
                        found = numbered(found, self.inodes.enter(name.node.clone()));
                    }
                    if reply.add(at + after_dots + 1, &name.bytes, &found, Duration::ZERO) {
                        if reply.tells_inodes() {
                            self.inodes.forget(found.ino.0, 1);
                        }
                        break;
                    }
                }
                Ok(())
            }
            Handle::File(_) => Err(Trouble::Plain(Errno::ENOTDIR)),
        }
    }
}

fn entry(placed: &Placed) -> Result<Entry, Trouble> {
    let key = placed.key().map_err(|_| Trouble::NONE)?;
    match placed.tree.entry(&key) {
        Ok(Some(entry)) => Ok(entry),
        Ok(None) => Err(Trouble::NONE),
        // What is beneath it may be there still.
        Err(failure) if placed.is_top() && failure.source.is_damage() => {
            Ok(unknown_folder(key.name()))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The entry `name` of a folder of a snapshot.
fn below(folder: &Arc<Placed>, name: &[u8]) -> Result<(Placed, Entry), Trouble> {
    let key = EntryKey::new(&folder.prefix(), name).map_err(|_| Trouble::NONE)?;
    let entry = folder.tree.entry(&key)?.ok_or(Trouble::NONE)?;
    Ok((Placed::below(folder, name, Traits::of(&entry)), entry))
}

fn numbered(mut found: FileAttr, number: u64) -> FileAttr {
    found.ino = INodeNo(number);
    found
}

/// What is said of a name that is only listed: number and kind.
fn listed(number: u64, kind: FileType) -> FileAttr {
    FileAttr {
        ino: INodeNo(number),
        size: 0,
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: 0o555,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}
