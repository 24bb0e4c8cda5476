//! The life of one file: opened with its first part, finished with its last.

use orlop_repo::explain::explain;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::shared::Shared;
use super::summary::Report;
use super::window::LocalPart;
use crate::fs::{Attributes, FileSink, FsError, Identity, LOCKING_FLAGS, RelPath, SinkCursor};

/// Files that stay open between their parts; beyond that each is closed after each part.
const MAX_OPEN: usize = 256;
/// Bytes of an existing file that are compared at once.
const COMPARE: usize = 256 << 10;

/// How a file comes to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// It is made.
    New,
    /// The file that stands there is changed where it differs.
    Patch(Identity),
}

/// One file that is being restored. Its parts may come in any order and from any thread.
pub(super) struct FileJob {
    pub(super) path: RelPath,
    pub(super) want: Attributes,
    pub(super) size: u64,
    pub(super) origin: Origin,
    /// Whether other names of it are still to come.
    pub(super) leader: bool,
    /// Whether its size is set before anything is written: there are holes, or an older file.
    pub(super) sized: bool,
    /// Parts to come, and one for the planner until it has seen the whole file.
    left: AtomicU64,
    damaged: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    identity: Option<Identity>,
    open: Option<Arc<FileSink>>,
    failed: bool,
}

impl FileJob {
    pub(super) fn new(
        path: RelPath,
        want: Attributes,
        size: u64,
        origin: Origin,
        leader: bool,
        sized: bool,
    ) -> Self {
        let identity = match origin {
            Origin::New => None,
            Origin::Patch(identity) => Some(identity),
        };
        Self {
            path,
            want,
            size,
            origin,
            leader,
            sized,
            left: AtomicU64::new(1),
            damaged: AtomicBool::new(false),
            state: Mutex::new(State {
                identity,
                open: None,
                failed: false,
            }),
        }
    }

    /// Announces a part.
    pub(super) fn part_to_come(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    /// Names the file as damaged, once.
    pub(super) fn damage(&self, shared: &Shared, what: &dyn std::error::Error) {
        if !self.damaged.swap(true, Ordering::Relaxed) {
            shared
                .report
                .damaged(&shared.progress, &self.path, explain(what));
        }
    }

    /// Writes a part.
    pub(super) fn write(&self, shared: &Shared, cursor: &mut SinkCursor, bytes: &[u8], at: u64) {
        let written = self.sink(shared, cursor).and_then(|sink| match sink {
            Some(sink) => sink.write_at(bytes, at),
            None => Ok(()),
        });
        match written {
            Ok(()) => Report::add(&shared.report.bytes_written, bytes.len() as u64),
            Err(error) => self.fail(shared, error),
        }
    }

    /// Makes a part that needs nothing from the store; says how many bytes it has.
    pub(super) fn local(
        &self,
        shared: &Shared,
        cursor: &mut SinkCursor,
        at: u64,
        what: &LocalPart,
    ) -> u64 {
        let len = match *what {
            LocalPart::Nothing => 0,
            LocalPart::Bytes(ref bytes) => bytes.len() as u64,
            LocalPart::Zeros(len) | LocalPart::Hole(len) | LocalPart::Unwritten(len) => len,
        };
        let patch = matches!(self.origin, Origin::Patch(_));
        let made = self.sink(shared, cursor).and_then(|sink| {
            let Some(sink) = sink else { return Ok(()) };
            match *what {
                LocalPart::Nothing => Ok(()),
                LocalPart::Bytes(ref bytes) => {
                    if patch && same(&sink, at, len, Some(bytes))? {
                        return Ok(());
                    }
                    Report::add(&shared.report.bytes_written, len);
                    sink.write_at(bytes, at)
                }
                LocalPart::Zeros(_) if !shared.sparse => {
                    if patch && same(&sink, at, len, None)? {
                        return Ok(());
                    }
                    Report::add(&shared.report.bytes_written, len);
                    sink.zeros(at, len)
                }
                // A new file is one hole until something is written into it.
                LocalPart::Hole(_) | LocalPart::Zeros(_) if !patch => Ok(()),
                LocalPart::Hole(_) | LocalPart::Zeros(_) => sink.hole(at, len),
                LocalPart::Unwritten(_) if !patch => {
                    // Where the file system cannot, the range stays a hole and reads the same.
                    sink.preallocate(at, len).map(|_| ())
                }
                LocalPart::Unwritten(_) => sink.unwritten(at, len).map(|_| ()),
            }
        });
        if let Err(error) = made {
            self.fail(shared, error);
        }
        len
    }

    /// The open file; nothing if it failed before.
    pub(super) fn sink(
        &self,
        shared: &Shared,
        cursor: &mut SinkCursor,
    ) -> Result<Option<Arc<FileSink>>, FsError> {
        let mut state = self.state.lock();
        if state.failed {
            return Ok(None);
        }
        if let Some(open) = &state.open {
            return Ok(Some(Arc::clone(open)));
        }
        let sink = if let Some(identity) = state.identity {
            cursor.open_file(&self.path, Some(identity))?
        } else {
            let mut sink = cursor.create_file_as(&self.path, self.want.mode)?;
            // Nothing is lost without them, and the last flags are tried again, and reported.
            sink.set_early_flags(self.want.flags).unwrap_or_default();
            sink
        };
        if self.sized {
            sink.set_len(self.size)?;
        }
        state.identity = Some(sink.identity());
        let sink = Arc::new(sink);
        state.open = Some(Arc::clone(&sink));
        shared.open.fetch_add(1, Ordering::Relaxed);
        Ok(Some(sink))
    }

    fn close(&self, shared: &Shared) -> Option<Arc<FileSink>> {
        let open = self.state.lock().open.take();
        if open.is_some() {
            shared.open.fetch_sub(1, Ordering::Relaxed);
        }
        open
    }

    /// Gives the file up, once, and says why.
    pub(super) fn fail(&self, shared: &Shared, error: FsError) {
        let before = std::mem::replace(&mut self.state.lock().failed, true);
        if !before {
            self.close(shared);
            shared.failed(&self.path, error);
        }
    }

    /// Notes that a part of `len` bytes is done; the last one finishes the file.
    pub(super) fn part_done(&self, shared: &Shared, cursor: &mut SinkCursor, len: u64) {
        shared.progress.bytes_done.add(len);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            if let Err(error) = self.finish(shared, cursor) {
                self.fail(shared, error);
            }
        } else if shared.open.load(Ordering::Relaxed) > MAX_OPEN {
            self.close(shared);
        }
    }

