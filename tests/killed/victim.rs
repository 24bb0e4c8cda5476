//! A process that is watched while it works, and killed when it has come so far.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::program::Place;

/// What a process does that others can see: files that come, and objects that come or go.
pub(crate) struct Watch {
    place: Place,
    target: PathBuf,
    now: BTreeSet<String>,
    seen: usize,
}

impl Watch {
    /// Begins to watch; what is there already does not count.
    pub(crate) fn new(place: &Place, target: &Path) -> Self {
        let mut watch = Self {
            place: place.clone(),
            target: target.to_owned(),
            now: BTreeSet::new(),
            seen: 0,
        };
        watch.look();
        watch.seen = 0;
        watch
    }

    /// How much has happened since the beginning.
    pub(crate) fn look(&mut self) -> usize {
        let mut now: BTreeSet<_> = self.place.contents().into_keys().collect();
        let mut folders = vec![self.target.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                now.insert(path.to_string_lossy().into_owned());
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                }
            }
        }
        self.seen += now.symmetric_difference(&self.now).count();
        self.now = now;
        self.seen
    }
}

/// Runs `command`, and kills it as soon as it has done `moment` things. Tells whether it was killed
/// before it came to its end, and how much it had done. An end is one of `codes`.
pub(crate) fn run(
    mut command: Command,
    codes: &[i32],
    mut watch: Watch,
    moment: Option<usize>,
) -> (bool, usize) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    loop {
        let ended = child.try_wait().unwrap().is_some();
        let seen = watch.look();
        if ended {
            return (false, finish(child, codes, seen));
        }
        if moment.is_some_and(|moment| seen >= moment) {
            child.kill().unwrap();
            let killed = child.wait().unwrap().code().is_none();
            return (killed, watch.look());
        }
    }
}

fn finish(child: Child, codes: &[i32], seen: usize) -> usize {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    assert!(code.is_some_and(|code| codes.contains(&code)), "{said}");
    seen
}
