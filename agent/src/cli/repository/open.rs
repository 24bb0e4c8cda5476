//! Opening the repository that the options mean.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orlop_repo::entropy::OsEntropy;
use orlop_repo::log::Seen;
use orlop_repo::model::RepositoryId;
use orlop_repo::repository::{OpenOptions, Repository, RepositoryError};
use orlop_repo::slots::Credential;
use orlop_repo::store::{Store, StoreError, StoreUrl};
use zeroize::Zeroizing;

use super::credentials;
use super::init::{Cipher, init, init_options};
use super::place::{Place, cache_dir};
use super::secret_file::{create_key, read_key};
use super::{seen, store};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;

/// Opens it.
pub(in crate::cli) async fn open(context: &Context) -> Result<Arc<Repository>, Failure> {
    let place = Place::of(context)?;
    let credentials = credentials::all(context, &place)?;
    let store = store::open_store(&place.url)?;
    try_open(context, &place, store, &credentials, None)
        .await
        .map_err(|error| failure(&place, credentials.is_empty(), error))
}

/// Opens another repository than the one that the global options mean.
pub(in crate::cli) async fn open_other(
    context: &Context,
    other: &Other,
) -> Result<Arc<Repository>, Failure> {
    let place = Place {
        url: store::parse_url(&other.url)?,
        own_key: None,
    };
    let credentials = credentials::named(
        other.key_file.as_deref(),
        other.passphrase_file.as_deref(),
        other.identity.as_deref(),
    )?;
    let store = store::open_store(&place.url)?;
    let expect = Expect {
        id: other.expect_id.as_deref(),
        by_identity: other.identity.is_some(),
    };
    let opened = match expect.id("--to-expect-id", None) {
        Ok(id) => open_as(context, &place, store, &credentials, id, expect.by_identity).await,
        Err(error) => Err(error),
    };
    opened.map_err(|error| failure(&place, credentials.is_empty(), error))
}

/// Another repository, and what opens it.
pub(in crate::cli) struct Other {
    pub(in crate::cli) url: String,
    pub(in crate::cli) key_file: Option<PathBuf>,
    pub(in crate::cli) passphrase_file: Option<PathBuf>,
    pub(in crate::cli) identity: Option<PathBuf>,
    pub(in crate::cli) expect_id: Option<String>,
}

/// The id that a repository must have.
struct Expect<'a> {
    id: Option<&'a str>,
    by_identity: bool,
}

impl Expect<'_> {
    fn id(
        &self,
        option: &'static str,
        known: Option<RepositoryId>,
    ) -> Result<Option<RepositoryId>, OpenError> {
        match self.id {
            _ if known.is_some() => Ok(known),
            Some(text) => RepositoryId::from_hex(text)
                .map(Some)
                .ok_or(OpenError::ExpectId(option)),
            None => Ok(None),
        }
    }
}

/// What opening takes, for whoever opens a repository that is damaged.
pub(in crate::cli) struct Opener {
    pub(in crate::cli) url: StoreUrl,
    pub(in crate::cli) store: Store,
    pub(in crate::cli) credentials: Vec<Credential>,
    pub(in crate::cli) options: OpenOptions,
    seen: Option<PathBuf>,
}

impl Opener {
    /// Finds the place and the keys, and opens nothing.
    pub(in crate::cli) fn new(context: &Context) -> Result<Self, Failure> {
        let place = Place::of(context)?;
        let expect =
            match &context.options.expect_id {
                Some(text) => Some(RepositoryId::from_hex(text).ok_or_else(|| {
                    Failure::usage(OpenError::ExpectId("--expect-id").to_string())
                })?),
                None => None,
            };
        let seen = seen_file(context, &place.url);
        Ok(Self {
            store: store::open_store(&place.url)?,
            credentials: credentials::all(context, &place)?,
            options: open_options(context, expect, seen.as_deref()),
            url: place.url,
            seen,
        })
    }

    /// Notes how far the log goes after it was repaired.
    pub(in crate::cli) fn remember(&self, now: Seen) {
        if let Some(file) = &self.seen
            && let Err(error) = seen::write(file, now)
        {
            tracing::warn!(file = %file.display(), %error, "cannot write to the cache folder");
        }
    }
}

fn seen_file(context: &Context, url: &StoreUrl) -> Option<PathBuf> {
    let cache = cache_dir(context).ok()?;
    Some(seen::file(&cache, url))
}

fn open_options(
    context: &Context,
    expect: Option<RepositoryId>,
    seen: Option<&Path>,
) -> OpenOptions {
    OpenOptions {
        memory: context.memory(),
        expect,
        seen: seen.and_then(seen::read),
        clock: context.clock.clone(),
        entropy: Arc::new(OsEntropy),
    }
}

/// Opens it with this key alone, and only if it is the repository `id`.
pub(in crate::cli) async fn open_with_key(
    context: &Context,
    id: RepositoryId,
    key: Zeroizing<[u8; 32]>,
) -> Result<Arc<Repository>, Failure> {
    let place = Place::of(context)?;
    let store = store::open_store(&place.url)?;
    let credentials = [Credential::Raw(key)];
    try_open(context, &place, store, &credentials, Some(id))
        .await
        .map_err(|error| failure(&place, false, error))
}

