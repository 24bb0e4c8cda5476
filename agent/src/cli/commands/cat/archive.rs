//! A folder of a snapshot as tar.

use std::collections::HashMap;
use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use orlop_repo::tree::{EntryKey, EntryKind, KeyRange};
use tar::{Builder, EntryType, Header};

use super::pax;
use crate::cli::browse::{Browse, FileContent, Listed};
use crate::cli::failure::Failure;
use crate::cli::output::{self, Output};

/// Writes the folder `key` with everything below it, its own path as the top; gives the paths of
/// what a tar cannot hold.
pub(super) fn write(
    browse: &Browse,
    key: &EntryKey,
    out: &mut Output,
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut archive = Archive {
        builder: Builder::new(out),
        links: HashMap::new(),
        left_out: Vec::new(),
    };
    for range in [KeyRange::entry(key), KeyRange::descendants(key)] {
        for listed in browse.entries(range) {
            archive.add(browse, &listed?)?;
        }
    }
    archive.builder.finish().map_err(output::failure)?;
    Ok(archive.left_out)
}

struct Archive<'o> {
    builder: Builder<&'o mut Output>,
    /// Where the first entry of each group of hard links stands.
    links: HashMap<[u8; 16], Vec<u8>>,
    left_out: Vec<Vec<u8>>,
}

impl Archive<'_> {
    fn add(&mut self, browse: &Browse, listed: &Listed) -> Result<(), Failure> {
        let Listed { path, entry, .. } = listed;
        let mut path = match path.strip_prefix(b"/") {
            Some(b"") | None => b".".to_vec(),
            Some(path) => path.to_vec(),
        };
        let mut kind = match entry.kind {
            EntryKind::Folder => EntryType::Directory,
            EntryKind::File => EntryType::Regular,
            EntryKind::Symlink => EntryType::Symlink,
            EntryKind::CharDevice => EntryType::Char,
            EntryKind::BlockDevice => EntryType::Block,
            EntryKind::Fifo => EntryType::Fifo,
            _ => {
                self.left_out.push(listed.path.clone());
                return Ok(());
            }
        };
        let mut target = entry.target.clone();
        if let Some(group) = entry.link_group {
            match self.links.get(&group) {
                Some(first) => {
                    kind = EntryType::Link;
                    target = Some(first.clone());
                }
                None => {
                    self.links.insert(group, path.clone());
                }
            }
        }
        if kind == EntryType::Directory {
            path.push(b'/');
        }
        let size = if kind == EntryType::Regular {
            entry.size
        } else {
            0
        };
        let records = pax::records(entry, &path, target.as_deref(), size);
        self.extension(&records)?;
        let header = pax::header(entry, kind, &path, target.as_deref(), size);
        if kind == EntryType::Regular {
            let content = Content::of(browse.content(entry));
            self.content(&header, content, size)
        } else {
            self.builder
                .append(&header, io::empty())
                .map_err(output::failure)
        }
    }

    /// Writes the records that hold for the next entry.
    fn extension(&mut self, records: &[u8]) -> Result<(), Failure> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::XHeader);
        header.set_size(records.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        self.builder
            .append(&header, records)
            .map_err(output::failure)
    }

    /// Writes exactly `size` bytes: a reader of the tar would take anything else for headers.
    fn content(
        &mut self,
        header: &Header,
        mut content: Content<'_>,
        size: u64,
    ) -> Result<(), Failure> {
        let written = self.builder.append(header, content.by_ref().take(size));
        if let Some(failure) = content.failure {
            return Err(failure);
        }
        written.map_err(output::failure)?;
        if content.given == size {
            Ok(())
        } else {
            Err(Failure::new(format!(
                "a file of {size} bytes has only {} in the repository",
                content.given
            ))
            .next("run `orlop check`"))
        }
    }
}

/// Pieces of a file as a stream.
struct Content<'b> {
    pieces: FileContent<'b>,
    piece: Bytes,
    given: u64,
    failure: Option<Failure>,
}

impl<'b> Content<'b> {
    fn of(pieces: FileContent<'b>) -> Self {
        Self {
            pieces,
            piece: Bytes::new(),
            given: 0,
            failure: None,
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.next() {
                None => return Ok(0),
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(failure)) => {
                    self.failure = Some(failure);
                    return Err(io::Error::other("the content cannot be read"));
                }
            }
        }
        let len = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..len]);
        self.given += len as u64;
        Ok(len)
    }
}
