//! From groups of events to batches: files are cut as the target cuts them.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use orlop_repo::model::Extent;
use orlop_repo::tree::{EntryKind, join_path};

use super::fetch::Fetched;
use super::plan::{DAMAGED, Event, Group};
use crate::backup::BackupError;
use crate::backup::batch::{Batch, Leader, Link, Placed, Work};
use crate::backup::feed::{BATCH_BYTES, Feeder, WORK_BYTES};
use crate::classify::{Class, Effort, effort};

/// Zeros that are made at a time, in bytes.
const ZEROS: u64 = 64 << 10;

/// A file that is being taken apart.
pub(super) struct Open {
    placed: Placed,
    leader: Option<Leader>,
    class: Class,
    effort: Effort,
    /// Bytes that are not cut yet.
    buffer: Vec<u8>,
    /// Offset in the file of the first of them.
    cut_to: u64,
    /// What cannot be read of it, the first.
    lost: Option<String>,
}

/// Feeds the pipeline with a tree of another repository.
pub(super) struct CopyFeeder<'a, S: FnMut(Batch) -> Result<(), BackupError>> {
    feeder: Feeder<'a, S>,
    open: Option<Open>,
    /// Files with several names that are not whole.
    damaged: Vec<(Leader, String)>,
}

impl<'a, S: FnMut(Batch) -> Result<(), BackupError>> CopyFeeder<'a, S> {
    pub(super) fn new(feeder: Feeder<'a, S>) -> Self {
        Self {
            feeder,
            open: None,
            damaged: Vec::new(),
        }
    }

    /// Takes groups until there are no more.
    pub(super) fn run(
        mut self,
        groups: &Receiver<Result<Group, BackupError>>,
    ) -> Result<(), BackupError> {
        while let Ok(group) = groups.recv() {
            if self.feeder.progress().cancelled() {
                return Err(self.feeder.interrupted());
            }
            let Group {
                events,
                fetched,
                share,
            } = group?;
            let fetched = fetched
                .blocking_recv()
                .map_err(|_| BackupError::PartGone)??;
            let mut fetched = fetched.into_iter();
            for event in events {
                self.event(event, &mut fetched)?;
            }
            drop(share);
        }
        if self.open.is_some() {
            return Err(BackupError::PartGone);
        }
        self.feeder.end()
    }

    fn event(
        &mut self,
        event: Event,
        fetched: &mut impl Iterator<Item = Fetched>,
    ) -> Result<(), BackupError> {
        match event {
            Event::Entry(placed) => {
                self.count(&placed, true);
                if placed.entry.kind == EntryKind::File {
                    self.feeder.progress().bytes_done.add(placed.entry.size);
                }
                self.feeder.push(Work::Inherit(placed), WORK_BYTES)
            }
            Event::File(placed, leader) => self.begin(placed, leader),
            Event::Gap(extent) => self.gap(extent),
            Event::Zeros(len) => self.zeros(len),
            Event::Chunk(len) => match fetched.next() {
                Some(Ok(bytes)) => {
                    self.feeder.progress().bytes_read.add(bytes.len() as u64);
                    self.data(&bytes)
                }
                Some(Err(what)) => self.lost(u64::from(len), what),
                None => Err(BackupError::PartGone),
            },
            Event::Lost(len, what) => self.lost(len, what),
            Event::End => self.end_file(),
            Event::Link(placed, leader) => self.link(placed, leader),
        }
    }

    fn count(&self, placed: &Placed, unmodified: bool) {
        let progress = self.feeder.progress();
        match placed.entry.kind {
            EntryKind::File if unmodified => progress.files.unmodified.add(1),
            EntryKind::File => progress.files.new.add(1),
            EntryKind::Folder => progress.folders.new.add(1),
            _ => progress.others.add(1),
        }
    }

    fn begin(&mut self, placed: Placed, leader: Option<Leader>) -> Result<(), BackupError> {
        self.count(&placed, false);
        let path = join_path(&placed.parent, &placed.entry.name);
        self.feeder.progress().set_current(&path);
        let class = Class::from_recorded(placed.entry.class).unwrap_or(Class::General);
        self.feeder.push(Work::Begin(class), WORK_BYTES)?;
        self.open = Some(Open {
            placed,
            leader,
            class,
            effort: effort(class, &[]),
            buffer: Vec::new(),
            cut_to: 0,
            lost: None,
        });
        Ok(())
    }

