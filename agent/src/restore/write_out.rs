//! Whatever stands at a path, to a stream.

use std::io::Write;
use std::sync::Arc;

use orlop_repo::repository::TreePages;
use orlop_repo::snapshot::Snapshot;

use super::place::Part;
use super::{Named, RestoreError, cat, tar};
use crate::backup::Tools;
use crate::memory::MemoryPlan;
use crate::progress::Progress;

/// Writes a file of a snapshot to `output` as [`cat`](super::cat()) does, or a folder as
/// [`tar`](super::tar()) does; looks the path up once.
///
/// Blocks; not to be called on a thread of `tools.runtime`. Returns the files of an archive of
/// which parts cannot be read: they have zeros there.
///
/// # Errors
///
/// Those of [`cat`](super::cat()) and [`tar`](super::tar()).
pub fn write_out(
    tools: &Tools,
    snapshot: &Snapshot,
    path: &[u8],
    memory: &MemoryPlan,
    output: &mut dyn Write,
    progress: &Progress,
) -> Result<Vec<Named>, RestoreError> {
    let repository = Arc::clone(&tools.repository);
    let pages = TreePages::new(repository, tools.runtime.clone(), memory.block_cache);
    let part = Part::find(&pages, snapshot.root.0, path)?;
    if part.is_folder() {
        tar::archive(tools, &part, memory, output, progress)
    } else {
        cat::file(tools, &part, path, memory, output, progress).map(|_| Vec::new())
    }
}
