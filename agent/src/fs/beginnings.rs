//! Looking at how files of a volume begin, beside a walk.

use rustix::fs::OFlags;

use super::beneath::reopen;
use super::dir_chain::DirChain;
use super::{Kind, RelPath, Root, SourceFile, Stat};

/// Folders kept open at the most: whoever asks goes through the volume as a walk does.
const MAX_OPEN: usize = 8;

/// Reads the first bytes of regular files by the rules of a walk: nothing is reached through a
/// link, and nothing but a regular file is opened.
pub struct Beginnings {
    chain: DirChain,
}

impl Beginnings {
    /// Of the files beneath `root`, if it is a folder.
    pub fn of(root: &Root) -> Option<Self> {
        let folder = root.folder()?.clone();
        Some(Self {
            chain: DirChain::new(folder, MAX_OPEN),
        })
    }

    /// The first `len` bytes of the file `name` in `folder`, or all if it is shorter; nothing if
    /// it is no file, or cannot be read.
    pub fn read(&mut self, folder: &RelPath, name: &[u8], len: usize) -> Option<Vec<u8>> {
        let dir = self.chain.seek(folder).ok()?;
        let (pointer, stat) = dir.point_at(folder, name).ok()?;
        if stat.kind != Kind::File {
            return None;
        }
        let fd = reopen(&pointer, OFlags::RDONLY).ok()?;
        let stat = Stat::of(&fd).ok()?;
        let file = SourceFile::new(fd, folder.child(name), stat);
        let mut bytes = vec![0; len];
        let read = file.read_at(&mut bytes, 0).ok()?;
        bytes.truncate(read);
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::super::test_volume::Volume;
    use super::*;

    #[test]
    fn only_files_beneath_the_root_are_read() {
        let volume = Volume::new();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("tag"), b"theirs").unwrap();
        volume.mkdir("a/b");
        volume.write("a/b/tag", b"mine, and longer");
        volume.write("tag", b"top");
        volume.mkdir("c");
        symlink(outside.path().join("tag"), volume.path("c/tag")).unwrap();
        symlink(outside.path(), volume.path("d")).unwrap();
        volume.mkdir("e");
        let watchdog = rustix::fs::makedev(10, 130);
        let node = FileType::CharacterDevice;
        mknodat(CWD, volume.path("e/tag"), node, Mode::RWXU, watchdog).unwrap();
        volume.mkdir("f");
        mknodat(CWD, volume.path("f/tag"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let mut beginnings = Beginnings::of(&volume.root()).unwrap();
        let mut read = |folder: &str| {
            let mut path = RelPath::root();
            for name in folder.split('/').filter(|name| !name.is_empty()) {
                path.push(name.as_bytes()).unwrap();
            }
            beginnings.read(&path, b"tag", 4)
        };
        assert_eq!(read("a/b").as_deref(), Some(&b"mine"[..]));
        for nothing in ["c", "d", "e", "f", "a", "gone"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
        assert_eq!(read("").as_deref(), Some(&b"top"[..]));
    }
}
