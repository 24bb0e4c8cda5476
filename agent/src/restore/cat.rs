//! One file to a stream.

use std::io::Write;

use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::EntryKind;

use super::RestoreError;
use super::contents::{Contents, Piece};
use super::place::Part;
use crate::backup::Tools;
use crate::memory::MemoryPlan;
use crate::progress::Progress;

/// Zeros that are written at once.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Writes the content of one file of a snapshot to `output`; tells its size.
///
/// Blocks; not to be called on a thread of `tools.runtime`. Holes come as zeros. Nothing is
/// written beyond the first byte that cannot be read.
///
/// # Errors
///
/// [`RestoreError::IsFolder`] for a folder, see [`tar`](super::tar); [`RestoreError::NoContent`] if
/// it is no file otherwise; [`RestoreError::Page`] if the entry is lost with a page of the tree;
/// [`RestoreError::Read`] for damage too, as [`RestoreError::is_damage`] tells.
pub fn cat(
    tools: &Tools,
    snapshot: &Snapshot,
    path: &[u8],
    memory: &MemoryPlan,
    output: &mut dyn Write,
    progress: &Progress,
) -> Result<u64, RestoreError> {
    let pages = tools.pages(snapshot.id, memory.block_cache);
    let mut part = Part::find(&pages, snapshot, path)?;
    if let Some(failure) = part.unknown.take() {
        return Err(failure.into());
    }
    let entry = &part.entry;
    if entry.kind != EntryKind::File {
        let path = String::from_utf8_lossy(path).into_owned();
        return Err(if part.is_folder() {
            RestoreError::IsFolder { path }
        } else {
            RestoreError::NoContent { path }
        });
    }
    progress.files_total.add(1);
    progress.bytes_total.add(entry.size);
    progress.set_total_known();
    Contents::new(tools, snapshot.id, &pages, memory).read(
        &entry.content,
        entry.size,
        |piece| {
            if progress.cancelled() {
                return Err(RestoreError::Cancelled);
            }
            match piece {
                Piece::Bytes(bytes) => {
                    output.write_all(&bytes).map_err(RestoreError::Output)?;
                    progress.bytes_done.add(bytes.len() as u64);
                }
                Piece::Zeros(len) => {
                    zeros(output, len)?;
                    progress.bytes_done.add(len);
                }
                Piece::Lost(_, error) => return Err(error),
            }
            Ok(())
        },
    )?;
    output.flush().map_err(RestoreError::Output)?;
    progress.files.new.add(1);
    Ok(entry.size)
}

/// Writes zeros.
pub(super) fn zeros(output: &mut dyn Write, mut len: u64) -> Result<(), RestoreError> {
    while len > 0 {
        let part = usize::try_from(len).unwrap_or(ZEROS.len()).min(ZEROS.len());
        let zeros = ZEROS.get(..part).unwrap_or(&ZEROS);
        output.write_all(zeros).map_err(RestoreError::Output)?;
        len -= part as u64;
    }
    Ok(())
}