    fn finish(&self, shared: &Shared, cursor: &mut SinkCursor) -> Result<(), FsError> {
        if shared.stopped() {
            // Parts may be missing: the time must not say that it is whole.
            self.close(shared);
            return Ok(());
        }
        let Some(sink) = self.sink(shared, cursor)? else {
            return Ok(());
        };
        let identity = sink.identity();
        let damaged = self.damaged.load(Ordering::Relaxed);
        let changed;
        let mut want = &self.want;
        if damaged || (self.leader && want.flags & LOCKING_FLAGS != 0) {
            let mut other = want.clone();
            if damaged {
                sink.set_len(self.size)?;
                other.mtime = sink.stat()?.mtime;
            }
            if self.leader && want.flags & LOCKING_FLAGS != 0 {
                shared.finish_later(&self.path, identity, &other);
                other.flags &= !LOCKING_FLAGS;
            }
            changed = other;
            want = &changed;
        }
        drop(sink);
        let warnings = match self.close(shared).map(Arc::try_unwrap) {
            Some(Ok(sink)) => sink.finish(want),
            _ => cursor.finish(&self.path, want, Some(identity))?,
        };
        shared.report.warnings(warnings);
        if self.leader {
            shared.note_leader(&self.path, identity, damaged);
        }
        Report::add(&shared.report.files, 1);
        Report::add(&shared.report.bytes, self.size);
        match self.origin {
            Origin::New => shared.progress.files.new.add(1),
            Origin::Patch(_) => shared.progress.files.changed.add(1),
        }
        Ok(())
    }
}

/// Whether a range of an existing file reads as `bytes`, or as zeros.
fn same(sink: &FileSink, at: u64, len: u64, bytes: Option<&[u8]>) -> Result<bool, FsError> {
    let mut buffer = vec![0; usize::try_from(len).unwrap_or(COMPARE).min(COMPARE)];
    let mut done = 0;
    while done < len {
        let part = usize::try_from(len - done).unwrap_or(COMPARE).min(COMPARE);
        let found = &mut buffer[..part];
        let read = sink.read_at(found, at + done)?;
        let equal = match bytes {
            // Bytes of an entry are few: they fit the buffer at once.
            Some(bytes) => found == bytes,
            None => found.iter().all(|&byte| byte == 0),
        };
        if read < part || !equal {
            return Ok(false);
        }
        done += part as u64;
    }
    Ok(true)
}
