//! Pointing at other objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::unknown::{UnknownFields, null_as_default};

/// Any object, or a part of one.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct ObjectReference {
    /// Group and version of the object.
    pub api_version: Option<String>,
    /// The part that is meant, as `spec.containers{name}`.
    pub field_path: Option<String>,
    /// Kind of the object.
    pub kind: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// The state of the object that is meant.
    pub resource_version: Option<String>,
    /// Its uid, which another object of the same name does not have.
    pub uid: Option<String>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// One key of a Secret in the same namespace.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic", "required" = ["key"]))]
pub struct SecretKeySelector {
    /// The key whose value is meant.
    #[serde(default, deserialize_with = "null_as_default")]
    pub key: String,
    /// Name of the Secret.
    #[schemars(extend("default" = ""))]
    pub name: Option<String>,
    /// Whether Secret or key may be absent.
    pub optional: Option<bool>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}

/// An object of any kind in the same namespace.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic", "required" = ["kind", "name"]))]
pub struct TypedLocalObjectReference {
    /// API group; none for kinds of the core.
    pub api_group: Option<String>,
    /// Kind of the object.
    #[serde(default, deserialize_with = "null_as_default")]
    pub kind: String,
    /// Its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: UnknownFields,
}
