//! The HTTP client, with a look at every error answer.

use std::future::Future;
use std::pin::Pin;

use bytes::BytesMut;
use futures::TryStreamExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};

use super::answer::{Answer, Meaning};
use crate::store::error::Cause;

/// Longest error body that is read.
const MAX_ERROR_BODY: usize = 64 << 10;

/// Hosts that hand out credentials inside clouds and clusters.
const CREDENTIAL_HOSTS: [&str; 5] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "[fd00:ec2::23]",
    "metadata.google.internal",
];

/// Makes clients that turn error answers into [`Answer`]s.
#[derive(Debug, Default)]
pub(super) struct WireConnector {
    inner: ReqwestConnector,
}

impl HttpConnector for WireConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = self.inner.connect(options)?;
        Ok(HttpClient::new(Wire { inner }))
    }
}

/// There are no credentials in the settings, and none from the machine's cloud either.
#[derive(Debug, thiserror::Error)]
#[error("no credentials are set, and asking {host} for some failed")]
pub(super) struct NoCredentials {
    host: String,
    source: Cause,
}

#[derive(Debug)]
struct Wire {
    inner: HttpClient,
}

type Called<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for Wire {
    fn call<'life0, 'async_trait>(&'life0 self, request: HttpRequest) -> Called<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.send(request))
    }
}

impl Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let credential_host = request
            .uri()
            .host()
            .filter(|host| CREDENTIAL_HOSTS.contains(host))
            .map(str::to_owned);
        let no_credentials = |host: String, source: Cause| {
            HttpError::new(HttpErrorKind::Unknown, NoCredentials { host, source })
        };
        let response = match (self.inner.execute(request).await, &credential_host) {
            (Ok(response), _) => response,
            (Err(error), Some(host)) => return Err(no_credentials(host.clone(), error.into())),
            (Err(error), None) => return Err(error),
        };
        let status = response.status().as_u16();
        if status < 400 {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = read_start(body).await?;
        let code = head
            .headers
            .get("x-ms-error-code")
            .and_then(|code| code.to_str().ok());
        let answer = Answer::new(status, code, &body);
        if let Some(host) = credential_host {
            return Err(no_credentials(host, answer.into()));
        }
        if answer.meaning() == Meaning::Protocol {
            return Ok(HttpResponse::from_parts(head, body.freeze().into()));
        }
        Err(HttpError::new(HttpErrorKind::Unknown, answer))
    }
}

/// The first bytes of an error body.
async fn read_start(body: HttpResponseBody) -> Result<BytesMut, HttpError> {
    let mut start = BytesMut::new();
    let mut stream = body.bytes_stream();
    while start.len() < MAX_ERROR_BODY {
        let Some(part) = stream.try_next().await? else {
            break;
        };
        let room = MAX_ERROR_BODY - start.len();
        start.extend_from_slice(part.get(..room).unwrap_or(&part));
    }
    Ok(start)
}