    fn data(&mut self, mut bytes: &[u8]) -> Result<(), BackupError> {
        let room = usize::try_from(BATCH_BYTES).unwrap_or(1 << 20);
        while !bytes.is_empty() {
            let Some(open) = &mut self.open else {
                return Err(BackupError::PartGone);
            };
            if open.buffer.is_empty() && open.cut_to == 0 {
                // Of a log of a database, too, which has a head and no class.
                open.effort = effort(open.class, bytes);
            }
            let (now, later) = bytes.split_at(bytes.len().min(room - open.buffer.len()));
            if open.buffer.capacity() == 0 {
                let left = open.placed.entry.size.saturating_sub(open.cut_to);
                let capacity = left.min(BATCH_BYTES);
                open.buffer
                    .reserve_exact(usize::try_from(capacity).unwrap_or(room));
            }
            open.buffer.extend_from_slice(now);
            bytes = later;
            if open.buffer.len() == room {
                self.cut(false)?;
            }
        }
        Ok(())
    }

    /// Cuts what is there, as far as that can be told without what follows, and sends it.
    fn cut(&mut self, last: bool) -> Result<(), BackupError> {
        let Some(open) = &mut self.open else {
            return Err(BackupError::PartGone);
        };
        let cutting = self.feeder.shop.cutting(open.class);
        let (mut done, mut cuts) = (0, Vec::new());
        while let Some(rest) = open.buffer.get(done..).filter(|rest| !rest.is_empty()) {
            let Some(len) = cutting.next_cut_at(open.cut_to, rest, last) else {
                break;
            };
            cuts.push(u32::try_from(len).unwrap_or(u32::MAX));
            done += len;
            open.cut_to += len as u64;
        }
        if done == 0 {
            return Ok(());
        }
        let left = open.buffer.split_off(done);
        let data = std::mem::replace(&mut open.buffer, left);
        let effort = open.effort;
        let bytes = data.len() as u64;
        let piece = Work::Piece { data, cuts, effort };
        self.feeder.push(piece, bytes)
    }

    fn zeros(&mut self, len: u64) -> Result<(), BackupError> {
        let zeros = vec![0; usize::try_from(len.min(ZEROS)).unwrap_or(0)];
        let mut left = len;
        while left > 0 {
            let now = left.min(ZEROS);
            let part = usize::try_from(now).ok().and_then(|now| zeros.get(..now));
            self.data(part.unwrap_or_default())?;
            left -= now;
        }
        Ok(())
    }

    fn gap(&mut self, extent: Extent) -> Result<(), BackupError> {
        self.cut(true)?;
        if let Some(open) = &mut self.open {
            open.cut_to += extent.len();
        }
        self.feeder.progress().bytes_done.add(extent.len());
        self.feeder.push(Work::Gap(extent), WORK_BYTES)
    }

    /// Puts a hole in the place of what cannot be read, so that all else stays where it is.
    fn lost(&mut self, len: u64, what: String) -> Result<(), BackupError> {
        if let Some(open) = &mut self.open {
            open.lost.get_or_insert(what);
        }
        self.gap(Extent::Hole(len))
    }

    fn end_file(&mut self) -> Result<(), BackupError> {
        self.cut(true)?;
        let Some(open) = self.open.take() else {
            return Err(BackupError::PartGone);
        };
        let Open {
            mut placed,
            leader,
            class,
            lost,
            ..
        } = open;
        placed.entry.class = class.recorded();
        if let Some(what) = lost {
            placed.entry.notes = placed.entry.notes.with(DAMAGED);
            if let Some(leader) = &leader {
                self.damaged.push((Arc::clone(leader), what.clone()));
            }
            self.report(&placed, &what);
        }
        self.feeder.push(Work::EndCopy(placed, leader), WORK_BYTES)
    }

    fn link(&mut self, placed: Placed, leader: Leader) -> Result<(), BackupError> {
        self.count(&placed, false);
        self.feeder.progress().bytes_done.add(placed.entry.size);
        let damaged = self.damaged.iter();
        let found = damaged.rev().find(|(of, _)| Arc::ptr_eq(of, &leader));
        if let Some((_, what)) = found {
            self.report(&placed, what);
        }
        let link = Link {
            parent: placed.parent,
            name: placed.entry.name.into(),
            leader,
            expected: None,
        };
        self.feeder.push(Work::Link(link), WORK_BYTES)
    }

    fn report(&self, placed: &Placed, what: &str) {
        let path = join_path(&placed.parent, &placed.entry.name);
        let what = format!("damaged in the source: {what}");
        self.feeder.shop.reports.incomplete(&path, what);
    }
}
