//! Which parts of a file hold data.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::ioctls::{FIEMAP_BATCH, FIEMAP_UNWRITTEN, fiemap};

/// What a part of a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentKind {
    /// To be read.
    Data,
    /// Not allocated; reads as zeros.
    Hole,
    /// Allocated and never written; reads as zeros.
    Unwritten,
}

/// A part of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// What it is.
    pub kind: SegmentKind,
    /// Offset in bytes.
    pub offset: u64,
    /// Length in bytes, above zero.
    pub len: u64,
}

/// The parts of a file in order: contiguous, from 0 to the size.
///
/// Holes are those that `SEEK_HOLE` tells: it looks at the page cache, so unwritten space with
/// dirty pages counts as data. The extent map, which does not, only says which holes are
/// allocated. Where the file system knows neither call everything is data. Memory is bounded
/// however many parts there are.
#[derive(Debug)]
pub struct Layout<'fd> {
    fd: BorrowedFd<'fd>,
    size: u64,
    at: u64,
    /// End of the hole that is being split by the extent map.
    hole_end: u64,
    ready: VecDeque<Segment>,
}

impl<'fd> Layout<'fd> {
    pub(super) fn new(fd: BorrowedFd<'fd>, size: u64) -> Self {
        Self {
            fd,
            size,
            at: 0,
            hole_end: 0,
            ready: VecDeque::new(),
        }
    }

    fn give(&mut self, kind: SegmentKind, end: u64) {
        let (offset, end) = (self.at, end.min(self.size));
        if end <= offset {
            return;
        }
        self.at = end;
        match self.ready.back_mut() {
            Some(last) if last.kind == kind => last.len += end - offset,
            _ => self.ready.push_back(Segment {
                kind,
                offset,
                len: end - offset,
            }),
        }
    }

    /// Splits the next part of the hole that begins at `at`.
    fn split_hole(&mut self) {
        let end = self.hole_end;
        let Ok((count, extents)) = fiemap(self.fd, self.at, end - self.at) else {
            return self.give(SegmentKind::Hole, end);
        };
        for extent in &extents[..count] {
            let stop = extent.logical.saturating_add(extent.length).min(end);
            self.give(SegmentKind::Hole, extent.logical.min(end));
            // An extent that is not unwritten was written after the hole was seen: it is read.
            let unwritten = extent.flags & FIEMAP_UNWRITTEN != 0;
            let kind = if unwritten {
                SegmentKind::Unwritten
            } else {
                SegmentKind::Data
            };
            self.give(kind, stop);
        }
        if count < FIEMAP_BATCH {
            self.give(SegmentKind::Hole, end);
        }
    }
}

impl Iterator for Layout<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        // The last part that is ready may still grow.
        while self.at < self.size && self.ready.len() < 2 {
            if self.at < self.hole_end {
                self.split_hole();
                continue;
            }
            let data = match seek(self.fd, SeekFrom::Data(self.at)) {
                Ok(data) => data.clamp(self.at, self.size),
                Err(Errno::NXIO) => self.size,
                Err(_) => {
                    self.give(SegmentKind::Data, self.size);
                    break;
                }
            };
            if data > self.at {
                self.hole_end = data;
                continue;
            }
            // A hole at the very place where data was just found: the file moves; read it.
            let hole = match seek(self.fd, SeekFrom::Hole(self.at)) {
                Ok(hole) if hole > self.at => hole,
                _ => self.size,
            };
            self.give(SegmentKind::Data, hole);
        }
        self.ready.pop_front()
    }
}
