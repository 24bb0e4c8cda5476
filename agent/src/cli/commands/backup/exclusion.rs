//! From options to what a walk leaves out.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::options::Backup;
use crate::backup::Excludes;
use crate::cli::failure::Failure;
use crate::exclude::{CACHE_TAG_NAME, CACHE_TAG_SIGNATURE, Exclude, is_cache_tag, patterns_in};
use crate::fs::{Beginnings, RelPath, Root};

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
) -> Result<Option<Excludes>, Failure> {
    let patterns = Exclude::new(patterns, top)
        .map_err(|error| Failure::usage("cannot use the exclude patterns").because(error))?;
    if patterns.is_empty() && !caches {
        return Ok(None);
    }
    let top = top.to_owned();
    Ok(Some(Box::new(move || {
        let patterns = patterns.clone();
        let mut caches = caches.then(|| Caches::new(&top));
        Box::new(move |path: &RelPath, is_folder| {
            patterns.leaves_out(&path.to_slashed(), is_folder)
                || caches
                    .as_mut()
                    .is_some_and(|caches| caches.leaves_out(path))
        })
    })))
}

/// Folders that say that they are caches.
struct Caches {
    /// None if the volume is no folder, or cannot be opened, which the backup says.
    beginnings: Option<Beginnings>,
    /// The folder that was looked at last: a walk gives all entries of a folder together.
    last: Option<(RelPath, bool)>,
}

impl Caches {
    fn new(top: &Path) -> Self {
        let root = Root::open(top).ok();
        Self {
            beginnings: root.as_ref().and_then(Beginnings::of),
            last: None,
        }
    }

    fn leaves_out(&mut self, path: &RelPath) -> bool {
        let Some((folder, name)) = path.split_last() else {
            return false;
        };
        if name == CACHE_TAG_NAME.as_bytes() {
            return false;
        }
        if let Some((last, is_cache)) = &self.last
            && last.as_prefix() == folder
        {
            return *is_cache;
        }
        let Ok(folder) = RelPath::from_prefix(folder) else {
            return false;
        };
        let is_cache = self.has_tag(&folder);
        self.last = Some((folder, is_cache));
        is_cache
    }

    fn has_tag(&mut self, folder: &RelPath) -> bool {
        let (name, len) = (CACHE_TAG_NAME.as_bytes(), CACHE_TAG_SIGNATURE.len());
        let start = self
            .beginnings
            .as_mut()
            .and_then(|all| all.read(folder, name, len));
        start.is_some_and(|start| is_cache_tag(&start))
    }
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
        let excludes = exclude(&[], true, top.path()).unwrap().unwrap();
        let mut exclude = excludes();
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
        assert!(!Caches::new(top.path()).has_tag(&RelPath::root()));
    }

    #[test]
    fn patterns_see_paths_with_slashes() {
        let excludes = exclude(&["/a/b".to_owned()], false, Path::new("/"))
            .unwrap()
            .unwrap();
        let mut exclude = excludes();
        assert!(exclude(&path(&["a", "b"]), false));
        assert!(!exclude(&path(&["b", "a", "b"]), false));
    }
}
