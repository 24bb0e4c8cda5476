//! An open file.

use std::collections::HashSet;
use std::sync::Arc;

use fuser::Errno;
use orlop_chunker::ChunkId;
use orlop_repo::model::Extent;
use orlop_repo::tree::{Content, Entry};
use parking_lot::Mutex;

use super::ahead::Ahead;
use super::extents::Stretch;
use super::node::Placed;
use super::trees::Trees;
use super::trouble::Trouble;

/// Most that is read ahead of one reader, in bytes.
const MAX_AHEAD: u64 = 32 << 20;
/// Chunks of a file that are known to be lost, at the most.
const MAX_LOST: usize = 4096;

/// An open file. Its content never changes.
pub(super) struct OpenFile {
    pub(super) placed: Arc<Placed>,
    content: Content,
    size: u64,
    /// What was looked up last of where its content stands.
    known: Mutex<Arc<Stretch>>,
    ahead: Mutex<Ahead>,
    /// Chunks that could not be read: the kernel asks for each page of them again. Whoever opens
    /// the file again, tries again.
    lost: Mutex<HashSet<ChunkId>>,
}

impl OpenFile {
    pub(super) fn new(placed: Arc<Placed>, entry: Entry) -> Self {
        Self {
            placed,
            size: entry.size,
            content: entry.content,
            known: Mutex::default(),
            ahead: Mutex::default(),
            lost: Mutex::default(),
        }
    }

    /// The bytes at `offset`: `len` of them, fewer only at the end of the file. `share` is how many
    /// files share what may be read ahead. Blocks.
    pub(super) fn read(
        &self,
        trees: &Trees,
        offset: u64,
        len: u32,
        share: u64,
    ) -> Result<Vec<u8>, Trouble> {
        let end = offset.saturating_add(len.into()).min(self.size);
        let Some(len) = end.checked_sub(offset).filter(|len| *len > 0) else {
            return Ok(Vec::new());
        };
        if let Content::Inline(bytes) = &self.content {
            return Ok(slice(bytes, offset, len)
                .ok_or(Trouble::Short {
                    end: bytes.len() as u64,
                    size: self.size,
                })?
                .to_vec());
        }
        let most = (trees.data.ahead / share.max(1)).clamp(1 << 20, MAX_AHEAD);
        let wanted = self.ahead.lock().note(offset, len, most);
        let hoped = wanted
            .as_ref()
            .map_or(end, |range| range.end.min(self.size));
        let known = self.stretch(offset, end, hoped)?;
        let mut needed = known.chunks(offset, end);
        needed.dedup_by_key(|chunk| (chunk.place.pack, chunk.place.block_offset));
        if needed.len() > 1 {
            trees.data.fetch(needed, &trees.runtime);
        }
        if let Some(range) = wanted {
            let chunks = known.chunks(range.start, range.end);
            trees.data.fetch(chunks, &trees.runtime);
        }
        let mut answer = vec![0; usize::try_from(len).map_err(|_| Trouble::Plain(Errno::EINVAL))?];
        for (start, extent) in known.between(offset, end) {
            // Zeros and holes are there already.
            if let Extent::Data(chunk) = extent {
                if self.lost.lock().contains(&chunk.id) {
                    return Err(Trouble::Plain(Errno::EIO));
                }
                let bytes = match trees
                    .runtime
                    .block_on(trees.data.chunk(&self.placed.tree, chunk))
                {
                    Err(trouble) if trouble.is_damage() => {
                        let mut lost = self.lost.lock();
                        if lost.len() < MAX_LOST {
                            lost.insert(chunk.id);
                        }
                        return Err(trouble);
                    }
                    read => read?,
                };
                copy(&mut answer, offset, &bytes, *start);
            }
        }
        Ok(answer)
    }

    /// Where data begins at `offset` or after it, or, of a `hole`, where a hole does. Blocks.
    pub(super) fn seek(&self, offset: u64, hole: bool) -> Result<u64, Trouble> {
        let past = Trouble::Plain(Errno::ENXIO);
        if offset >= self.size {
            return Err(past);
        }
        if !matches!(self.content, Content::Extents(_) | Content::Indirect { .. }) {
            return Ok(if hole { self.size } else { offset });
        }
        let mut extents = self.placed.tree.extents(&self.content, offset);
        while let Some(extent) = extents.next().transpose()? {
            // What is allocated and was never written is a hole to whoever reads.
            let is_hole = matches!(extent, Extent::Hole(_) | Extent::Unwritten(_));
            if is_hole == hole {
                let start = extents.position().saturating_sub(extent.len());
                return Ok(start.max(offset));
            }
        }
        // The end of a file counts as a hole.
        if hole { Ok(self.size) } else { Err(past) }
    }

    fn stretch(&self, offset: u64, end: u64, hoped: u64) -> Result<Arc<Stretch>, Trouble> {
        let known = Arc::clone(&self.known.lock());
        if known.covers(offset, hoped) {
            return Ok(known);
        }
        let tree = &self.placed.tree;
        let loaded = Arc::new(Stretch::load(tree, &self.content, offset, end, hoped)?);
        *self.known.lock() = Arc::clone(&loaded);
        Ok(loaded)
    }
}

fn slice(bytes: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(len).ok()?)?)
}

/// Copies into `answer`, which begins at `offset` of the file, what it shares with `bytes`, which
/// begin at `start`.
fn copy(answer: &mut [u8], offset: u64, bytes: &[u8], start: u64) {
    let (skip, at) = (offset.saturating_sub(start), start.saturating_sub(offset));
    let (Ok(skip), Ok(at)) = (usize::try_from(skip), usize::try_from(at)) else {
        return;
    };
    let (to, from) = (answer.get_mut(at..), bytes.get(skip..));
    let (to, from) = (to.unwrap_or_default(), from.unwrap_or_default());
    let len = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..len), from.get(..len)) {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_copied_where_they_belong() {
        let mut answer = [b'.'; 6];
        copy(&mut answer, 10, b"abcd", 8);
        assert_eq!(&answer, b"cd....");
        copy(&mut answer, 10, b"xyz", 14);
        assert_eq!(&answer, b"cd..xy");
        copy(&mut answer, 10, b"no", 16);
        copy(&mut answer, 10, b"no", 2);
        assert_eq!(&answer, b"cd..xy");
    }
}
