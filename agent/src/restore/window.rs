//! Parts of files that are fetched together, and the requests for them.

use std::ops::Range;
use std::sync::Arc;

use orlop_chunker::ChunkId;
use orlop_repo::model::{ChunkRef, PackName, Place};
use tokio::sync::OwnedSemaphorePermit;

use super::file_job::FileJob;

/// Blocks with less than this between them are read in one request: reading the gap is cheaper
/// than another request.
const GAP: u32 = 256 << 10;
/// The longest block that the format allows, with its nonce and tag (FORMAT.md section 3.1).
const MAX_BLOCK_STORED: u32 = (2 << 20) + 64;

/// A chunk that a file wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want {
    pub(super) place: Place,
    pub(super) id: ChunkId,
    pub(super) len: u32,
    /// Index of the file in its window.
    pub(super) file: u32,
    /// Offset in the file.
    pub(super) at: u64,
}

/// A part of a file that needs nothing from the store.
#[derive(Debug)]
pub(super) struct Local {
    /// Index of the file in its window.
    pub(super) file: u32,
    /// Offset in the file.
    pub(super) at: u64,
    pub(super) what: LocalPart,
}

/// Kinds of [`Local`].
#[derive(Debug)]
pub(super) enum LocalPart {
    /// An empty file.
    Nothing,
    /// Bytes that stand in the entry.
    Bytes(Vec<u8>),
    /// Zeros that take space.
    Zeros(u64),
    /// A hole.
    Hole(u64),
    /// Space that is allocated and was never written.
    Unwritten(u64),
}

/// Parts of files that are fetched together.
#[derive(Default)]
pub(super) struct Window {
    pub(super) files: Vec<Arc<FileJob>>,
    /// In the order of packs, blocks and offsets once it is sorted.
    pub(super) wants: Vec<Want>,
    pub(super) locals: Vec<Local>,
    /// Given back when the last of its parts is done.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// Blocks that stand close to each other in one pack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Request {
    pub(super) pack: PackName,
    /// Bytes of the pack.
    pub(super) bytes: Range<u64>,
    /// Which wants of the window it serves.
    pub(super) wants: Range<usize>,
}

impl Window {
    /// How many parts it has.
    pub(super) fn len(&self) -> usize {
        self.wants.len() + self.locals.len()
    }

    /// Adds a chunk to be written at `at` of `file`.
    pub(super) fn want(&mut self, file: u32, at: u64, chunk: &ChunkRef) {
        let ChunkRef { id, len, place } = *chunk;
        self.wants.push(Want {
            place,
            id,
            len,
            file,
            at,
        });
    }

    /// Sorts the wants and puts neighbouring blocks into requests of at most `max` bytes, or
    /// of one block that is longer.
    ///
    /// Wants whose place the format does not allow come back as the second value: no request
    /// serves them.
    pub(super) fn plan(&mut self, max: u32) -> (Vec<Request>, Vec<Want>) {
        let mut illegal = Vec::new();
        self.wants.retain(|want| {
            let legal = want.place.block_len <= MAX_BLOCK_STORED
                && want
                    .place
                    .block_offset
                    .checked_add(want.place.block_len)
                    .is_some();
            if !legal {
                illegal.push(*want);
            }
            legal
        });
        self.wants.sort_unstable_by_key(|want| {
            let Place {
                pack,
                block_offset,
                block_len,
                offset,
            } = want.place;
            (pack, block_offset, block_len, offset, want.file, want.at)
        });
        let mut requests: Vec<Request> = Vec::new();
        for (index, want) in self.wants.iter().enumerate() {
            let start = u64::from(want.place.block_offset);
            let end = start + u64::from(want.place.block_len);
            match requests.last_mut() {
                Some(last)
                    if last.pack == want.place.pack
                        && start <= last.bytes.end + u64::from(GAP)
                        && (end <= last.bytes.end || end - last.bytes.start <= u64::from(max)) =>
                {
                    last.bytes.end = last.bytes.end.max(end);
                    last.wants.end = index + 1;
                }
                _ => requests.push(Request {
                    pack: want.place.pack,
                    bytes: start..end,
                    wants: index..index + 1,
                }),
            }
        }
        (requests, illegal)
    }
}

#[cfg(test)]
mod tests {
    use orlop_repo::model::SessionId;

    use super::*;

    fn window(blocks: &[(u32, u32, u32)]) -> Window {
        let mut window = Window::default();
        for &(number, block_offset, block_len) in blocks {
            let pack = PackName {
                session: SessionId::from_bytes([1; 16]),
                number,
            };
            let place = Place {
                pack,
                block_offset,
                block_len,
                offset: 0,
            };
            let id = ChunkId::from_bytes([0; ChunkId::LEN]);
            window.want(0, 0, &ChunkRef { id, len: 1, place });
        }
        window
    }

    fn ranges(requests: &[Request]) -> Vec<(u32, Range<u64>, usize)> {
        let request = |r: &Request| (r.pack.number, r.bytes.clone(), r.wants.len());
        requests.iter().map(request).collect()
    }

    #[test]
    fn neighbours_share_a_request_and_others_do_not() {
        let mut window = window(&[
            (1, 16, 10),
            (0, 900_000, 5),
            (0, 16, 10),
            (0, 30, 10),
            (0, 16, 10),
        ]);
        let (requests, illegal) = window.plan(8 << 20);
        assert!(illegal.is_empty());
        assert_eq!(
            ranges(&requests),
            [(0, 16..40, 3), (0, 900_000..900_005, 1), (1, 16..26, 1)]
        );
    }

    #[test]
    fn a_request_ends_at_its_limit() {
        let mut window = window(&[(0, 0, 100), (0, 100, 100), (0, 200, 100)]);
        let (requests, _) = window.plan(200);
        assert_eq!(ranges(&requests), [(0, 0..200, 2), (0, 200..300, 1)]);
        let mut one = self::window(&[(0, 0, 100), (0, 0, 100), (0, 0, 100)]);
        let (requests, _) = one.plan(10);
        assert_eq!(ranges(&requests), [(0, 0..100, 3)], "a block is read once");
    }

    #[test]
    fn a_block_that_cannot_be_is_no_reason_for_a_request() {
        let mut window = window(&[(0, 16, u32::MAX), (0, u32::MAX, 16), (0, 16, 16)]);
        let (requests, illegal) = window.plan(1 << 20);
        assert_eq!(illegal.len(), 2);
        assert_eq!(ranges(&requests), [(0, 16..32, 1)]);
    }
}
