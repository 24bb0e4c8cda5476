//! All chunks of the index in order, each with all its places.

use crate::model::PackName;
use crate::pack::ChunkPrefix;

use super::entry::{Entry, Found, PackInfo};
use super::error::IndexError;
use super::file::LocalFile;
use super::local_index::LocalIndex;
use super::merge::Heads;

/// Pages of all read buffers together: 8 MiB.
const BUFFER_PAGES: usize = 2048;

impl LocalIndex {
    /// Gives every chunk with its distinct places to `each`, by ascending prefix.
    ///
    /// Reads the files from beginning to end, as they are when this begins. In memory: 8 MiB of
    /// buffers, 20 bytes for each pack of each file, and the places of one chunk.
    ///
    /// # Errors
    ///
    /// Of the cache, or the first one of `each`, which ends it.
    pub fn scan<E: From<IndexError>>(
        &self,
        mut each: impl FnMut(&ChunkPrefix, &[Found]) -> Result<(), E>,
    ) -> Result<(), E> {
        let files = self.files.read().clone();
        let buffer = (BUFFER_PAGES / files.len().max(1)).clamp(1, 64);
        let names = files
            .iter()
            .map(|file| pack_names(file, buffer))
            .collect::<Result<Vec<_>, _>>()?;
        let mut sources: Vec<_> = files.iter().map(|file| file.entry_rows(buffer)).collect();
        let mut heads = Heads::new(&mut sources, |entry: &Entry| entry.prefix)?;
        let mut current = None;
        let mut places = Vec::new();
        while let Some((source, entry)) = heads.pop(&mut sources)? {
            if current.is_some_and(|prefix| prefix != entry.prefix) {
                if let Some(prefix) = &current {
                    each(prefix, &places)?;
                }
                places.clear();
            }
            current = Some(entry.prefix);
            let pack = names
                .get(source)
                .and_then(|names| names.get(entry.pack as usize));
            let found = match (pack, files.get(source)) {
                (Some(&pack), _) => entry.found(pack),
                (None, Some(file)) => {
                    let what = "an entry names a pack that is not listed";
                    return Err(file.damage(what).into());
                }
                (None, None) => continue,
            };
            if !places.contains(&found) {
                places.push(found);
            }
        }
        match &current {
            Some(prefix) => each(prefix, &places),
            None => Ok(()),
        }
    }
}

/// The names of a file's packs, by their numbers in it.
fn pack_names(file: &LocalFile, buffer: usize) -> Result<Vec<PackName>, IndexError> {
    let mut names = Vec::with_capacity(file.packs() as usize);
    let mut rows = file.pack_rows(buffer);
    while let Some(PackInfo { name, .. }) = rows.next_row()? {
        names.push(name);
    }
    Ok(names)
}
