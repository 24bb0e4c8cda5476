//! Which entries of a volume a backup leaves out. Pure: no I/O.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};

/// Name of the file by which a folder says that it is a cache (<https://bford.info/cachedir/>).
pub const CACHE_TAG_NAME: &str = "CACHEDIR.TAG";

/// How that file begins.
pub const CACHE_TAG_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// A pattern is not understood, or could not mean anything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExcludeError {
    /// The pattern names nothing.
    #[error("the exclude pattern {pattern:?} is empty, or names the top folder itself")]
    Empty {
        /// As it was given.
        pattern: String,
    },
    /// No path in a volume has such a component.
    #[error("the exclude pattern {pattern:?} can match nothing, because of its `.` or `..`")]
    Dots {
        /// As it was given.
        pattern: String,
    },
    /// Its brackets or backslashes are wrong.
    #[error("the exclude pattern {pattern:?} is not understood")]
    Syntax {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        source: globset::Error,
    },
}

/// An ordered list of patterns. The last one that matches decides.
///
/// - A pattern without a leading slash matches at any depth: `*.tmp`, `node_modules`, `a/b`.
/// - A leading slash anchors it at the top folder: `/lost+found`. A full path below the top
///   folder, as the user typed it, is understood as well.
/// - A trailing slash restricts it to folders.
/// - `*` and `?` do not match a slash, `**` matches any number of folders, `[a-z]` one byte of a
///   set, a backslash takes the next character literally. `?` matches one byte.
/// - A leading `!` takes back what an earlier pattern has left out; a folder that is left out is
///   not entered, so nothing below it can be taken back.
#[derive(Debug, Clone)]
pub struct Exclude {
    set: GlobSet,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    leaves_out: bool,
    folders_only: bool,
}

impl Exclude {
    /// Compiles `patterns` for a backup of the folder `top`, an absolute path.
    pub fn new<P: AsRef<str>>(patterns: &[P], top: &Path) -> Result<Self, ExcludeError> {
        let mut set = GlobSetBuilder::new();
        let mut rules = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            let given = pattern.as_ref();
            let (negated, pattern) = match given.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, given),
            };
            let folders_only = pattern.ends_with('/');
            let glob = translate(given, below_top(pattern, top))?;
            let glob = GlobBuilder::new(&glob)
                .literal_separator(true)
                .backslash_escape(true)
                .build()
                .map_err(|source| ExcludeError::Syntax {
                    pattern: given.to_owned(),
                    source,
                })?;
            set.add(glob);
            rules.push(Rule {
                leaves_out: !negated,
                folders_only,
            });
        }
        let set = set.build().map_err(|source| ExcludeError::Syntax {
            pattern: patterns
                .iter()
                .map(AsRef::as_ref)
                .collect::<Vec<_>>()
                .join(" "),
            source,
        })?;
        Ok(Self { set, rules })
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether the entry at `path` is left out, a folder with everything below it.
    ///
    /// `path` has no leading slash and is raw bytes. Folders above it are not looked at.
    pub fn leaves_out(&self, path: &[u8], is_folder: bool) -> bool {
        if self.rules.is_empty() {
            return false;
        }
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let mut matching = Vec::new();
        self.set
            .matches_candidate_into(&Candidate::new(path), &mut matching);
        matching
            .iter()
            .rev()
            .filter_map(|&number| self.rules.get(number))
            .find(|rule| is_folder || !rule.folders_only)
            .is_some_and(|rule| rule.leaves_out)
    }
}

/// The patterns in the text of an exclude file: one a line, without empty lines and those that
/// begin with `#`. Blanks at both ends of a line do not count.
pub fn patterns_in(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Says whether the file [`CACHE_TAG_NAME`] that begins with `start` makes its folder a cache.
pub fn is_cache_tag(start: &[u8]) -> bool {
    start.starts_with(CACHE_TAG_SIGNATURE)
}

/// Takes the top folder off a pattern that was written as a full path below it.
fn below_top<'a>(pattern: &'a str, top: &Path) -> &'a str {
    let top = top.to_str().unwrap_or("/").trim_end_matches('/');
    match pattern.strip_prefix(top) {
        Some(rest) if !top.is_empty() && (rest.is_empty() || rest.starts_with('/')) => {
            if rest.is_empty() { "/" } else { rest }
        }
        _ => pattern,
    }
}

/// From our meaning to that of a glob over the whole path.
fn translate(given: &str, pattern: &str) -> Result<String, ExcludeError> {
    let anchored = pattern.starts_with('/');
    let parts: Vec<_> = pattern
        .split('/')
        .enumerate()
        .filter(|(at, part)| !(part.is_empty() || *at == 0 && *part == "."))
        .map(|(_, part)| part)
        .collect();
    if parts.is_empty() {
        return Err(ExcludeError::Empty {
            pattern: given.to_owned(),
        });
    }
    if parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Err(ExcludeError::Dots {
            pattern: given.to_owned(),
        });
    }
    let literal_braces = escape_braces(&parts.join("/"));
    Ok(if anchored {
        literal_braces
    } else {
        format!("**/{literal_braces}")
    })
}

