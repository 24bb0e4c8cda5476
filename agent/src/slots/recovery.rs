//! A file that opens a repository, and brings its slot back if the store has lost it.

use std::fmt::Write as _;

use bytes::Bytes;
use orlop_repo::model::{ObjectName, RepositoryId};
use orlop_repo::repository::Repository;
use orlop_repo::slots::ClaimedSlot;
use orlop_repo::store::{Put, Store};
use zeroize::Zeroizing;

use super::SlotsError;
use super::list::MAX_SLOT;

/// What a recovery file holds.
pub struct RecoveryFile {
    /// The repository that it opens.
    pub repository: RepositoryId,
    /// Opens the slot.
    pub key: Zeroizing<[u8; 32]>,
    /// Name of the slot's object.
    pub slot: ObjectName,
    /// The slot's object.
    pub object: Bytes,
    /// The object `meta/format`.
    pub format: Bytes,
}

/// The text is no recovery file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryFileError {
    /// A line is missing, or not what it should be.
    #[error("no recovery file: its line {what:?} is missing or damaged")]
    Line {
        /// Which one.
        what: &'static str,
    },
    /// The slot in it is damaged.
    #[error("the slot in the recovery file is damaged")]
    Slot(#[from] orlop_repo::slots::SlotError),
}

impl RecoveryFile {
    /// The text: the key as one line of hex digits, so that the file is a key file too; everything
    /// else in comments.
    pub fn to_text(&self, location: &str) -> Zeroizing<String> {
        let Self {
            repository,
            key,
            slot,
            object,
            format,
        } = self;
        let mut text = Zeroizing::new(String::with_capacity(
            1_024 + 2 * (object.len() + format.len()),
        ));
        let digits = Zeroizing::new(hex::encode(**key));
        // Writing to a text does not fail.
        let _ = write!(
            *text,
            "# Orlop recovery key: whoever has this file and reads the store reads the backups.\n\
             # Use: orlop --repo LOCATION --key-file THIS-FILE restore latest TARGET\n\
             # If the store has lost its slots: orlop --repo LOCATION key import THIS-FILE\n\
             # location: {}\n\
             # repository: {repository}\n\
             {}\n\
             # slot: {slot} {}\n\
             # format: {}\n",
            location.replace(['\n', '\r'], " "),
            *digits,
            hex::encode(object),
            hex::encode(format),
        );
        text
    }

    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self, RecoveryFileError> {
        let missing = |what| RecoveryFileError::Line { what };
        let line = |what: &'static str| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix('#'));
            lines
                .find_map(|line| line.trim_start().strip_prefix(what)?.strip_prefix(": "))
                .map(str::trim)
                .ok_or(missing(what))
        };
        let mut key = Zeroizing::new([0; 32]);
        text.lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'))
            .and_then(|digits| hex::decode_to_slice(digits, &mut *key).ok())
            .ok_or(missing("key"))?;
        let (name, object) = line("slot")?.split_once(' ').ok_or(missing("slot"))?;
        let bytes = |digits: &str, what| hex::decode(digits).map_err(|_| missing(what));
        let file = Self {
            repository: RepositoryId::from_hex(line("repository")?).ok_or(missing("repository"))?,
            key,
            slot: ObjectName::parse(name).map_err(|_| missing("slot"))?,
            object: bytes(object, "slot")?.into(),
            format: bytes(line("format")?, "format")?.into(),
        };
        ClaimedSlot::parse(file.slot.as_str(), &file.object)?;
        Ok(file)
    }

    /// The file for a slot of `repository` that `key` opens.
    pub async fn of(
        repository: &Repository,
        slot: ObjectName,
        key: Zeroizing<[u8; 32]>,
    ) -> Result<Self, SlotsError> {
        let store = repository.store();
        Ok(Self {
            repository: repository.id(),
            key,
            object: store.get(&slot, MAX_SLOT).await?,
            slot,
            format: store.get(&ObjectName::format(), MAX_SLOT).await?,
        })
    }
}

/// Stores what of the file the store has not; gives the names of what was missing.
///
/// Whether the log still names the slot shows when the repository is opened with it.
pub async fn put_back(store: &Store, file: &RecoveryFile) -> Result<Vec<ObjectName>, SlotsError> {
    let mut missing = Vec::new();
    for (name, bytes) in [
        (&file.slot, &file.object),
        (&ObjectName::format(), &file.format),
    ] {
        match store.put_if_absent(name, bytes.clone()).await? {
            Put::Created => missing.push(name.clone()),
            Put::Exists => {}
        }
        if store.get(name, MAX_SLOT).await? != *bytes {
            return Err(SlotsError::ReadBack {
                name: name.to_string(),
            });
        }
    }
    Ok(missing)
}
