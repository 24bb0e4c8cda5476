//! Volumes for tests.

use std::process::Command;

use tempfile::TempDir;

use super::{Found, Item, Problem, Root, Walk, WalkOptions};

/// A folder that is deleted at the end, and one for scratch files.
pub(super) struct Volume {
    pub(super) top: TempDir,
    pub(super) scratch: TempDir,
}

impl Volume {
    pub(super) fn new() -> Self {
        Self {
            top: tempfile::tempdir().unwrap(),
            scratch: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.top.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(super) fn mkdir(&self, name: &str) {
        std::fs::create_dir_all(self.path(name)).unwrap();
    }

    pub(super) fn root(&self) -> Root {
        Root::open(self.top.path()).unwrap()
    }

    pub(super) fn options(&self) -> WalkOptions {
        WalkOptions::new(self.scratch.path().to_owned())
    }

    pub(super) fn walk(&self) -> (Vec<Item>, Vec<Problem>) {
        split(Walk::new(&self.root(), self.options()))
    }

    /// The one entry of that name.
    pub(super) fn item(&self, name: &str) -> Item {
        let path = self
            .walk()
            .0
            .into_iter()
            .find(|item| item.path().to_slashed() == name.as_bytes());
        path.unwrap()
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // The flags of chattr would keep the folder for ever.
        run(
            "chattr",
            &["-R", "-f", "-i", "-a", &self.top.path().to_string_lossy()],
        );
    }
}

/// Runs a program and says whether it worked, if it is there at all.
pub(super) fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Splits what a walk gave.
pub(super) fn split(walk: Walk<'_>) -> (Vec<Item>, Vec<Problem>) {
    let (mut items, mut problems) = (Vec::new(), Vec::new());
    for found in walk {
        match found.unwrap() {
            Found::Item(item) => items.push(item),
            Found::Problem(problem) => problems.push(problem),
        }
    }
    (items, problems)
}

/// Paths with slashes, as text.
pub(super) fn names(items: &[Item]) -> Vec<String> {
    items
        .iter()
        .map(|item| String::from_utf8(item.path().to_slashed()).unwrap())
        .collect()
}
