//! The requests of the kernel.
//!
//! One thread takes them and hands each that may wait to a thread of its own.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use fuser::{
    AccessFlags, Errno, FileHandle, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    IoctlFlags, KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen, ReplyStatfs,
    ReplyXattr, Request,
};

use tokio::sync::oneshot;

use super::answers::Answers;
use super::inode_flags;
use super::reply::FolderReply;

/// Pieces that the kernel reads ahead by itself and may ask for at once.
const MAX_BACKGROUND: u16 = 64;
/// What `statfs` counts in.
const BLOCK: u32 = 4096;
/// Longest name of a file, for `statfs`.
const MAX_NAME: u32 = 255;

/// What the kernel talks to.
pub(super) struct FileSystem {
    answers: Arc<Answers>,
    /// Told when the kernel does not talk any more.
    ended: Option<oneshot::Sender<()>>,
}

impl FileSystem {
    pub(super) fn new(answers: Arc<Answers>, ended: oneshot::Sender<()>) -> Self {
        Self {
            answers,
            ended: Some(ended),
        }
    }

    /// Answers on a thread of its own. A panic there is told to the kernel as an error, by the
    /// reply that is dropped.
    fn answer(&self, answer: impl FnOnce(&Answers) + Send + 'static) {
        let answers = Arc::clone(&self.answers);
        drop(
            self.answers
                .trees
                .runtime
                .spawn_blocking(move || answer(&answers)),
        );
    }

    fn read_folder(&self, number: u64, handle: u64, from: u64, mut reply: FolderReply) {
        self.answer(move |answers| {
            let filled = answers.read_folder(number, handle, from, &mut reply);
            reply.send(filled);
        });
    }
}

