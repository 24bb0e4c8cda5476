//! From patterns to what is restored.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::exclude::Exclude;
use crate::fs::RelPath;
use crate::restore::{Choice, Select};

/// What `include` and `exclude` choose; `None` for everything.
pub(super) fn select(include: &[String], exclude: &[String]) -> Result<Option<Select>, Failure> {
    let compile = |patterns| {
        Exclude::new(patterns, Path::new("/"))
            .map_err(|error| Failure::usage("cannot use the patterns").because(error))
    };
    let (include, exclude) = (compile(include)?, compile(exclude)?);
    if include.is_empty() && exclude.is_empty() {
        return Ok(None);
    }
    Ok(Some(Box::new(move |path: &RelPath, is_folder| {
        choose(&include, &exclude, &path.to_slashed(), is_folder)
    })))
}

fn choose(include: &Exclude, exclude: &Exclude, path: &[u8], is_folder: bool) -> Choice {
    if path.is_empty() {
        return if include.is_empty() {
            Choice::Restore
        } else {
            Choice::Enter
        };
    }
    // The folders above a path, then itself.
    let ends = path
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| at);
    let mut above = ends.chain([path.len()]).filter_map(|end| path.get(..end));
    let folder = |part: &[u8]| is_folder || part.len() < path.len();
    if above
        .clone()
        .any(|part| exclude.leaves_out(part, folder(part)))
    {
        Choice::Skip
    } else if include.is_empty() || above.any(|part| include.leaves_out(part, folder(part))) {
        Choice::Restore
    } else if is_folder {
        Choice::Enter
    } else {
        Choice::Skip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(include: &[&str], exclude: &[&str], path: &str, is_folder: bool) -> Choice {
        let include = Exclude::new(include, Path::new("/")).unwrap();
        let exclude = Exclude::new(exclude, Path::new("/")).unwrap();
        choose(&include, &exclude, path.as_bytes(), is_folder)
    }

    #[test]
    fn without_patterns_everything_is_restored() {
        assert_eq!(chosen(&[], &[], "a/b", false), Choice::Restore);
    }

    #[test]
    fn an_included_folder_brings_everything_in_it() {
        assert_eq!(chosen(&["etc"], &[], "etc/a/b", false), Choice::Restore);
        assert_eq!(chosen(&["/x/etc"], &[], "x", true), Choice::Enter);
        assert_eq!(chosen(&["/x/etc"], &[], "x/etc", true), Choice::Restore);
        assert_eq!(chosen(&["/x/etc"], &[], "x/other", false), Choice::Skip);
    }

    #[test]
    fn what_is_excluded_stays_out_of_an_included_folder() {
        assert_eq!(
            chosen(&["etc"], &["*.bak"], "etc/a.bak", false),
            Choice::Skip
        );
        assert_eq!(chosen(&[], &["cache"], "cache/x", false), Choice::Skip);
        assert_eq!(chosen(&[], &["cache/"], "cache", false), Choice::Restore);
    }
}
