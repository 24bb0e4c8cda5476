//! An object as JSON.

use kube_core::ObjectMeta;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

use super::kind::Kind;
use super::unknown::{UnknownFields, null_as_default};

/// What is read.
#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "S: Default + DeserializeOwned, T: DeserializeOwned")
)]
pub(crate) struct Envelope<S, T> {
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(crate) metadata: ObjectMeta,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(crate) spec: S,
    #[serde(default)]
    pub(crate) status: Option<T>,
    #[serde(flatten)]
    pub(crate) other: UnknownFields,
}

impl<S, T> Envelope<S, T>
where
    S: Default + DeserializeOwned,
    T: DeserializeOwned,
{
    /// Reads an object of kind `K`. Within a list its kind and version are not said.
    pub(crate) fn read<'de, K, D>(deserializer: D) -> Result<Self, D::Error>
    where
        K: Kind,
        D: Deserializer<'de>,
    {
        let envelope = Self::deserialize(deserializer)?;
        let wanted = (K::INFO.kind, K::INFO.api_version());
        let kind = envelope.kind.as_deref().unwrap_or(wanted.0);
        let version = envelope.api_version.as_deref().unwrap_or(&wanted.1);
        if kind == wanted.0 && version == wanted.1 {
            Ok(envelope)
        } else {
            Err(D::Error::custom(format_args!(
                "this is the kind {kind} of {version}, where {} of {} is wanted",
                wanted.0, wanted.1
            )))
        }
    }
}

/// What is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvelopeRef<'a, S, T> {
    pub(crate) api_version: String,
    pub(crate) kind: &'static str,
    pub(crate) metadata: &'a ObjectMeta,
    pub(crate) spec: &'a S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<&'a T>,
    #[serde(flatten)]
    pub(crate) other: &'a UnknownFields,
}
