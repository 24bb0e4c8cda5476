//! A folder to a stream, as an archive.

use std::collections::HashMap;
use std::io::Write;

use orlop_repo::explain::explain;
use orlop_repo::repository::TreeError;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{Entry, EntryKind, PageFailure, Timestamp};
use tar::{Builder, EntryType, Header};

use super::RestoreError;
use super::cat::zeros;
use super::contents::{Contents, Piece};
use super::lost::LostPage;
use super::place::Part;
use super::summary::Named;
use crate::backup::Tools;
use crate::fs::RelPath;
use crate::memory::MemoryPlan;
use crate::progress::Progress;

/// Inodes with several names that are remembered; of further ones the content is written again.
const MAX_GROUPS: usize = 100_000;
/// What a header holds itself, in bytes.
const SHORT: usize = 100;
/// Archives are padded to multiples of this, in bytes.
const BLOCK: u64 = 512;

/// Writes a folder of a snapshot, or another single entry, to `output` as a tar archive with PAX
/// records: any length of name, nanoseconds, extended attributes (`SCHILY.xattr.`), hard links.
///
/// Entries come in the order of the tree: all of a folder, then what is beneath its subfolders.
/// GNU tar needs `--delay-directory-restore` to give such folders back their times.
///
/// Blocks; not to be called on a thread of `tools.runtime`. Sockets are left out, holes come as
/// zeros, inode flags and project ids have no place in an archive. Files of which parts cannot be
/// read have zeros there; what stands below a page of the tree that cannot be read is not there.
///
/// # Errors
///
/// [`RestoreError`]: what stopped it; the archive is then incomplete.
pub fn tar(
    tools: &Tools,
    snapshot: &Snapshot,
    path: &[u8],
    memory: &MemoryPlan,
    output: &mut dyn Write,
    progress: &Progress,
) -> Result<TarSummary, RestoreError> {
    let pages = tools.pages(snapshot.id, memory.block_cache);
    let part = Part::find(&pages, snapshot, path)?;
    let mut archive = Archive {
        builder: Builder::new(output),
        contents: Contents::new(tools, snapshot.id, &pages, memory),
        groups: HashMap::new(),
        done: TarSummary::default(),
        progress,
    };
    if let Some(failure) = &part.unknown {
        archive.lose(&part, failure);
    } else if part.is_folder() {
        archive.entry(&RelPath::root(), &part.entry)?;
    }
    for located in part.entries() {
        if progress.cancelled() {
            return Err(RestoreError::Cancelled);
        }
        let located = match located {
            Ok(located) => located,
            Err(failure) if failure.source.is_damage() => {
                archive.lose(&part, &failure);
                continue;
            }
            Err(failure) => return Err(failure.into()),
        };
        let path = RelPath::of_entry(part.parent(&located), &located.entry.name);
        archive.entry(&path, &located.entry)?;
    }
    archive.builder.finish().map_err(RestoreError::Output)?;
    let flushed = archive.builder.get_mut().flush();
    flushed.map_err(RestoreError::Output)?;
    Ok(archive.done)
}

/// What is missing in an archive.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct TarSummary {
    /// Files of which parts cannot be read, in the order of the archive.
    pub damaged: Vec<Named>,
    /// Pages of the tree that cannot be read.
    pub lost_pages: Vec<LostPage>,
}

impl TarSummary {
    /// Whether the archive has everything.
    pub fn is_complete(&self) -> bool {
        self.damaged.is_empty() && self.lost_pages.is_empty()
    }
}

struct Archive<'a> {
    builder: Builder<&'a mut dyn Write>,
    contents: Contents<'a>,
    /// First path of inodes with several names.
    groups: HashMap<[u8; 16], Vec<u8>>,
    done: TarSummary,
    progress: &'a Progress,
}

