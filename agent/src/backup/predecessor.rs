//! Which sessions of dead processes a backup follows: a note of this machine, or the owner's word.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use orlop_repo::log::State;
use orlop_repo::model::SessionId;

/// Sessions that a note holds at the most: those of one volume that ended without a snapshot, the
/// oldest dropped first.
const MAX_NOTED: usize = 16;
/// A session in a note: its hex digits and a line feed.
const LINE: usize = 2 * SessionId::LEN + 1;

/// How a backup finds open sessions whose process is dead, so that it need not wait until
/// somebody declares them so. A wrong guess costs the other backup its time, and never data.
#[derive(Clone, Debug, Default)]
pub struct Predecessors {
    /// Folder in which the backups of this machine note their sessions, a file for each volume;
    /// one folder serves one repository. The file is locked while its backup lives: whoever gets
    /// the lock knows that the sessions noted in it are dead.
    pub notes: Option<PathBuf>,
    /// Open sessions with the same owner are dead: the caller sees to it that one process at a
    /// time works for an owner.
    pub same_owner: bool,
}

impl Predecessors {
    /// Some session that is open in `state` and whose process is dead.
    pub(super) fn open_in(
        &self,
        state: &State,
        noted: &[SessionId],
        owner: Option<&str>,
    ) -> Option<SessionId> {
        let is_open = |id: &SessionId| state.open_session(*id).is_ok();
        if let Some(&id) = noted.iter().find(|id| is_open(id)) {
            return Some(id);
        }
        let owner = owner.filter(|_| self.same_owner)?;
        let mut sessions = state.sessions.iter();
        sessions
            .find(|(_, session)| !session.dead && session.owner.as_deref() == Some(owner))
            .map(|(&id, _)| id)
    }
}

/// The note of a volume, locked.
///
/// The system takes the lock away when the process ends, however it ends. The file stays: a name
/// that comes and goes could be locked twice.
pub(super) struct Note {
    file: File,
    earlier: Vec<SessionId>,
}

impl Note {
    /// Locks the note of `volume` in `folder`; nothing if a backup of it is running.
    pub(super) fn take(folder: &Path, volume: &str) -> io::Result<Option<Self>> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let name = blake3::hash(volume.as_bytes()).to_hex();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join(name.get(..32).unwrap_or_default()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut text = Vec::new();
        (&file)
            .take((MAX_NOTED * LINE) as u64)
            .read_to_end(&mut text)?;
        let earlier = String::from_utf8_lossy(&text)
            .lines()
            .filter_map(SessionId::from_hex)
            .collect();
        Ok(Some(Self { file, earlier }))
    }

    /// The sessions of this volume since its last snapshot; their processes are dead.
    pub(super) fn earlier(&self) -> &[SessionId] {
        &self.earlier
    }

    /// Adds the session that is about to be opened.
    pub(super) fn add(&self, session: SessionId) -> io::Result<()> {
        let skip = (self.earlier.len() + 1).saturating_sub(MAX_NOTED);
        let kept = self.earlier.iter().skip(skip);
        let mut text = String::new();
        for id in kept.chain([&session]) {
            text.push_str(&id.to_string());
            text.push('\n');
        }
        self.file.write_all_at(text.as_bytes(), 0)?;
        self.file.set_len(text.len() as u64)?;
        self.file.sync_data()
    }

    /// A snapshot was made: nothing of these sessions is left to be carried on.
    pub(super) fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)
    }
}

impl Drop for Note {
    /// Closing alone leaves it locked for as long as a child that was forked meanwhile has not
    /// become another program.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "cannot unlock the note of this machine's sessions");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(n: u8) -> SessionId {
        SessionId::from_bytes([n; SessionId::LEN])
    }

    #[test]
    fn who_gets_the_lock_reads_what_was_noted_and_nobody_else_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("sessions");
        let first = Note::take(&folder, "v").unwrap().unwrap();
        assert!(first.earlier().is_empty());
        first.add(session(1)).unwrap();
        assert!(Note::take(&folder, "v").unwrap().is_none());
        assert!(Note::take(&folder, "w").unwrap().is_some());
        drop(first);
        let second = Note::take(&folder, "v").unwrap().unwrap();
        assert_eq!(second.earlier(), [session(1)]);
        second.add(session(2)).unwrap();
        drop(second);
        let third = Note::take(&folder, "v").unwrap().unwrap();
        assert_eq!(third.earlier(), [session(1), session(2)]);
        third.clear().unwrap();
        drop(third);
        let fourth = Note::take(&folder, "v").unwrap().unwrap();
        assert!(fourth.earlier().is_empty());
    }

    #[test]
    fn a_note_stays_short_and_keeps_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..40 {
            let note = Note::take(folder.path(), "v").unwrap().unwrap();
            assert_eq!(note.earlier().len(), usize::from(n).min(MAX_NOTED));
            note.add(session(n)).unwrap();
        }
        let note = Note::take(folder.path(), "v").unwrap().unwrap();
        assert_eq!(note.earlier().first(), Some(&session(24)));
        assert_eq!(note.earlier().last(), Some(&session(39)));
    }

    #[test]
    fn what_is_no_session_in_a_note_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let note = Note::take(folder.path(), "v").unwrap().unwrap();
        let text = format!("\u{fffd}\n{}\nabc\n{}", session(1), "f".repeat(9000));
        note.file.write_all_at(text.as_bytes(), 0).unwrap();
        drop(note);
        let note = Note::take(folder.path(), "v").unwrap().unwrap();
        assert_eq!(note.earlier(), [session(1)]);
    }
}
