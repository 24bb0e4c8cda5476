//! Names by which others call this program, and the commands that they stand for.

use std::ffi::OsString;
use std::path::Path;

/// Names with commands. Manifests that were made for Velero name its programs, and images have them
/// as links to this one.
const NAMES: [(&str, &str); 1] = [("velero-restore-helper", "restore-wait")];

/// The command line as if this program had been called by its own name.
pub(super) fn arguments(given: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<_> = given.into_iter().collect();
    let name = arguments.first().and_then(|program| {
        let name = Path::new(program).file_name()?.to_str()?;
        NAMES.iter().find(|(called, _)| *called == name)
    });
    if let Some((_, command)) = name {
        arguments.splice(..1, ["orlop".into(), (*command).into()]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[&str]) -> Vec<String> {
        let given = given.iter().map(OsString::from);
        let arguments = arguments(given).into_iter();
        arguments.map(|one| one.into_string().unwrap()).collect()
    }

    #[test]
    fn the_helper_of_velero_is_a_command_of_this_program() {
        let helper = of(&["/velero-restore-helper", "uid"]);
        assert_eq!(helper, ["orlop", "restore-wait", "uid"]);
        assert_eq!(of(&["velero-restore-helper"]), ["orlop", "restore-wait"]);
        for own in [&["/usr/bin/orlop", "ls"][..], &["x"], &[]] {
            assert_eq!(of(own), own);
        }
    }
}