/// Braces mean alternatives to the glob library, and themselves to shells' users who quote them.
fn escape_braces(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                out.push(c);
                out.extend(chars.next());
            }
            '[' => {
                out.push(c);
                if let Some(negation) = chars.next_if(|c| matches!(c, '!' | '^')) {
                    out.push(negation);
                }
                // A bracket that comes first is a member of the set.
                out.extend(chars.next_if_eq(&']'));
                for member in chars.by_ref() {
                    out.push(member);
                    if member == ']' {
                        break;
                    }
                }
            }
            '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves_out(patterns: &[&str], path: &str) -> bool {
        let exclude = Exclude::new(patterns, Path::new("/home/me")).unwrap();
        exclude.leaves_out(path.as_bytes(), false)
    }

    #[test]
    fn a_pattern_without_leading_slash_matches_at_any_depth() {
        assert!(leaves_out(&["*.tmp"], "x.tmp"));
        assert!(leaves_out(&["*.tmp"], "a/b/x.tmp"));
        assert!(leaves_out(&["b/x"], "a/b/x"));
        assert!(!leaves_out(&["b/x"], "a/bb/x"));
        assert!(!leaves_out(&["*.tmp"], "x.tmp.bak"));
    }

    #[test]
    fn a_leading_slash_anchors_at_the_top_folder() {
        assert!(leaves_out(&["/cache"], "cache"));
        assert!(!leaves_out(&["/cache"], "a/cache"));
    }

    #[test]
    fn a_full_path_below_the_top_folder_is_understood() {
        assert!(leaves_out(&["/home/me/.cache"], ".cache"));
        assert!(!leaves_out(&["/home/me/.cache"], "a/.cache"));
        assert!(!leaves_out(&["/home/mel/.cache"], ".cache"));
        assert!(leaves_out(&["/home/mel/x"], "home/mel/x"));
    }

    #[test]
    fn a_star_stays_within_one_name_and_two_go_through_folders() {
        assert!(!leaves_out(&["/a/*.log"], "a/b/c.log"));
        assert!(leaves_out(&["/a/**/*.log"], "a/b/c.log"));
        assert!(leaves_out(&["/a/**/*.log"], "a/c.log"));
        assert!(leaves_out(&["a/**/z"], "x/a/b/c/z"));
    }

    #[test]
    fn a_trailing_slash_means_folders_only() {
        let exclude = Exclude::new(&["build/"], Path::new("/")).unwrap();
        assert!(exclude.leaves_out(b"x/build", true));
        assert!(!exclude.leaves_out(b"x/build", false));
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let patterns = ["*.log", "!keep.log", "/old/keep.log"];
        assert!(leaves_out(&patterns, "a.log"));
        assert!(!leaves_out(&patterns, "b/keep.log"));
        assert!(leaves_out(&patterns, "old/keep.log"));
    }

    #[test]
    fn a_pattern_for_folders_does_not_hide_an_earlier_one_from_a_file() {
        let exclude = Exclude::new(&["x", "!x/"], Path::new("/")).unwrap();
        assert!(exclude.leaves_out(b"x", false));
        assert!(!exclude.leaves_out(b"x", true));
    }

    #[test]
    fn braces_mean_themselves() {
        assert!(leaves_out(&["{a,b}"], "{a,b}"));
        assert!(!leaves_out(&["{a,b}"], "a"));
        assert!(leaves_out(&["[{]x"], "{x"));
        assert!(leaves_out(&["[]}]x"], "}x"));
        assert!(leaves_out(&[r"\{x"], "{x"));
    }

    #[test]
    fn names_that_are_no_utf8_are_matched_as_bytes() {
        let exclude = Exclude::new(&["*.tmp"], Path::new("/")).unwrap();
        assert!(exclude.leaves_out(b"a/\xff\xfe.tmp", false));
    }

    #[test]
    fn what_can_mean_nothing_is_refused() {
        for pattern in ["", "/", "!", "//", "/home/me", "/home/me/", "."] {
            let error = Exclude::new(&[pattern], Path::new("/home/me")).unwrap_err();
            assert!(matches!(error, ExcludeError::Empty { .. }), "{pattern}");
        }
        let error = Exclude::new(&["a/../b"], Path::new("/")).unwrap_err();
        assert!(matches!(error, ExcludeError::Dots { .. }));
        let error = Exclude::new(&["[a"], Path::new("/")).unwrap_err();
        assert!(matches!(error, ExcludeError::Syntax { .. }));
    }

    #[test]
    fn an_exclude_file_has_comments_and_empty_lines() {
        let text = "# caches\n\n  *.tmp \r\n!keep.tmp\n";
        assert_eq!(
            patterns_in(text).collect::<Vec<_>>(),
            ["*.tmp", "!keep.tmp"]
        );
    }

    #[test]
    fn a_cache_tag_needs_its_signature() {
        assert!(is_cache_tag(
            b"Signature: 8a477f597d28d172789f06886806bc55\n# a cache"
        ));
        assert!(!is_cache_tag(b"Signature: 8a477f59"));
    }
}
