//! From the errors of `object_store` to those of a store.

use std::error::Error;

use object_store::client::{HttpError, HttpErrorKind};

use super::answer::{Answer, Meaning};
use super::wire::NoCredentials;
use crate::store::error::{At, StoreError};

/// Whether `error` says that the object or the bucket is absent, and not which.
pub(super) fn is_unclear_absence(error: &object_store::Error) -> bool {
    match find::<Answer>(error) {
        Some(answer) => answer.meaning() == Meaning::NoObjectOrStore,
        // A part of a batch, which says no more.
        None => matches!(error, object_store::Error::NotFound { .. }),
    }
}

/// What `error` means for a request about `at`.
pub(super) fn classify(at: At, error: object_store::Error) -> StoreError {
    use object_store::Error as E;
    if find::<NoCredentials>(&error).is_some() {
        return StoreError::CredentialsRejected {
            at,
            source: error.into(),
        };
    }
    if let Some(answer) = find::<Answer>(&error) {
        let answer = answer.clone();
        return from_answer(at, answer);
    }
    if let Some(http) = find::<HttpError>(&error) {
        return match http.kind() {
            HttpErrorKind::Connect => StoreError::Unreachable {
                at,
                source: error.into(),
            },
            _ => StoreError::Transient {
                at,
                source: error.into(),
            },
        };
    }
    match error {
        E::NotFound { .. } => StoreError::NotFound { at },
        E::PermissionDenied { .. } => StoreError::PermissionDenied {
            at,
            source: error.into(),
        },
        E::Unauthenticated { .. } => StoreError::CredentialsRejected {
            at,
            source: error.into(),
        },
        E::NotSupported { .. } | E::NotImplemented { .. } => StoreError::NotSupported {
            at,
            what: "this request",
        },
        // Somebody else's change of the same object is under way.
        E::AlreadyExists { .. } | E::Precondition { .. } | E::JoinError { .. } => {
            StoreError::Transient {
                at,
                source: error.into(),
            }
        }
        error => StoreError::Other {
            at,
            source: error.into(),
        },
    }
}

fn from_answer(at: At, answer: Answer) -> StoreError {
    let meaning = answer.meaning();
    let source = answer.into();
    match meaning {
        Meaning::NoStore => StoreError::NoStore { at, source },
        Meaning::NoObject | Meaning::NoObjectOrStore => StoreError::NotFound { at },
        Meaning::Credentials => StoreError::CredentialsRejected { at, source },
        Meaning::Permission => StoreError::PermissionDenied { at, source },
        Meaning::Throttled => StoreError::Throttled { at, source },
        Meaning::Full => StoreError::Full { at, source },
        Meaning::NotSupported => StoreError::NotSupported {
            at,
            what: "this request",
        },
        Meaning::Transient => StoreError::Transient { at, source },
        Meaning::BehindEnd | Meaning::Protocol | Meaning::Other => StoreError::Other { at, source },
    }
}

/// The first error of type `T` in the chain of causes.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
