//! From errors of the engine to exit codes and next steps: the one place that knows both.

use std::error::Error;

use orlop_repo::index::IndexError;
use orlop_repo::log::LogError;
use orlop_repo::repository::{RepositoryError, SessionError};
use orlop_repo::slots::SlotError;
use orlop_repo::snapshot::LabelError;
use orlop_repo::store::{StoreError, StoreUrlError};

use super::exit::ExitStatus;
use crate::backup::BackupError;

/// What an error means for the user.
#[derive(Debug, Default)]
pub(super) struct Advice {
    /// How the command ends, if not simply as failed.
    pub(super) status: Option<ExitStatus>,
    /// What to do next.
    pub(super) next: Option<String>,
}

impl Advice {
    fn next(next: &str) -> Self {
        Self {
            status: None,
            next: Some(next.to_owned()),
        }
    }

    fn with(status: ExitStatus, next: &str) -> Self {
        Self {
            status: Some(status),
            next: Some(next.to_owned()),
        }
    }
}

/// Finds the first error of the chain about which something is known.
pub(super) fn advise(error: &(dyn Error + 'static)) -> Advice {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(advice) = about(error) {
            return advice;
        }
        link = wrapped(error).or_else(|| error.source());
    }
    Advice::default()
}

/// The error that a transparent one stands for: such an error gives out its inner one's source,
/// so that the inner one itself would be passed over.
fn wrapped<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(RepositoryError::Store(inner)) = error.downcast_ref() {
        return Some(inner);
    }
    if let Some(RepositoryError::Log(inner)) = error.downcast_ref() {
        return Some(inner);
    }
    if let Some(BackupError::Session(inner)) = error.downcast_ref() {
        return Some(inner);
    }
    match error.downcast_ref::<SessionError>()? {
        SessionError::Store(inner) => Some(inner),
        SessionError::Log(inner) => Some(inner),
        _ => None,
    }
}

fn about(error: &(dyn Error + 'static)) -> Option<Advice> {
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return store(error);
    }
    if let Some(error) = error.downcast_ref::<RepositoryError>() {
        return repository(error);
    }
    if let Some(error) = error.downcast_ref::<SlotError>() {
        return slot(error);
    }
    if let Some(error) = error.downcast_ref::<LogError>() {
        return log(error);
    }
    if let Some(IndexError::Store { source, .. }) = error.downcast_ref::<IndexError>()
        && !source.is_missing()
        && !source.is_damage()
    {
        return store(source);
    }
    if let Some(
        IndexError::Store { .. }
        | IndexError::WrongObject { .. }
        | IndexError::Sealed { .. }
        | IndexError::Segment { .. },
    ) = error.downcast_ref::<IndexError>()
    {
        return Some(Advice::next("run `orlop repair index --dry-run`"));
    }
    if error.is::<LabelError>() {
        return Some(Advice::with(
            ExitStatus::Usage,
            "use shorter names and tags",
        ));
    }
    if let Some(BackupError::Interrupted) = error.downcast_ref() {
        return Some(Advice::with(
            ExitStatus::Interrupted,
            "run it again: it goes on from what is stored",
        ));
    }
    if error.is::<StoreUrlError>() {
        return Some(Advice::with(
            ExitStatus::Usage,
            "name the repository as a path, file://, s3://bucket/prefix, gs:// or az://",
        ));
    }
    None
}

fn log(error: &LogError) -> Option<Advice> {
    match error {
        LogError::Store(error) => store(error),
        LogError::NewerKeys { .. } => Some(Advice::with(
            ExitStatus::NoKey,
            "somebody has started new keys without a slot for this one: use another key, or ask \
             whoever can open the repository to add this one with `orlop key add`",
        )),
        LogError::Broken { .. } => Some(Advice::next(
            "stop all backups to it and find out what happened to the store, then run `orlop \
             repair log --dry-run`; if the repository was replaced on purpose, delete the folder \
             `seen` in the cache folder",
        )),
        LogError::GenerationLost { .. } => Some(Advice::next(
            "bring the entry back from a copy of the store; what snapshots hold can be read with \
             an earlier copy of `log` and `meta`",
        )),
        error if error.is_damage() => Some(Advice::next("run `orlop repair log --dry-run`")),
        _ => None,
    }
}

