//! From files that the user names to what may open a repository.

use std::path::Path;

use orlop_repo::slots::Credential;
use zeroize::Zeroizing;

use super::place::Place;
use super::secret_file;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// Everything that the options name, and for the user's own repository its key.
pub(super) fn all(context: &Context, place: &Place) -> Result<Vec<Credential>, Failure> {
    let options = &context.options;
    let mut found = named(
        options.key_file.as_deref(),
        options.passphrase_file.as_deref(),
        options.identity.as_deref(),
    )?;
    if let (true, Some(file)) = (found.is_empty(), &place.own_key)
        && file.exists()
    {
        found.push(raw_key(file)?);
    }
    Ok(found)
}

/// What is in files that the user has named.
pub(super) fn named(
    key: Option<&Path>,
    passphrase: Option<&Path>,
    identity: Option<&Path>,
) -> Result<Vec<Credential>, Failure> {
    let mut found = Vec::new();
    if let Some(file) = key {
        found.push(raw_key(file)?);
    }
    if let Some(file) = passphrase {
        found.push(Credential::Passphrase(new_passphrase(file)?));
    }
    if let Some(file) = identity {
        found.extend(identities(file)?);
    }
    Ok(found)
}

/// The key in `file`.
pub(in crate::cli) fn raw_key(file: &Path) -> Result<Credential, Failure> {
    secret_file::read_key(file).map(Credential::Raw)
}

/// The passphrase in `file`.
pub(in crate::cli) fn new_passphrase(file: &Path) -> Result<Zeroizing<String>, Failure> {
    secret_file::read_passphrase(file)
}

/// The identities in `file`, one a line, with comments that begin with `#`.
fn identities(file: &Path) -> Result<Vec<Credential>, Failure> {
    let bytes = secret_file::read("identity file", file)?;
    let none = || {
        Failure::new(format!(
            "the identity file {} holds no identity",
            file.display()
        ))
        .next("an identity is a line that begins with AGE-SECRET-KEY-1, as age-keygen prints it")
    };
    let text = str::from_utf8(&bytes).map_err(|_| none())?;
    let found: Option<Vec<_>> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(Credential::identity)
        .collect();
    found.filter(|found| !found.is_empty()).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_file_may_have_comments_and_nothing_else_besides_identities() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("identity");
        // The test vector of the age specification's key format.
        let identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        std::fs::write(&file, format!("# public key: …\n{identity}\n")).unwrap();
        assert_eq!(identities(&file).unwrap().len(), 1);
        for bad in ["", "# nothing\n", "AGE-SECRET-KEY-1X\n"] {
            std::fs::write(&file, bad).unwrap();
            assert!(identities(&file).is_err(), "{bad}");
        }
    }
}
