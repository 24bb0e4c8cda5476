//! The last log entry that this user has seen, by which a store that was rolled back is noticed.

use std::path::{Path, PathBuf};
use std::{fs, io};

use orlop_repo::log::Seen;
use orlop_repo::model::ObjectHash;
use orlop_repo::store::StoreUrl;

/// The file in the cache folder for the repository at `url`.
pub(in crate::cli) fn file(cache: &Path, url: &StoreUrl) -> PathBuf {
    let location = match url {
        // One folder by whichever way it was named.
        StoreUrl::Local(path) => fs::canonicalize(path)
            .unwrap_or_else(|_| path.clone())
            .display()
            .to_string(),
        url => url.to_string(),
    };
    let digest = blake3::hash(location.as_bytes()).to_hex();
    cache
        .join("seen")
        .join(digest.get(..32).unwrap_or_default())
}

/// What the file says; nothing if there is none, or none that can be used: it is a cache.
pub(in crate::cli) fn read(file: &Path) -> Option<Seen> {
    let text = fs::read_to_string(file).ok()?;
    let mut words = text.split_whitespace();
    let seen = Seen {
        generation: words.next()?.parse().ok()?,
        number: words.next()?.parse().ok()?,
        hash: ObjectHash::from_hex(words.next()?)?,
    };
    words.next().is_none().then_some(seen)
}

/// Replaces the file as a whole.
pub(in crate::cli) fn write(file: &Path, seen: Seen) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = tempfile::NamedTempFile::new_in(folder)?;
    let Seen {
        generation,
        number,
        hash,
    } = seen;
    fs::write(draft.path(), format!("{generation} {number} {hash}\n"))?;
    draft.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path(), &"s3://b/p".parse().unwrap());
        assert_eq!(read(&file), None);
        let seen = Seen {
            generation: 1,
            number: 77,
            hash: ObjectHash::from_bytes([9; 32]),
        };
        write(&file, seen).unwrap();
        assert_eq!(read(&file), Some(seen));
        fs::write(&file, "1 2").unwrap();
        assert_eq!(read(&file), None);
    }
}