fn repository(error: &RepositoryError) -> Option<Advice> {
    Some(match error {
        RepositoryError::NotFound { .. } => Advice::with(
            ExitStatus::NoRepository,
            "check --repo, or make a repository with `orlop init`",
        ),
        RepositoryError::Exists { .. } => {
            Advice::next("use it as it is, or choose another place; orlop deletes no repository")
        }
        RepositoryError::NoKey { .. } => Advice::with(
            ExitStatus::NoKey,
            "name the right key with --key-file, --passphrase-file or --identity",
        ),
        RepositoryError::SlotNotNamed { .. } => Advice::with(
            ExitStatus::NoKey,
            "use another key; this one was taken away from the repository",
        ),
        RepositoryError::TooNew { .. } => {
            Advice::next("use the version of orlop that wrote the repository, or a newer one")
        }
        RepositoryError::ReadBack { .. } => {
            Advice::next("use another store: `orlop store check` shows what it does wrong")
        }
        _ => return None,
    })
}

fn slot(error: &SlotError) -> Option<Advice> {
    Some(match error {
        SlotError::WrongKey { .. } | SlotError::NoCredential { .. } => Advice::with(
            ExitStatus::NoKey,
            "name the right key with --key-file, --passphrase-file or --identity",
        ),
        SlotError::MemoryBudget { .. } => Advice::next("allow more memory with --memory"),
        SlotError::OtherRepository { .. } => {
            Advice::next("do not trust the store: another repository stands in the place of yours")
        }
        _ => return None,
    })
}

fn store(error: &StoreError) -> Option<Advice> {
    Some(match error {
        StoreError::NoStore { .. } => Advice::next(
            "check the name of the bucket, container or folder; buckets are not made by orlop",
        ),
        StoreError::NotAFolder { .. } => Advice::next("name a folder with --repo"),
        StoreError::CredentialsRejected { .. } => Advice::next(
            "check the credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
             GOOGLE_APPLICATION_CREDENTIALS, or AZURE_STORAGE_ACCOUNT_NAME and \
             AZURE_STORAGE_ACCOUNT_KEY",
        ),
        StoreError::PermissionDenied { .. } => {
            Advice::next("let these credentials, or this user, read, write, list and delete there")
        }
        StoreError::ReadOnly { .. } => {
            Advice::next("run it where the repository can be written to")
        }
        StoreError::Unreachable { .. } => Advice::next(
            "check the network and the endpoint (AWS_ENDPOINT_URL or its like), then run it \
             again: what is stored is kept",
        ),
        StoreError::Timeout { .. } | StoreError::Transient { .. } => {
            Advice::next("run it again: what is stored is kept")
        }
        StoreError::Throttled { .. } => {
            Advice::next("run it again later, or ask the store's provider for a higher rate")
        }
        StoreError::Full { .. } => {
            Advice::next("free space in the store, then run it again: what is stored is kept")
        }
        StoreError::NotSupported { .. } => {
            Advice::next("use another store; `orlop store check` says what is missing")
        }
        StoreError::Config { .. } => Advice::next("correct the environment and run it again"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use orlop_repo::store::At;

    use super::*;

    fn full() -> StoreError {
        StoreError::Full {
            at: At::store("/srv"),
            source: "quota".into(),
        }
    }

    #[test]
    fn an_error_is_found_below_those_that_only_pass_it_on() {
        let error = BackupError::Session(SessionError::Store(full()));
        assert!(advise(&error).next.unwrap().starts_with("free space"));
        let error = RepositoryError::Store(full());
        assert!(advise(&error).next.unwrap().starts_with("free space"));
        let error = SessionError::Log(LogError::Store(full()));
        assert!(advise(&error).next.unwrap().starts_with("free space"));
    }

    #[test]
    fn codes_that_scripts_rely_on_come_from_the_engines_errors() {
        let location = String::new();
        let missing = RepositoryError::NotFound { location };
        assert_eq!(advise(&missing).status, Some(ExitStatus::NoRepository));
        let wrong = SlotError::WrongKey { tried: Vec::new() };
        let wrong = RepositoryError::Slot(wrong);
        assert_eq!(advise(&wrong).status, Some(ExitStatus::NoKey));
        assert_eq!(
            advise(&BackupError::Interrupted).status,
            Some(ExitStatus::Interrupted)
        );
    }
}
