//! Opening what is backed up.

use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use orlop_repo::snapshot::VolumeKind;
use orlop_repo::tree::{Entry, EntryKind};

use super::batch::{Batch, Placed};
use super::error::BackupError;
use super::feed::Feeder;
use super::options::{BackupOptions, Excludes, Source};
use super::scan::Scan;
use crate::classify::Class;
use crate::fs::{Item, Kind, Root, Stat, Time, Trust, Walk, WalkOptions};

/// Part of the memory for names that counting ahead takes: its order does not matter.
const SCAN_MEMORY: usize = 4;

/// A source that was opened.
pub(super) struct Opened {
    content: Content,
    trust: Trust,
    named: Vec<u8>,
    now: Time,
    scan: Option<Scan>,
}

enum Content {
    Walk(Box<Walk<'static>>),
    File {
        root: Root,
        name: Vec<u8>,
        class: Option<Class>,
        kind: VolumeKind,
    },
    Stream {
        name: String,
        reader: Box<dyn Read + Send>,
    },
}

impl Opened {
    /// Opens a source; nothing of it is read yet.
    pub(super) fn open(
        source: Source,
        options: &BackupOptions,
        now: Time,
    ) -> Result<Self, BackupError> {
        let open = |path: &Path| {
            Root::open(path).map_err(|source| BackupError::Source {
                path: path.display().to_string(),
                source,
            })
        };
        let name = |path: &Path| match path.file_name() {
            Some(name) => name.as_bytes().to_vec(),
            None => b"image".to_vec(),
        };
        let named;
        let mut trust = Trust::Never;
        let mut scan = None;
        let content = match source {
            Source::Folder {
                path,
                exclude,
                one_file_system,
            } => {
                let root = open(&path)?;
                named = path.as_os_str().as_bytes().to_vec();
                if let Some(folder) = root.folder() {
                    trust = Trust::of(folder).unwrap_or(Trust::Never);
                    let walked = walk(&root, exclude, one_file_system, options);
                    scan = walked.1;
                    Content::Walk(walked.0)
                } else {
                    let kind = VolumeKind::Folder;
                    Content::File {
                        name: name(&path),
                        root,
                        class: None,
                        kind,
                    }
                }
            }
            Source::Opened {
                root,
                named: path,
                exclude,
                one_file_system,
            } => {
                named = path.as_os_str().as_bytes().to_vec();
                if let Some(folder) = root.folder() {
                    trust = Trust::of(folder).unwrap_or(Trust::Never);
                    let walked = walk(&root, exclude, one_file_system, options);
                    scan = walked.1;
                    Content::Walk(walked.0)
                } else {
                    device(name(&path), root)
                }
            }
            Source::Device { path } => {
                let root = open(&path)?;
                if root.folder().is_some() {
                    return Err(BackupError::NoDevice {
                        path: path.display().to_string(),
                    });
                }
                named = path.as_os_str().as_bytes().to_vec();
                device(name(&path), root)
            }
            Source::Stream { name, reader } => {
                named = name.as_bytes().to_vec();
                Content::Stream { name, reader }
            }
        };
        Ok(Self {
            content,
            trust,
            named,
            now,
            scan,
        })
    }

    /// What counts the source ahead, if it has more than one file.
    pub(super) fn scan(&mut self) -> Option<Scan> {
        self.scan.take()
    }

    /// What the snapshot will be of.
    pub(super) fn kind(&self) -> VolumeKind {
        match &self.content {
            Content::Walk(_) => VolumeKind::Folder,
            Content::File { kind, .. } => *kind,
            Content::Stream { .. } => VolumeKind::Stream,
        }
    }

    /// The path or name that the user gave.
    pub(super) fn named(&self) -> &[u8] {
        &self.named
    }

    /// Whether times can be trusted on it.
    pub(super) fn trust(&self) -> Trust {
        self.trust
    }

    /// Sends it through a feeder.
    pub(super) fn feed<S: FnMut(Batch) -> Result<(), BackupError>>(
        self,
        feeder: Feeder<'_, S>,
    ) -> Result<(), BackupError> {
        let now = self.now;
        match self.content {
            Content::Walk(walk) => feeder.run(*walk),
            Content::File {
                root, name, class, ..
            } => {
                let stat = Stat {
                    kind: Kind::File,
                    ..*root.stat()
                };
                let item = Item {
                    parent_key: Arc::from([]),
                    name: name.into(),
                    stat,
                    dir: None,
                };
                if let Ok(file) = root.open_content() {
                    feeder.progress().files_total.add(1);
                    feeder.progress().bytes_total.add(file.stat().size);
                    feeder.progress().set_total_known();
                }
                feeder.run_file(made_root(now), item, class, &|| root.open_content())
            }
            Content::Stream { name, reader } => {
                let mut entry = Entry::new(name.into_bytes(), EntryKind::File);
                entry.mode = 0o600;
                entry.mtime = now.into();
                entry.ctime = now.into();
                let file = Placed {
                    parent: Arc::from([]),
                    entry,
                };
                feeder.run_stream(made_root(now), file, reader)
            }
        }
    }
}

/// A walk of a folder, and what counts it ahead where a second one can be opened.
fn walk(
    root: &Root,
    exclude: Option<Excludes>,
    one_file_system: bool,
    options: &BackupOptions,
) -> (Box<Walk<'static>>, Option<Scan>) {
    let mut walk_options = WalkOptions::new(options.scratch.clone());
    walk_options.one_file_system = one_file_system;
    walk_options.memory = usize::try_from(options.memory.sorter).unwrap_or(usize::MAX);
    let walk = Walk::new(root, walk_options.clone());
    let walk = match &exclude {
        Some(exclude) => walk.excluding(exclude()),
        None => walk,
    };
    walk_options.memory /= SCAN_MEMORY;
    let scan = root.again().ok().map(|root| Scan {
        root,
        exclude: exclude.map(|exclude| exclude()),
        walk: walk_options,
    });
    (Box::new(walk), scan)
}

/// A device or an image.
fn device(name: Vec<u8>, root: Root) -> Content {
    Content::File {
        root,
        name,
        class: Some(Class::Paged),
        kind: VolumeKind::Device,
    }
}

/// The root folder of a snapshot of a single file.
fn made_root(now: Time) -> Placed {
    let mut entry = Entry::new(Vec::new(), EntryKind::Folder);
    entry.mode = 0o755;
    entry.mtime = now.into();
    entry.ctime = now.into();
    Placed {
        parent: Arc::from([]),
        entry,
    }
}
