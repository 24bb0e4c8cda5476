//! Which folders the walk of the tree is in, and which of them were asked for.

use super::options::{Choice, Select};
use crate::fs::RelPath;

/// The folder whose entries are being restored.
pub(super) struct Folders<'p> {
    select: Option<&'p mut Select>,
    current: RelPath,
    /// Whether anything in it may be restored.
    allowed: bool,
    /// Whether it and those above it were made.
    made: bool,
    /// Folders that could not be made.
    blocked: Vec<RelPath>,
    /// Folders above the current one whose entries are lost, and that were made all the same.
    unknown: Vec<RelPath>,
}

impl<'p> Folders<'p> {
    pub(super) fn new(select: Option<&'p mut Select>) -> Self {
        Self {
            select,
            current: RelPath::root(),
            allowed: true,
            made: true,
            blocked: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Whether everything is restored.
    pub(super) fn all(&self) -> bool {
        self.select.is_none()
    }

    pub(super) fn current(&self) -> &RelPath {
        &self.current
    }

    /// Goes to the folder with that key prefix; says whether anything in it may be restored.
    pub(super) fn enter(&mut self, prefix: &[u8]) -> bool {
        if prefix == self.current.as_prefix() {
            return self.allowed;
        }
        let Ok(path) = RelPath::from_prefix(prefix) else {
            return false;
        };
        self.current = path;
        self.made = false;
        self.allowed = !self.is_blocked();
        if let Some(select) = self.select.as_mut().filter(|_| self.allowed) {
            let mut above = RelPath::root();
            for name in self.current.components() {
                above = above.child(name);
                if select(&above, true) == Choice::Skip {
                    self.allowed = false;
                    break;
                }
            }
        }
        self.allowed
    }

    fn is_blocked(&self) -> bool {
        let current = self.current.as_prefix();
        self.blocked
            .iter()
            .any(|path| current.starts_with(path.as_prefix()))
    }

    /// The path of an entry of the current folder; nothing if no file can have that name.
    pub(super) fn path_of(&self, name: &[u8]) -> Option<RelPath> {
        let mut path = self.current.clone();
        path.push(name).ok().map(|()| path)
    }

    /// Whether an entry of the current folder is restored itself.
    pub(super) fn wanted(&mut self, path: &RelPath, folder: bool) -> bool {
        self.select
            .as_mut()
            .is_none_or(|select| select(path, folder) == Choice::Restore)
    }

    /// The current folder and those above it, from the top, if they may not have been made yet;
    /// from then on they count as made.
    pub(super) fn take_unmade(&mut self) -> Vec<RelPath> {
        if std::mem::replace(&mut self.made, true) {
            return Vec::new();
        }
        let mut above = RelPath::root();
        let names = self.current.components();
        names
            .map(|name| {
                above = above.child(name);
                above.clone()
            })
            .collect()
    }

    /// Whether a folder whose entry is lost, above the current one or that itself, is met for
    /// the first time. All that is beneath a folder comes together.
    pub(super) fn is_first(&mut self, path: &RelPath) -> bool {
        let current = self.current.as_prefix();
        self.unknown
            .retain(|above| current.starts_with(above.as_prefix()));
        let first = !self.unknown.contains(path);
        if first {
            self.unknown.push(path.clone());
        }
        first
    }

    /// Notes that nothing can be restored beneath a folder.
    pub(super) fn block(&mut self, path: &RelPath) {
        self.blocked.push(path.clone());
        self.allowed = self.allowed && !self.is_blocked();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_is_skipped_with_everything_beneath() {
        let mut select: Select = Box::new(|path, _| match path.to_string().as_str() {
            "a" => Choice::Enter,
            "a/no" => Choice::Skip,
            _ => Choice::Restore,
        });
        let mut folders = Folders::new(Some(&mut select));
        assert!(folders.enter(b"a\0"));
        assert_eq!(folders.take_unmade().len(), 1);
        assert!(folders.take_unmade().is_empty(), "once is enough");
        assert!(!folders.enter(b"a\0no\0deep\0"));
        assert!(folders.enter(b"b\0"));
        assert!(!folders.wanted(&RelPath::root().child(b"a"), true));
    }

    #[test]
    fn nothing_is_restored_beneath_a_folder_that_could_not_be_made() {
        let mut folders = Folders::new(None);
        folders.block(&RelPath::root().child(b"a"));
        assert!(!folders.enter(b"a\0b\0"));
        assert!(folders.enter(b"ab\0"));
    }
}
