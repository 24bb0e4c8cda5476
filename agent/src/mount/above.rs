//! The folders above all snapshots, as the kernel sees them.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use fuser::{Errno, FileAttr, FileType, INodeNo};
use orlop_repo::model::SnapshotId;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::EntryKey;

use super::current::Current;
use super::node::{Node, Placed};
use super::problems::Problems;
use super::trees::Trees;
use super::trouble::Trouble;

/// The name of the links to newest snapshots.
const LATEST: &[u8] = b"latest";

/// The folders above all snapshots.
pub(super) struct Above {
    pub(super) current: Current,
    /// Owner and group of the folders.
    pub(super) owner: (u32, u32),
}

/// A name in one of them.
pub(super) struct Name {
    pub(super) bytes: Vec<u8>,
    pub(super) node: Node,
    pub(super) kind: FileType,
}

impl Name {
    fn folder(name: &[u8], node: Node) -> Self {
        let kind = FileType::Directory;
        let bytes = name.to_vec();
        Self { bytes, node, kind }
    }

    fn link(name: &[u8], node: Node) -> Self {
        let kind = FileType::Symlink;
        let bytes = name.to_vec();
        Self { bytes, node, kind }
    }
}

impl Above {
    /// What is in a folder.
    pub(super) fn names(
        &self,
        folder: &Node,
        trees: &Trees,
        problems: &Problems,
    ) -> Result<Vec<Name>, Trouble> {
        let catalogue = self.current.now(problems);
        Ok(match folder {
            Node::Top => {
                let mut names = vec![
                    Name::folder(b"ids", Node::Ids),
                    Name::folder(b"volumes", Node::Volumes),
                ];
                if catalogue.latest_target().is_some() {
                    names.push(Name::link(LATEST, Node::Latest));
                }
                names
            }
            Node::Ids => catalogue
                .ids()
                .map(|id| Name::link(id.to_string().as_bytes(), Node::Id(id)))
                .collect(),
            Node::Volumes => catalogue
                .volumes()
                .map(|volume| Name::folder(volume, Node::Volume(volume.into())))
                .collect(),
            Node::Volume(volume) => {
                let found = catalogue.volume(volume).ok_or(Trouble::NONE)?;
                let snapshots = found.snapshots.iter();
                snapshots
                    .map(|(time, snapshot)| Name::folder(time, top(trees, snapshot)))
                    .chain([Name::link(LATEST, Node::LatestOf(volume.clone()))])
                    .collect()
            }
            _ => return Err(Trouble::Plain(Errno::ENOTDIR)),
        })
    }

    /// What `name` is in a folder.
    pub(super) fn find(
        &self,
        folder: &Node,
        name: &[u8],
        trees: &Trees,
        problems: &Problems,
    ) -> Result<Node, Trouble> {
        let catalogue = self.current.now(problems);
        let found = match (folder, name) {
            (Node::Top, b"ids") => Some(Node::Ids),
            (Node::Top, b"volumes") => Some(Node::Volumes),
            (Node::Top, LATEST) => catalogue.latest_target().map(|_| Node::Latest),
            (Node::Ids, name) => {
                let id = str::from_utf8(name).ok().and_then(SnapshotId::from_hex);
                let id = id.filter(|id| catalogue.id_target(*id).is_some());
                id.map(Node::Id)
            }
            (Node::Volumes, name) => catalogue.volume(name).map(|_| Node::Volume(name.into())),
            (Node::Volume(volume), name) => catalogue.volume(volume).and_then(|found| {
                if name == LATEST {
                    return Some(Node::LatestOf(volume.clone()));
                }
                Some(top(trees, found.snapshots.get(name)?))
            }),
            _ => None,
        };
        found.ok_or(Trouble::NONE)
    }

    /// Where a link points; nothing for a folder, or if there is no such snapshot any more.
    pub(super) fn target(&self, node: &Node, problems: &Problems) -> Option<Vec<u8>> {
        let catalogue = self.current.now(problems);
        match node {
            Node::Latest => catalogue.latest_target(),
            Node::LatestOf(volume) => catalogue.latest_of(volume).map(<[u8]>::to_vec),
            Node::Id(id) => catalogue.id_target(*id),
            _ => None,
        }
    }

    /// What `stat` says of a link or folder.
    pub(super) fn attributes(&self, number: u64, target: Option<&[u8]>) -> FileAttr {
        let (kind, perm, size) = match target {
            Some(target) => (FileType::Symlink, 0o777, target.len() as u64),
            None => (FileType::Directory, 0o555, 0),
        };
        FileAttr {
            ino: INodeNo(number),
            size,
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm,
            nlink: 1,
            uid: self.owner.0,
            gid: self.owner.1,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

fn top(trees: &Trees, snapshot: &Arc<Snapshot>) -> Node {
    let top = Placed::top(trees.of(snapshot), EntryKey::root());
    Node::Placed(Arc::new(top))
}
