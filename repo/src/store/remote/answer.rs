//! What a server says when it refuses a request.

use std::fmt;

/// Longest error text that is kept.
const MAX_TEXT: usize = 1000;

/// An answer with an error status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    /// The protocol's name of the error, such as `NoSuchBucket`; empty if there is none.
    pub(super) code: String,
    /// The whole text, shortened.
    text: String,
}

/// What an [`Answer`] means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The bucket or container is absent.
    NoStore,
    /// The object is absent.
    NoObject,
    /// Something is absent, and the answer does not say what: answers to HEAD have no text.
    NoObjectOrStore,
    /// The credentials are unknown, expired or wrongly signed.
    Credentials,
    /// The credentials do not allow it.
    Permission,
    /// Too many requests.
    Throttled,
    /// No space or quota left.
    Full,
    /// The server lacks the function.
    NotSupported,
    /// The asked range begins behind the end of the object.
    BehindEnd,
    /// A fault that passes.
    Transient,
    /// A failed condition, which the protocol layer understands better.
    Protocol,
    /// None of these.
    Other,
}

impl Answer {
    /// Reads `body`, which is XML with S3, GCS and Azure, and may be anything with a proxy.
    pub(super) fn new(status: u16, code_header: Option<&str>, body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let code = code_header
            .or_else(|| element(&body, "Code"))
            // Some repeat the status here.
            .filter(|code| code.parse::<u16>().is_err())
            .unwrap_or_default()
            .chars()
            .take(64)
            .collect();
        let text = element(&body, "Message")
            .unwrap_or(&body)
            .trim()
            .chars()
            .take(MAX_TEXT)
            .collect();
        Self { status, code, text }
    }

    pub(super) fn meaning(&self) -> Meaning {
        match self.code.as_str() {
            "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted" => {
                return Meaning::NoStore;
            }
            "NoSuchKey" | "BlobNotFound" | "NoSuchVersion" => return Meaning::NoObject,
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "TokenRefreshRequired"
            | "InvalidClientTokenId"
            | "InvalidSecurity"
            | "InvalidAuthenticationInfo"
            | "AuthenticationFailed"
            | "AuthenticationRequired"
            | "XAdminUserNotFound"
            | "RequestTimeTooSkewed" => return Meaning::Credentials,
            "SlowDown" | "ServerBusy" | "TooManyRequests" => return Meaning::Throttled,
            "QuotaExceeded"
            | "XMinioStorageFull"
            | "XMinioAdminBucketQuotaExceeded"
            | "EntityTooLarge" => return Meaning::Full,
            "InternalError" | "OperationAborted" | "RequestTimeout" | "OperationTimedOut" => {
                return Meaning::Transient;
            }
            _ => {}
        }
        match self.status {
            401 => Meaning::Credentials,
            403 | 405 => Meaning::Permission,
            404 if self.code.is_empty() => Meaning::NoObjectOrStore,
            409 | 412 => Meaning::Protocol,
            416 => Meaning::BehindEnd,
            429 | 503 => Meaning::Throttled,
            501 => Meaning::NotSupported,
            507 => Meaning::Full,
            408 | 500..600 => Meaning::Transient,
            _ => Meaning::Other,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        for part in [&self.code, &self.text] {
            if !part.is_empty() {
                write!(f, ": {part}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Answer {}

/// The text of the first element `name` in `xml`.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_bucket_is_told_from_an_absent_object() {
        let body =
            |code: &str| format!("<?xml?><Error><Code>{code}</Code><Message>m</Message></Error>");
        let meaning = |code| Answer::new(404, None, body(code).as_bytes()).meaning();
        assert_eq!(meaning("NoSuchBucket"), Meaning::NoStore);
        assert_eq!(meaning("NoSuchKey"), Meaning::NoObject);
        assert_eq!(
            Answer::new(404, None, b"gone").meaning(),
            Meaning::NoObjectOrStore
        );
        let azure = Answer::new(404, Some("ContainerNotFound"), b"");
        assert_eq!(azure.meaning(), Meaning::NoStore);
    }

    #[test]
    fn wrong_credentials_are_told_from_missing_permission() {
        let meaning = |code: &str| {
            Answer::new(
                403,
                None,
                format!("<Error><Code>{code}</Code></Error>").as_bytes(),
            )
            .meaning()
        };
        assert_eq!(meaning("SignatureDoesNotMatch"), Meaning::Credentials);
        assert_eq!(meaning("AccessDenied"), Meaning::Permission);
    }

    #[test]
    fn a_long_or_odd_body_is_shortened() {
        let answer = Answer::new(500, None, &vec![0xff; 100_000]);
        assert!(answer.to_string().len() < 4 * MAX_TEXT);
        assert_eq!(answer.meaning(), Meaning::Transient);
    }
}
