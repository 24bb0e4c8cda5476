//! Writing one restored file.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FallocateFlags, fallocate, fsync, ftruncate};
use rustix::io::{Errno, pwrite};

use super::apply::{Attributes, Known, Target, Warning, apply, set_flags};
use super::metadata::EARLY_FLAGS;
use super::root::is_unsupported;
use super::{FsError, Identity, RelPath, Stat};

/// A file that is being written, in any order, by its descriptor alone.
#[derive(Debug)]
pub struct FileSink {
    fd: OwnedFd,
    path: RelPath,
    stat: Stat,
    /// What is known of its metadata, if it was made by this process and nothing was set since.
    known: Known,
}

/// Zeros to write, at once.
static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

impl FileSink {
    /// A file that was there.
    pub(super) fn new(fd: OwnedFd, path: RelPath) -> Result<Self, FsError> {
        let stat = Stat::of(&fd).map_err(FsError::io("look at", &path))?;
        Ok(Self {
            fd,
            path,
            stat,
            known: Known::Nothing,
        })
    }

    /// A file that was just made; `bare` if it inherited nothing from its folder.
    pub(super) fn made(fd: OwnedFd, path: RelPath, bare: bool) -> Result<Self, FsError> {
        let mut sink = Self::new(fd, path)?;
        sink.known = if bare { Known::All } else { Known::Stat };
        Ok(sink)
    }

    /// Which file it is; a hard link to it is made by it.
    pub fn identity(&self) -> Identity {
        self.stat.identity
    }

    /// Where it stands.
    pub fn path(&self) -> &RelPath {
        &self.path
    }

    /// What it is at this moment.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn stat(&self) -> Result<Stat, FsError> {
        Stat::of(&self.fd).map_err(FsError::io("look at", &self.path))
    }

    /// Sets the flags that take effect only on an empty file: compression, no copy on write.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`] where the file system has none of them.
    pub fn set_early_flags(&mut self, flags: u32) -> Result<(), FsError> {
        let early = flags & EARLY_FLAGS;
        if early == 0 {
            return Ok(());
        }
        self.known = Known::Nothing;
        set_flags(&self.fd, early).map_err(FsError::io("set the inode flags", &self.path))
    }

    /// Sets the size; bytes beyond the old end are a hole.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn set_len(&self, size: u64) -> Result<(), FsError> {
        ftruncate(&self.fd, size).map_err(FsError::io("set the size of", &self.path))
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn write_at(&self, mut bytes: &[u8], mut offset: u64) -> Result<(), FsError> {
        while !bytes.is_empty() {
            match pwrite(&self.fd, bytes, offset) {
                Ok(0) => return Err(FsError::io("write", &self.path)(Errno::IO)),
                Ok(written) => {
                    bytes = &bytes[written..];
                    offset += written as u64;
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(FsError::io("write", &self.path)(errno)),
            }
        }
        Ok(())
    }

    /// Writes zeros that take space, as the source had them.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn zeros(&self, mut offset: u64, mut len: u64) -> Result<(), FsError> {
        while len > 0 {
            let part = usize::try_from(len).unwrap_or(ZEROS.len()).min(ZEROS.len());
            self.write_at(&ZEROS[..part], offset)?;
            offset += part as u64;
            len -= part as u64;
        }
        Ok(())
    }

    /// Reserves space for data that is about to be written. The size does not change.
    ///
    /// Says whether the file system can do that; where it cannot nothing is lost.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`], for one when there is no space.
    pub fn preallocate(&self, offset: u64, len: u64) -> Result<bool, FsError> {
        self.allocate(FallocateFlags::KEEP_SIZE, offset, len, "reserve space for")
    }

    /// Makes a range allocated and unwritten, reading as zeros. The size is set before.
    ///
    /// Says whether the file system can do that; where it cannot the range stays a hole.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn unwritten(&self, offset: u64, len: u64) -> Result<bool, FsError> {
        // Whatever stands there goes first; on a new file there is nothing.
        self.hole(offset, len)?;
        self.allocate(FallocateFlags::KEEP_SIZE, offset, len, "reserve space for")
    }

    /// Makes a range a hole: on a new file it is one already, on an existing one what stands
    /// there is taken out. Where the file system cannot, zeros are written.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn hole(&self, offset: u64, len: u64) -> Result<(), FsError> {
        let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if len == 0 || self.allocate(how, offset, len, "punch a hole into")? {
            return Ok(());
        }
        self.zeros(offset, len)
    }

    fn allocate(
        &self,
        how: FallocateFlags,
        offset: u64,
        len: u64,
        action: &'static str,
    ) -> Result<bool, FsError> {
        if len == 0 {
            return Ok(true);
        }
        match fallocate(&self.fd, how, offset, len) {
            Ok(()) => Ok(true),
            Err(errno) if is_unsupported(errno) => Ok(false),
            Err(errno) => Err(FsError::io(action, &self.path)(errno)),
        }
    }

    /// Fills `buffer` from `offset`, to compare what is there; less only at the end.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, FsError> {
        let mut done = 0;
        while done < buffer.len() {
            match rustix::io::pread(&self.fd, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(FsError::io("read", &self.path)(errno)),
            }
        }
        Ok(done)
    }

    /// Makes content and metadata survive a loss of power.
    ///
    /// # Errors
    ///
    /// [`FsError::Io`].
    pub fn sync(&self) -> Result<(), FsError> {
        fsync(&self.fd).map_err(FsError::io("sync", &self.path))
    }

    /// Sets the metadata; what could not be set is returned, and the file is good all the same.
    ///
    /// A file that gets immutable or append only can have no more hard links: such a one, if it
    /// has links still to come, is finished with those flags off and given to the
    /// [`super::Finisher`].
    pub fn finish(self, want: &Attributes) -> Vec<Warning> {
        let fd = self.fd.as_fd();
        apply(Target::Open(fd), &self.path, want, self.known, &self.stat)
    }
}
