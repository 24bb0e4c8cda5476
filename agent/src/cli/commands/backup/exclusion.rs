//! From options to what a walk leaves out.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::options::Backup;
use crate::backup::Exclude as ExcludeEntry;
use crate::cli::failure::Failure;
use crate::exclude::{CACHE_TAG_NAME, CACHE_TAG_SIGNATURE, Exclude, is_cache_tag, patterns_in};
use crate::fs::RelPath;

/// Longest exclude file.
const MAX_FILE: u64 = 16 << 20;

/// All patterns in the order in which they count: of the command line, then of the files.
pub(super) fn patterns(options: &Backup) -> Result<Vec<String>, Failure> {
    let mut patterns = options.exclude.clone();
    for file in &options.exclude_file {
        let mut text = String::new();
        File::open(file)
            .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
            .map_err(|error| {
                Failure::new(format!("cannot read the exclude file {}", file.display()))
                    .because(error)
            })?;
        patterns.extend(patterns_in(&text).map(str::to_owned));
    }
    Ok(patterns)
}

/// What the walk of the folder `top`, an absolute path, leaves out.
pub(super) fn exclude(
    patterns: &[String],
    caches: bool,
    top: &Path,
) -> Result<Option<ExcludeEntry>, Failure> {
    let patterns = Exclude::new(patterns, top)
        .map_err(|error| Failure::usage("cannot use the exclude patterns").because(error))?;
    let mut caches = caches.then(|| Caches::new(top));
    if patterns.is_empty() && caches.is_none() {
        return Ok(None);
    }
    Ok(Some(Box::new(move |path: &RelPath, is_folder| {
        let path = with_slashes(path);
        patterns.leaves_out(&path, is_folder)
            || caches
                .as_mut()
                .is_some_and(|caches| caches.leaves_out(&path))
    })))
}

fn with_slashes(path: &RelPath) -> Vec<u8> {
    let mut path: Vec<_> = path
        .as_prefix()
        .iter()
        .map(|byte| if *byte == 0 { b'/' } else { *byte })
        .collect();
    path.pop();
    path
}

/// Folders that say that they are caches.
struct Caches {
    top: PathBuf,
    /// The folder that was looked at last: a walk gives all entries of a folder together.
    last: Option<(Vec<u8>, bool)>,
}

impl Caches {
    fn new(top: &Path) -> Self {
        Self {
            top: top.to_owned(),
            last: None,
        }
    }

    fn leaves_out(&mut self, path: &[u8]) -> bool {
        let (folder, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (path.get(..slash), path.get(slash + 1..)),
            None => (Some(&[][..]), Some(path)),
        };
        let (folder, name) = (folder.unwrap_or_default(), name.unwrap_or_default());
        if name == CACHE_TAG_NAME.as_bytes() {
            return false;
        }
        if let Some((last, is_cache)) = &self.last
            && last == folder
        {
            return *is_cache;
        }
        let is_cache = has_tag(&self.top.join(std::ffi::OsStr::from_bytes(folder)));
        self.last = Some((folder.to_vec(), is_cache));
        is_cache
    }
}

/// Looks at the start of the tag alone: never through a link, never waiting for a pipe.
fn has_tag(folder: &Path) -> bool {
    let mut start = Vec::new();
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(folder.join(CACHE_TAG_NAME))
        .and_then(|file| {
            file.take(CACHE_TAG_SIGNATURE.len() as u64)
                .read_to_end(&mut start)
        })
        .is_ok_and(|_| is_cache_tag(&start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(components: &[&str]) -> RelPath {
        let mut path = RelPath::root();
        for component in components {
            path.push(component.as_bytes()).unwrap();
        }
        path
    }

    #[test]
    fn of_a_cache_only_its_tag_is_kept() {
        let top = tempfile::tempdir().unwrap();
        let cache = top.path().join("a/cache");
        std::fs::create_dir_all(&cache).unwrap();
        std::fs::write(
            cache.join(CACHE_TAG_NAME),
            [CACHE_TAG_SIGNATURE, b"\n"].concat(),
        )
        .unwrap();
        let mut exclude = exclude(&[], true, top.path()).unwrap().unwrap();
        assert!(!exclude(&path(&["a"]), true));
        assert!(!exclude(&path(&["a", "cache"]), true));
        assert!(!exclude(&path(&["a", "cache", CACHE_TAG_NAME]), false));
        assert!(exclude(&path(&["a", "cache", "x"]), false));
        assert!(exclude(&path(&["a", "cache", "sub"]), true));
        assert!(!exclude(&path(&["a", "x"]), false));
    }

    #[test]
    fn a_tag_that_is_a_link_is_none() {
        let top = tempfile::tempdir().unwrap();
        std::fs::write(top.path().join("tag"), CACHE_TAG_SIGNATURE).unwrap();
        std::os::unix::fs::symlink("tag", top.path().join(CACHE_TAG_NAME)).unwrap();
        assert!(!has_tag(top.path()));
    }

    #[test]
    fn patterns_see_paths_with_slashes() {
        let mut exclude = exclude(&["/a/b".to_owned()], false, Path::new("/"))
            .unwrap()
            .unwrap();
        assert!(exclude(&path(&["a", "b"]), false));
        assert!(!exclude(&path(&["b", "a", "b"]), false));
    }
}