impl Archive<'_> {
    /// Names a page of the tree that cannot be read, once.
    fn lose(&mut self, part: &Part<'_>, failure: &PageFailure<TreeError>) {
        let lost = LostPage::new(part.snapshot, failure);
        if self
            .done
            .lost_pages
            .last()
            .is_none_or(|last| last.page != lost.page)
        {
            self.progress.problem(lost.path.clone(), lost.what.clone());
            self.done.lost_pages.push(lost);
        }
    }

    fn entry(&mut self, path: &RelPath, entry: &Entry) -> Result<(), RestoreError> {
        let kind = match entry.kind {
            EntryKind::Folder => EntryType::Directory,
            EntryKind::File => EntryType::Regular,
            EntryKind::Symlink => EntryType::Symlink,
            EntryKind::CharDevice => EntryType::Char,
            EntryKind::BlockDevice => EntryType::Block,
            EntryKind::Fifo => EntryType::Fifo,
            EntryKind::Socket | EntryKind::Unknown(_) => return Ok(()),
        };
        let mut name = path.to_slashed();
        if path.is_root() {
            name.push(b'.');
        }
        if kind == EntryType::Directory {
            name.push(b'/');
        }
        let other = entry
            .link_group
            .and_then(|group| self.groups.get(&group).cloned());
        if let Some(first) = other {
            self.head(&name, entry, EntryType::Link, Some(&first), 0)?;
            self.progress.others.add(1);
            return Ok(());
        }
        if let Some(group) = entry.link_group
            && self.groups.len() < MAX_GROUPS
        {
            self.groups.insert(group, name.clone());
        }
        let size = entry.file_bytes();
        self.head(&name, entry, kind, entry.target.as_deref(), size)?;
        match kind {
            EntryType::Regular => self.content(path, entry)?,
            EntryType::Directory => self.progress.folders.new.add(1),
            _ => self.progress.others.add(1),
        }
        Ok(())
    }

    /// Writes what comes before the content.
    fn head(
        &mut self,
        name: &[u8],
        entry: &Entry,
        kind: EntryType,
        link: Option<&[u8]>,
        size: u64,
    ) -> Result<(), RestoreError> {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(u32::from(entry.mode));
        header.set_uid(u64::from(entry.uid));
        header.set_gid(u64::from(entry.gid));
        header.set_size(size);
        header.set_mtime(u64::try_from(entry.mtime.secs).unwrap_or(0));
        if let Some((major, minor)) = entry.rdev {
            header
                .set_device_major(major)
                .map_err(RestoreError::Output)?;
            header
                .set_device_minor(minor)
                .map_err(RestoreError::Output)?;
        }
        let raw = header.as_old_mut();
        fill(&mut raw.name, name);
        fill(&mut raw.linkname, link.unwrap_or_default());
        header.set_cksum();
        let records = records(name, link, entry);
        let records = records.iter().map(|(key, value)| (key.as_str(), &**value));
        self.builder
            .append_pax_extensions(records)
            .map_err(RestoreError::Output)?;
        let out = self.builder.get_mut();
        out.write_all(header.as_bytes())
            .map_err(RestoreError::Output)
    }

    fn content(&mut self, path: &RelPath, entry: &Entry) -> Result<(), RestoreError> {
        let Self {
            builder,
            contents,
            done,
            progress,
            ..
        } = self;
        let out = builder.get_mut();
        let mut written = 0_u64;
        let mut lost = None;
        contents.read(&entry.content, entry.file_bytes(), |piece| {
            if progress.cancelled() {
                return Err(RestoreError::Cancelled);
            }
            let len = match piece {
                Piece::Bytes(bytes) => {
                    out.write_all(&bytes).map_err(RestoreError::Output)?;
                    bytes.len() as u64
                }
                Piece::Zeros(len) => {
                    zeros(out, len)?;
                    len
                }
                Piece::Lost(len, error) => {
                    lost.get_or_insert_with(|| explain(&error));
                    zeros(out, len)?;
                    len
                }
            };
            written += len;
            progress.bytes_done.add(len);
            Ok(())
        })?;
        if let Some(what) = lost {
            progress.problem(path.to_slashed(), what.clone());
            let path = path.clone();
            done.damaged.push(Named { path, what });
        }
        progress.files.new.add(1);
        zeros(out, written.next_multiple_of(BLOCK) - written)
    }
}

/// Puts what fits into a field of a header.
fn fill(field: &mut [u8], value: &[u8]) {
    for (to, from) in field.iter_mut().zip(value) {
        *to = *from;
    }
}

/// What a header cannot say.
fn records(name: &[u8], link: Option<&[u8]>, entry: &Entry) -> Vec<(String, Vec<u8>)> {
    let mut records = Vec::new();
    let mut add = |key: &str, value: &[u8]| records.push((key.to_owned(), value.to_vec()));
    let names = [("path", Some(name)), ("linkpath", link)];
    let raw = |name: &&[u8]| std::str::from_utf8(name).is_err();
    if names
        .iter()
        .filter_map(|(_, name)| *name)
        .any(|name| raw(&name))
    {
        add("hdrcharset", b"BINARY");
    }
    for (key, name) in names {
        if let Some(name) = name.filter(|name| name.len() > SHORT || !name.is_ascii()) {
            add(key, name);
        }
    }
    if entry.mtime.nanos != 0 || entry.mtime.secs < 0 {
        add("mtime", decimal(entry.mtime).as_bytes());
    }
    for (name, value) in &entry.xattrs {
        // Names that are no text cannot stand in an archive.
        if let Ok(name) = std::str::from_utf8(name) {
            add(&format!("SCHILY.xattr.{name}"), value);
        }
    }
    records
}

/// Seconds with a decimal fraction, as PAX has them.
fn decimal(time: Timestamp) -> String {
    if time.secs >= 0 || time.nanos == 0 {
        return format!("{}.{:09}", time.secs, time.nanos);
    }
    // Nanoseconds count forward from the second before.
    format!(
        "-{}.{:09}",
        (time.secs + 1).unsigned_abs(),
        1_000_000_000 - time.nanos
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_count_towards_the_past() {
        let time = |secs, nanos| decimal(Timestamp { secs, nanos });
        assert_eq!(time(5, 1), "5.000000001");
        assert_eq!(time(-2, 250_000_000), "-1.750000000");
        assert_eq!(time(-1, 999_999_999), "-0.000000001");
        assert_eq!(time(-7, 0), "-7.000000000");
    }
}
