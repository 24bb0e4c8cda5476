//! From fetched blocks to parts of files.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use crossbeam_channel::Receiver;
use orlop_repo::model::{ObjectName, Place};
use orlop_repo::repository::ReadError;
use orlop_repo::seal::BlockKind;
use orlop_repo::store::StoreError;
use tokio::sync::OwnedSemaphorePermit;

use super::shared::Shared;
use super::window::{LocalPart, Request, Want, Window};
use crate::fs::SinkCursor;

/// What a worker does next.
pub(super) enum Work {
    /// Opens blocks and writes what files want of them.
    Blocks {
        window: Arc<Window>,
        request: Request,
        /// The bytes of the request, or why there are none.
        bytes: Result<Bytes, StoreError>,
        permit: OwnedSemaphorePermit,
    },
    /// Makes the parts that need nothing from the store.
    Locals {
        window: Arc<Window>,
        locals: Range<usize>,
        permit: OwnedSemaphorePermit,
    },
}

/// Works until the queue is closed. When the restore stops, what is queued is dropped.
pub(super) fn work(queue: &Receiver<Work>, shared: &Shared, mut cursor: SinkCursor) {
    let mut buffers = Buffers::default();
    for work in queue {
        if shared.stopped() {
            continue;
        }
        match work {
            Work::Locals {
                window,
                locals,
                permit,
            } => {
                for local in &window.locals[locals] {
                    let file = &window.files[local.file as usize];
                    let len = file.local(shared, &mut cursor, local.at, &local.what);
                    file.part_done(shared, &mut cursor, len);
                }
                drop(permit);
            }
            Work::Blocks {
                window,
                request,
                bytes,
                permit,
            } => {
                let mut worker = Worker {
                    shared,
                    window: &window,
                    cursor: &mut cursor,
                };
                worker.request(&request, &bytes, &mut buffers);
                // The bytes first: whoever waits for the permit takes as many again.
                drop(bytes);
                drop(permit);
            }
        }
    }
}

struct Worker<'w> {
    shared: &'w Shared,
    window: &'w Window,
    cursor: &'w mut SinkCursor,
}

/// Kept between blocks: allocating them anew would cost more than filling them.
#[derive(Default)]
struct Buffers {
    text: Vec<u8>,
    body: Vec<u8>,
}

impl Worker<'_> {
    fn request(
        &mut self,
        request: &Request,
        bytes: &Result<Bytes, StoreError>,
        buffers: &mut Buffers,
    ) {
        let window = self.window;
        let wants = &window.wants[request.wants.clone()];
        for block in wants.chunk_by(|a, b| same_block(&a.place, &b.place)) {
            let Some(first) = block.first() else { continue };
            let place = first.place;
            let from = u64::from(place.block_offset) - request.bytes.start;
            let stored = match bytes {
                Ok(bytes) => usize::try_from(from)
                    .ok()
                    .and_then(|from| bytes.get(from..from + place.block_len as usize))
                    .map(|stored| bytes.slice_ref(stored)),
                Err(_) => None,
            };
            let stored = match (stored, bytes) {
                (Some(stored), _) => Ok(stored),
                // The pack is gone, and each of its blocks with it.
                (None, Err(StoreError::NotFound { at })) => Err(ReadError::Store {
                    place,
                    source: StoreError::NotFound { at: at.clone() },
                }),
                // Any other request that failed is no verdict on each of its blocks.
                (None, _) => self.fetch(place),
            };
            match stored.and_then(|stored| self.open(place, &stored, buffers)) {
                Ok(plain) => self.write(block, plain),
                Err(error) => self.give_up(block, error),
            }
            if self.shared.stopped() {
                return;
            }
        }
    }

    /// Fetches one block alone.
    fn fetch(&self, place: Place) -> Result<Bytes, ReadError> {
        let start = u64::from(place.block_offset);
        let range = start..start + u64::from(place.block_len);
        let name = ObjectName::pack(place.pack);
        let store = self.shared.repository.store();
        self.shared
            .runtime
            .block_on(store.get_range(&name, range))
            .map_err(|source| ReadError::Store { place, source })
    }

    fn open<'b>(
        &self,
        place: Place,
        stored: &[u8],
        buffers: &'b mut Buffers,
    ) -> Result<&'b [u8], ReadError> {
        self.shared
            .repository
            .keys()
            .open_block_within(
                BlockKind::Data,
                stored,
                &mut buffers.text,
                &mut buffers.body,
            )
            .map_err(|source| ReadError::Open { place, source })
    }

    /// Writes what is wanted of the open block.
    fn write(&mut self, wants: &[Want], plain: &[u8]) {
        let ids = self.shared.repository.keys().ids();
        // Wants of one chunk stand together: its id is computed once.
        for chunk in wants.chunk_by(same_chunk) {
            let Some(&Want { place, id, len, .. }) = chunk.first() else {
                continue;
            };
            let bytes = (place.offset as usize)
                .checked_add(len as usize)
                .and_then(|end| plain.get(place.offset as usize..end))
                .filter(|bytes| ids.chunk_id(bytes) == id);
            let Some(bytes) = bytes else {
                self.give_up(chunk, ReadError::Mismatch { id, place });
                continue;
            };
            put(self.shared, self.window, self.cursor, chunk, bytes);
        }
    }

    /// Looks elsewhere for what cannot be read here, and names the files that go without: if
    /// stored bytes are wrong or gone, else all stops.
    fn give_up(&mut self, wants: &[Want], error: ReadError) {
        if !error.is_damage() {
            return self.shared.stop(error.into());
        }
        for chunk in wants.chunk_by(same_chunk) {
            let Some(&Want { place, id, len, .. }) = chunk.first() else {
                continue;
            };
            let other = self.shared.elsewhere.read(BlockKind::Data, id, len, &place);
            match self.shared.runtime.block_on(other) {
                Ok(Some(bytes)) => put(self.shared, self.window, self.cursor, chunk, &bytes),
                Ok(None) => {
                    for want in chunk {
                        lose(self.shared, self.window, self.cursor, want, &error);
                    }
                }
                Err(error) => return self.shared.stop(error.into()),
            }
        }
    }
}

/// Writes a chunk to every place that wants it.
fn put(shared: &Shared, window: &Window, cursor: &mut SinkCursor, wants: &[Want], bytes: &[u8]) {
    for want in wants {
        let file = &window.files[want.file as usize];
        file.write(shared, cursor, bytes, want.at);
        file.part_done(shared, cursor, u64::from(want.len));
    }
}

/// Notes that a part of a file cannot be read.
pub(super) fn lose(
    shared: &Shared,
    window: &Window,
    cursor: &mut SinkCursor,
    want: &Want,
    error: &ReadError,
) {
    let file = &window.files[want.file as usize];
    file.damage(shared, error);
    // Of an older file nothing may remain there that could pass for the content.
    file.local(
        shared,
        cursor,
        want.at,
        &LocalPart::Hole(u64::from(want.len)),
    );
    file.part_done(shared, cursor, u64::from(want.len));
}

fn same_block(a: &Place, b: &Place) -> bool {
    (a.pack, a.block_offset, a.block_len) == (b.pack, b.block_offset, b.block_len)
}

fn same_chunk(a: &Want, b: &Want) -> bool {
    (a.place.offset, a.len, a.id) == (b.place.offset, b.len, b.id)
}
