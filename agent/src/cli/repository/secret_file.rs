//! Files that hold secrets: read with a bound, wiped after use, made for their owner alone.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// Longest file that is read as a secret. Identities with many comments stay well below.
const MAX_LEN: usize = 64 << 10;

/// A key of 32 bytes.
pub(in crate::cli) type Key = Zeroizing<[u8; 32]>;

/// Reads a whole file, which may be a pipe.
pub(in crate::cli) fn read(what: &str, file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let cannot = |error: io::Error| {
        Failure::new(format!("cannot read the {what} {}", file.display())).because(error)
    };
    // Reserved at once: growing would leave copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LEN + 1));
    File::open(file)
        .and_then(|file| file.take(MAX_LEN as u64 + 1).read_to_end(&mut bytes))
        .map_err(cannot)?;
    if bytes.len() > MAX_LEN {
        return Err(Failure::new(format!(
            "the {what} {} is longer than {MAX_LEN} bytes",
            file.display()
        ))
        .next("name the right file"));
    }
    Ok(bytes)
}

/// Reads a key: 32 bytes, or a line of 64 hex digits among comments that begin with `#`.
pub(in crate::cli) fn read_key(file: &Path) -> Result<Key, Failure> {
    let bytes = read("key file", file)?;
    parse_key(&bytes).ok_or_else(|| {
        Failure::new(format!("the key file {} holds no key", file.display())).next(
            "a key is 32 random bytes, or 64 hex digits: `head -c 32 /dev/urandom > FILE` makes \
             one",
        )
    })
}

fn parse_key(bytes: &[u8]) -> Option<Key> {
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() == key.len() {
        key.copy_from_slice(bytes);
        return Some(key);
    }
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    hex::decode_to_slice(lines.next()?, &mut *key).ok()?;
    lines.next().is_none().then_some(key)
}

/// Reads a passphrase: the file without one line's end.
pub(in crate::cli) fn read_passphrase(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = read("passphrase file", file)?;
    let about = |what: &str| Failure::new(format!("the passphrase file {} {what}", file.display()));
    let text = str::from_utf8(&bytes).map_err(|error| about("is no text").because(error))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(about("is empty"));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// A new key.
pub(in crate::cli) fn new_key() -> Result<Key, Failure> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(|error| Failure::new("cannot make a key").because(error))?;
    Ok(key)
}

/// Makes a key file for its owner alone, with its folder; `false` if there is one already.
pub(in crate::cli) fn create_key(file: &Path) -> Result<bool, Failure> {
    if file.exists() {
        return Ok(false);
    }
    let key = new_key()?;
    let mut digits = Zeroizing::new(hex::encode(*key));
    digits.push('\n');
    create(file, digits.as_bytes()).map_err(|error| {
        Failure::new(format!("cannot make the key file {}", file.display())).because(error)
    })
}

/// The key in `file`, made if there is none.
pub(in crate::cli) fn key_or_new(context: &Context, file: &Path) -> Result<Key, Failure> {
    if create_key(file)? {
        context.note(&format!(
            "made the key file {}: without a copy of it nothing can be restored",
            file.display()
        ));
    }
    read_key(file)
}

/// Fails if there is such a file.
pub(in crate::cli) fn refuse_existing_file(file: &Path) -> Result<(), Failure> {
    if file.symlink_metadata().is_ok() {
        return Err(Failure::new(format!("{} exists already", file.display()))
            .next("name a file that does not exist"));
    }
    Ok(())
}

/// Writes a new file for its owner alone.
pub(in crate::cli) fn write_secret(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    match create(file, bytes) {
        Ok(true) => Ok(()),
        Ok(false) => refuse_existing_file(file),
        Err(error) => Err(Failure::new(format!("cannot write {}", file.display())).because(error)),
    }
}

/// Makes a file with mode 0600, and its folder; `false` if there is one already.
///
/// It appears whole or not at all, and survives the loss of power.
fn create(file: &Path, bytes: &[u8]) -> io::Result<bool> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    // Such files are made with mode 0600.
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(file) {
        Ok(_) => {
            File::open(folder)?.sync_all()?;
            Ok(true)
        }
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_32_bytes_or_64_digits() {
        assert!(parse_key(&[7; 32]).is_some());
        assert_eq!(*parse_key("0a".repeat(32).as_bytes()).unwrap(), [10; 32]);
        assert_eq!(
            *parse_key(format!(" {}\r\n", "0A".repeat(32)).as_bytes()).unwrap(),
            [10; 32]
        );
        let exported = format!("# id\n{}\n# slot\n", "0a".repeat(32));
        assert_eq!(*parse_key(exported.as_bytes()).unwrap(), [10; 32]);
        for bad in [&b""[..], &[7; 31], &[7; 33], "0g".repeat(32).as_bytes()] {
            assert!(parse_key(bad).is_none());
        }
    }

    #[test]
    fn a_new_key_file_is_its_owners_and_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/key");
        assert!(create_key(&file).unwrap());
        let key = read_key(&file).unwrap();
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(!create_key(&file).unwrap());
        assert_eq!(*read_key(&file).unwrap(), *key);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn one_lines_end_does_not_belong_to_a_passphrase() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passphrase");
        for (text, passphrase) in [("a b\r\n", "a b"), ("x\n\n", "x\n"), ("y", "y")] {
            fs::write(&file, text).unwrap();
            assert_eq!(*read_passphrase(&file).unwrap(), passphrase);
        }
        fs::write(&file, "\n").unwrap();
        assert!(read_passphrase(&file).is_err());
    }

    #[test]
    fn a_file_that_is_far_too_long_is_not_read_whole() {
        let failure = read("key file", Path::new("/dev/zero")).unwrap_err();
        assert!(failure.text().contains("longer than 65536 bytes"));
    }
}