impl Filesystem for FileSystem {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        for wanted in [
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_READDIRPLUS_AUTO,
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_HAS_IOCTL_DIR,
        ] {
            // An older kernel does without.
            let _ = config.add_capabilities(wanted);
        }
        let _ = config.set_max_background(MAX_BACKGROUND);
        Ok(())
    }

    fn destroy(&mut self) {
        self.answers.inodes.close();
        if let Some(ended) = self.ended.take() {
            // Nobody may be waiting.
            let _ = ended.send(());
        }
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let name = name.as_bytes().to_vec();
        self.answer(move |answers| match answers.lookup(parent.0, &name) {
            Ok((found, good)) => reply.entry(&good, &found, Generation(0)),
            Err(trouble) => reply.error(trouble.errno()),
        });
    }

    fn forget(&self, _: &Request, number: INodeNo, times: u64) {
        self.answers.inodes.forget(number.0, times);
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        self.answer(move |answers| match answers.getattr(number.0) {
            Ok((found, good)) => reply.attr(&good, &found),
            Err(trouble) => reply.error(trouble.errno()),
        });
    }

    fn readlink(&self, _: &Request, number: INodeNo, reply: ReplyData) {
        self.answer(move |answers| match answers.readlink(number.0) {
            Ok(target) => reply.data(&target),
            Err(trouble) => reply.error(trouble.errno()),
        });
    }

    fn open(&self, _: &Request, number: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.answer(move |answers| match answers.open(number.0) {
            Ok(handle) => reply.opened(
                FileHandle(handle),
                // The content never changes, and there is nothing to be written when it is closed.
                FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_NOFLUSH,
            ),
            Err(trouble) => reply.error(trouble.errno()),
        });
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.answer(move |answers| {
            let _share = answers.trees.answers.take(size.into());
            match answers.read(handle.0, offset, size) {
                Ok(bytes) => reply.data(&bytes),
                Err(trouble) => reply.error(trouble.errno()),
            }
        });
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.answers.handles.close(handle.0);
        reply.ok();
    }

    fn opendir(&self, _: &Request, number: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.answer(move |answers| match answers.open_folder(number.0) {
            Ok((handle, never_changes)) => {
                let keep = FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR;
                let flags = if never_changes {
                    keep
                } else {
                    FopenFlags::empty()
                };
                reply.opened(FileHandle(handle), flags);
            }
            Err(trouble) => reply.error(trouble.errno()),
        });
    }

    fn readdir(
        &self,
        _: &Request,
        number: INodeNo,
        handle: FileHandle,
        from: u64,
        reply: ReplyDirectory,
    ) {
        self.read_folder(number.0, handle.0, from, FolderReply::Names(reply));
    }

    fn readdirplus(
        &self,
        _: &Request,
        number: INodeNo,
        handle: FileHandle,
        from: u64,
        reply: ReplyDirectoryPlus,
    ) {
        self.read_folder(number.0, handle.0, from, FolderReply::Plus(reply));
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.answers.handles.close(handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        self.answer(move |answers| {
            let (bytes, entries) = answers.totals();
            let blocks = bytes.div_ceil(BLOCK.into());
            reply.statfs(blocks, 0, 0, entries, 0, BLOCK, MAX_NAME, BLOCK);
        });
    }

    fn getxattr(&self, _: &Request, number: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let name = name.as_bytes().to_vec();
        self.answer(move |answers| match answers.xattrs(number.0) {
            Ok(xattrs) => match xattrs.into_iter().find(|(known, _)| *known == name) {
                Some((_, value)) => send_xattr(reply, &value, size),
                None => reply.error(Errno::ENODATA),
            },
            Err(trouble) => reply.error(trouble.errno()),
        });
    }

    fn listxattr(&self, _: &Request, number: INodeNo, size: u32, reply: ReplyXattr) {
        self.answer(move |answers| match answers.xattrs(number.0) {
            Ok(xattrs) => {
                let names = xattrs.into_iter().map(|(name, _)| name);
                let list: Vec<u8> = names.flat_map(|name| [&name[..], &[0]].concat()).collect();
                send_xattr(reply, &list, size);
            }
            Err(trouble) => reply.error(trouble.errno()),
        });
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn access(&self, _: &Request, _: INodeNo, _: AccessFlags, reply: ReplyEmpty) {
        // Whoever may look into the mounted folder at all has the key, or is checked by the kernel.
        reply.ok();
    }

    fn ioctl(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        _: IoctlFlags,
        command: u32,
        _: &[u8],
        _: u32,
        reply: ReplyIoctl,
    ) {
        if inode_flags::answer(command, 0, 0).is_none() {
            return reply.error(Errno::ENOTTY);
        }
        self.answer(move |answers| match answers.inode_flags(number.0) {
            Ok((flags, project)) => match inode_flags::answer(command, flags, project) {
                Some(bytes) => reply.ioctl(0, &bytes),
                None => reply.error(Errno::ENOTTY),
            },
            Err(trouble) => reply.error(trouble.errno()),
        });
    }

    fn lseek(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let (libc::SEEK_DATA | libc::SEEK_HOLE, Ok(offset)) = (whence, u64::try_from(offset))
        else {
            return reply.error(Errno::EINVAL);
        };
        self.answer(move |answers| {
            let found = answers.seek(handle.0, offset, whence == libc::SEEK_HOLE);
            match found.map(i64::try_from) {
                Ok(Ok(offset)) => reply.offset(offset),
                Ok(Err(_)) => reply.error(Errno::EOVERFLOW),
                Err(trouble) => reply.error(trouble.errno()),
            }
        });
    }
}

/// Sends a value or list of names, or how long it is if that is what was asked.
fn send_xattr(reply: ReplyXattr, value: &[u8], size: u32) {
    match (size, u32::try_from(value.len())) {
        (_, Err(_)) => reply.error(Errno::E2BIG),
        (0, Ok(len)) => reply.size(len),
        (size, Ok(len)) if len > size => reply.error(Errno::ERANGE),
        _ => reply.data(value),
    }
}
