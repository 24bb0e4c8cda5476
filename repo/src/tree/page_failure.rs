//! A page that could not be read, and what is missing without it.

use std::fmt;

use super::key::EntryKey;
use super::key_range::KeyRange;
use super::page::Child;
use crate::model::ChunkRef;

/// A page of a tree could not be read or used: the entries below it are missing, and no others.
///
/// Whoever walks a tree goes on behind it if `source` says that it is damage: a store that does
/// not answer says nothing about the page.
#[derive(Debug, thiserror::Error)]
#[error("{missing} cannot be read: the page at {} of {} is needed for them", .page.place.block_offset, .page.place.pack, missing = self.missing())]
pub struct PageFailure<E> {
    /// The page.
    pub page: ChunkRef,
    /// Its level; not known of a root.
    pub level: Option<u8>,
    /// Keys of what stands below it.
    pub range: KeyRange,
    /// How many entries stand below it; not known of a root.
    pub entries: Option<u64>,
    /// Sum of the sizes of the files below it; not known of a root.
    pub bytes: Option<u64>,
    /// Why.
    #[source]
    pub source: E,
}

impl<E> PageFailure<E> {
    /// `said` is what the page above says of it, with its level; nothing of a root.
    pub(super) fn new(
        page: &ChunkRef,
        said: Option<(&Child, u8)>,
        end: Option<&[u8]>,
        source: E,
    ) -> Box<Self> {
        let start = said.map_or(&[][..], |(child, _)| &child.first_key);
        Box::new(Self {
            page: *page,
            level: said.map(|(_, level)| level),
            range: KeyRange::between(start, end),
            entries: said.map(|(child, _)| child.entries),
            bytes: said.map(|(child, _)| child.bytes),
            source,
        })
    }

    /// The same with another reason.
    pub fn map<F>(self, convert: impl FnOnce(E) -> F) -> PageFailure<F> {
        PageFailure {
            page: self.page,
            level: self.level,
            range: self.range,
            entries: self.entries,
            bytes: self.bytes,
            source: convert(self.source),
        }
    }

    /// Path of the first entry below it, without a leading slash; empty if that is the top folder.
    pub fn first_path(&self) -> Vec<u8> {
        EntryKey::parse(self.range.start()).map_or_else(|_| Vec::new(), |key| key.path())
    }

    /// Path of the first entry behind it, likewise; `None` if it reaches to the end.
    pub fn end_path(&self) -> Option<Vec<u8>> {
        let end = self.range.end()?;
        EntryKey::parse(end).ok().map(|key| key.path())
    }

    /// What is missing, for people: how many entries, and from where to where.
    fn missing(&self) -> impl fmt::Display {
        let shown = |path: &[u8]| format!("{:?}", format!("/{}", String::from_utf8_lossy(path)));
        let count = match self.entries {
            Some(1) => "the entry".to_owned(),
            Some(count) => format!("{count} entries"),
            None => "the entries".to_owned(),
        };
        let from = shown(&self.first_path());
        match (self.entries, self.end_path()) {
            (Some(1), _) => format!("{count} {from}"),
            (_, Some(end)) => format!("{count} from {from} to before {}", shown(&end)),
            (None, None) => "all entries".to_owned(),
            (_, None) => format!("{count} from {from} to the last"),
        }
    }
}
