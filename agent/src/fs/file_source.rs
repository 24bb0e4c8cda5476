//! Reading a file that may change meanwhile.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Advice, SeekFrom, fadvise, seek};
use rustix::io::{Errno, pread};

use super::metadata::{self, Meta};
use super::{FsError, Item, Layout, RelPath, Stat};

/// From this size on the kernel is told to read ahead, in bytes. Below, the call costs more than
/// the usual read-ahead loses.
const ADVISE_FROM: u64 = 1 << 20;

/// A regular file or block device, open for reading.
#[derive(Debug)]
pub struct SourceFile {
    fd: OwnedFd,
    path: RelPath,
    before: Stat,
    at: u64,
}

/// How a file moved while it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Same size, other times: what was read may mix old and new.
    Modified,
    /// It is longer than it was.
    Grown {
        /// Size before, bytes.
        from: u64,
        /// Size after, bytes.
        to: u64,
    },
    /// It is shorter than it was, or ended before its size.
    Truncated {
        /// Size before, bytes.
        from: u64,
        /// Size after, or bytes read if that is less.
        to: u64,
    },
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Modified => f.write_str("it was written to"),
            Self::Grown { from, to } => write!(f, "it grew from {from} to {to} bytes"),
            Self::Truncated { from, to } => write!(f, "it shrank from {from} to {to} bytes"),
        }
    }
}

impl SourceFile {
    pub(super) fn new(fd: OwnedFd, path: RelPath, stat: Stat) -> Self {
        if stat.size >= ADVISE_FROM {
            // Only advice: without it reading is slower, nothing else.
            fadvise(&fd, 0, None, Advice::Sequential).unwrap_or_default();
        }
        Self {
            fd,
            path,
            before: stat,
            at: 0,
        }
    }

    /// Attributes when it was opened.
    pub fn stat(&self) -> &Stat {
        &self.before
    }

    /// Where it stands.
    pub fn path(&self) -> &RelPath {
        &self.path
    }

    /// Extended attributes, flags, project.
    pub fn meta(&self) -> Meta {
        metadata::of_open(&self.fd)
    }

    /// Its parts, up to the size it had when it was opened.
    pub fn layout(&self) -> Layout<'_> {
        Layout::new(self.fd.as_fd(), self.before.size)
    }

    /// Fills `buffer` from where the last read ended; less only at the end of the file.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`]; a part of the buffer may then be filled and the place does not move.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FsError> {
        let read = self.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }

    /// Fills `buffer` from `offset`; less only at the end of the file.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, FsError> {
        let mut done = 0;
        while done < buffer.len() {
            match pread(&self.fd, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(FsError::io("read", &self.path)(errno)),
            }
        }
        Ok(done)
    }

    /// Where data begins at `offset` or after it; its size if nothing but a hole follows. A file
    /// system that does not tell has data everywhere.
    pub fn next_data(&self, offset: u64) -> u64 {
        match seek(&self.fd, SeekFrom::Data(offset)) {
            Ok(data) => data,
            Err(Errno::NXIO) => self.before.size.max(offset),
            Err(_) => offset,
        }
    }

    /// Looks again, after the last read: whether the file moved, and what it is now. `end` is the
    /// offset up to which it was read.
    ///
    /// A store through a mapping may move the times late or never; [`super::Trust`] deals with it.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn check(&self, end: u64) -> Result<(Stat, Option<Change>), FsError> {
        let (before, mut now) = (
            &self.before,
            Stat::of(&self.fd).map_err(FsError::io("look at", &self.path))?,
        );
        if before.kind != super::Kind::File {
            // The size of a device comes from elsewhere, and its times say nothing.
            now.size = before.size;
            let short = Change::Truncated {
                from: before.size,
                to: end,
            };
            return Ok((now, (end < before.size).then_some(short)));
        }
        let change = if now.size < before.size || end < before.size {
            Some(Change::Truncated {
                from: before.size,
                to: now.size.min(end),
            })
        } else if now.size > before.size {
            Some(Change::Grown {
                from: before.size,
                to: now.size,
            })
        } else if (before.mtime, before.ctime) != (now.mtime, now.ctime) {
            Some(Change::Modified)
        } else {
            None
        };
        Ok((now, change))
    }
}

/// A file that was read.
#[derive(Debug)]
pub struct ReadFile<T> {
    /// What the reader made of it.
    pub value: T,
    /// Attributes after the last byte was read. The size is the file's, which is not what was
    /// read if it changed.
    pub stat: Stat,
    /// How it moved during the last attempt: to be reported, and not trusted next time.
    pub change: Option<Change>,
}

/// Reads a file with `read`, and once more if it changed meanwhile; then it is taken as it was
/// read, and `change` says so.
///
/// `read` gives its result and the offset up to which it read. What a first attempt stored is
/// not lost: the same bytes deduplicate.
///
/// # Errors
///
/// Those of opening and of `read`. One that comes from the second attempt counts, as the file was
/// there: it vanished or became unreadable.
pub fn read_settled<T, E: From<FsError>>(
    item: &Item,
    mut read: impl FnMut(&mut SourceFile) -> Result<(T, u64), E>,
) -> Result<ReadFile<T>, E> {
    let mut again = true;
    loop {
        let mut file = item.open()?;
        let (value, end) = read(&mut file)?;
        let (stat, change) = file.check(end)?;
        if change.is_none() || !again {
            return Ok(ReadFile {
                value,
                stat,
                change,
            });
        }
        again = false;
    }
}