/// Opens it; the user's own is made, with its key, if it is not there yet.
pub(in crate::cli) async fn open_or_make_default(
    context: &Context,
) -> Result<Arc<Repository>, Failure> {
    let place = Place::of(context)?;
    let Some(key_file) = &place.own_key else {
        return open(context).await;
    };
    let store = store::open_store(&place.url)?;
    let credentials = credentials::all(context, &place)?;
    match try_open(context, &place, store, &credentials, None).await {
        Ok(repository) => {
            context.note(&format!("using your repository {} with its key", place.url));
            return Ok(repository);
        }
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(failure(&place, credentials.is_empty(), error)),
    }
    create_key(key_file)?;
    let slots = vec![orlop_repo::repository::InitSlot {
        spec: orlop_repo::slots::SlotSpec::Raw(read_key(key_file)?),
        label: "key file".to_owned(),
    }];
    let store = store::create_store(&place.url).await?;
    let repository = init(
        &place.url,
        store,
        init_options(context, slots, Cipher::default()),
    )
    .await?;
    keep_in_mind(context, &place.url, &repository).await;
    context.note(&format!(
        "made your repository {} with the key {}: without a copy of that key nothing can be \
         restored",
        place.url,
        key_file.display()
    ));
    Ok(repository)
}

async fn try_open(
    context: &Context,
    place: &Place,
    store: Store,
    credentials: &[Credential],
    id: Option<RepositoryId>,
) -> Result<Arc<Repository>, OpenError> {
    let expect = Expect {
        id: context.options.expect_id.as_deref(),
        by_identity: context.options.identity.is_some(),
    };
    let id = expect.id("--expect-id", id)?;
    open_as(context, place, store, credentials, id, expect.by_identity).await
}

async fn open_as(
    context: &Context,
    place: &Place,
    store: Store,
    credentials: &[Credential],
    expect: Option<RepositoryId>,
    by_identity: bool,
) -> Result<Arc<Repository>, OpenError> {
    if expect.is_none() && by_identity {
        context.warn(
            "anybody can write a repository for a public recipient: compare the id, or name it \
             with --expect-id",
        );
    }
    let file = seen_file(context, &place.url);
    let options = open_options(context, expect, file.as_deref());
    let repository = Repository::open(store, credentials, options).await?;
    tracing::info!(repository = %repository.id(), slot = %repository.slot(), "opened");
    keep_in_mind(context, &place.url, &repository).await;
    Ok(repository)
}

/// Notes how far its log goes now, and has it noted once more at the end of the command.
async fn keep_in_mind(context: &Context, url: &StoreUrl, repository: &Arc<Repository>) {
    remember(context, url, repository).await;
    let opened = (url.clone(), Arc::clone(repository));
    context.opened.lock().push(opened);
}

/// Notes how far the logs go of all repositories that the command has opened: its own entries may
/// not be lost without a word, either.
pub(in crate::cli) async fn remember_opened(context: &Context) {
    /// A part of the command that has not ended may hold the log.
    const PATIENCE: Duration = Duration::from_secs(1);
    let opened = std::mem::take(&mut *context.opened.lock());
    for (url, repository) in opened {
        // It is a cache.
        let noted = tokio::time::timeout(PATIENCE, remember(context, &url, &repository));
        drop(noted.await);
    }
}

/// Notes how far the log goes. It is a cache: a command does not fail for it.
pub(in crate::cli) async fn remember(context: &Context, url: &StoreUrl, repository: &Repository) {
    let Ok(cache) = cache_dir(context) else {
        return;
    };
    let now = repository.chain().await.seen();
    let file = seen::file(&cache, url);
    if let Err(error) = seen::write(&file, now) {
        tracing::warn!(file = %file.display(), %error, "cannot write to the cache folder");
    }
}

/// What keeps a repository from being opened.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    /// `--expect-id` is not an id.
    #[error("{0} takes the 64 hex digits of a repository's id")]
    ExpectId(&'static str),
    /// The engine said so.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

fn is_missing(error: &OpenError) -> bool {
    matches!(
        error,
        OpenError::Repository(
            RepositoryError::NotFound { .. } | RepositoryError::Store(StoreError::NoStore { .. })
        )
    )
}

fn failure(place: &Place, no_credentials: bool, error: OpenError) -> Failure {
    let url = &place.url;
    if is_missing(&error) {
        let failure = Failure::new(format!("there is no repository at {url}"))
            .because(error)
            .status(ExitStatus::NoRepository);
        return if place.is_own() {
            failure.next("`orlop backup DIR` makes your own repository; name another with --repo")
        } else {
            failure.next(format!(
                "check --repo, or make one: `orlop init --repo {url}`"
            ))
        };
    }
    match error {
        OpenError::ExpectId(_) => Failure::usage(error.to_string()),
        OpenError::Repository(RepositoryError::NoKey { .. }) if no_credentials => {
            let failure = Failure::new(format!("no key was given for the repository {url}"))
                .status(ExitStatus::NoKey);
            match &place.own_key {
                Some(file) => failure.next(format!(
                    "bring the key back to {}, or name it with --key-file",
                    file.display()
                )),
                None => failure.next(
                    "name the key with --key-file, --passphrase-file or --identity, or set \
                     ORLOP_KEY_FILE",
                ),
            }
        }
        OpenError::Repository(error) => {
            Failure::new(format!("cannot open the repository {url}")).because(error)
        }
    }
}
