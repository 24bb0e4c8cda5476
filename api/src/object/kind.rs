//! What a server must know of a kind.

use std::fmt;

use kube_core::Resource;
use schemars::JsonSchema;

/// An API group of this crate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// `velero.io`: the same definitions as Velero's, so no status subresource, `spec` not required,
    /// and the label by which `velero install` and `velero uninstall` know theirs.
    Velero,
    /// `orlop.io`: with the status subresource and a `spec`. `velero uninstall` does not take these
    /// definitions away, for with them would go what tells how to recover.
    Orlop,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Velero, Self::Orlop];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Velero => "velero.io",
            Self::Orlop => "orlop.io",
        }
    }

    /// The label that its definitions have.
    pub(crate) const fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::Velero => ("component", "velero"),
            Self::Orlop => ("app.kubernetes.io/part-of", "orlop"),
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A column of `kubectl get`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// The field that it shows, as `.status.phase`.
    pub path: &'static str,
    /// How it is shown.
    pub kind: ColumnType,
    /// Columns above 0 are shown only with `--output wide`.
    pub priority: u8,
}

impl Column {
    pub(crate) const fn new(name: &'static str, path: &'static str, kind: ColumnType) -> Self {
        Self {
            name,
            path,
            kind,
            priority: 0,
        }
    }

    /// The same, shown only on demand.
    pub(crate) const fn wide(self) -> Self {
        Self {
            priority: 10,
            ..self
        }
    }
}

/// How a column is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColumnType {
    /// As it is.
    Text,
    /// The time since then.
    Date,
    /// Yes or no.
    Bool,
    /// A number of 64 bits.
    Integer,
}

/// Names and properties of a kind.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// Its group.
    pub group: Group,
    /// Its version, the only one that is served.
    pub version: &'static str,
    /// Its name in objects.
    pub kind: &'static str,
    /// Its name in paths and for `kubectl`.
    pub plural: &'static str,
    /// Abbreviations for `kubectl`.
    pub short_names: &'static [&'static str],
    /// What `kubectl get` shows.
    pub columns: &'static [Column],
}

impl KindInfo {
    /// Group and version, as in objects.
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }
}

/// A kind of this crate. All are namespaced.
pub trait Kind: Resource<DynamicType = ()> {
    /// What is wanted.
    type Spec: JsonSchema;
    /// What is.
    type Status: JsonSchema;
    /// Names and properties.
    const INFO: KindInfo;
    /// What `kubectl explain` says of the kind.
    const DESCRIPTION: &'static str;
}

/// Makes the type of an object from those of its spec and its status.
macro_rules! kind {
    (
        #[doc = $first:literal]
        $(#[doc = $doc:literal])*
        $name:ident {
            group: $group:ident,
            version: $version:literal,
            plural: $plural:literal,
            spec: $spec:ident,
            status: $status:ident,
            $(phase: $phase:ident,)?
            short_names: [$($short:literal),*],
            columns: [$($column:expr),* $(,)?],
        }
    ) => {
        #[doc = $first]
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            /// Name, namespace, labels and the like.
            pub metadata: ::kube_core::ObjectMeta,
            /// What is wanted.
            pub spec: $spec,
            /// What is.
            pub status: Option<$status>,
            /// Fields beside these that this version does not know; they are kept.
            pub other: $crate::UnknownFields,
        }

        impl $name {
            /// An object of that name, without a namespace.
            pub fn new(name: &str, spec: $spec) -> Self {
                Self {
                    metadata: ::kube_core::ObjectMeta {
                        name: Some(name.to_owned()),
                        ..Default::default()
                    },
                    spec,
                    ..Default::default()
                }
            }

            $(
                /// Where it stands; new if nobody said anything yet.
                pub fn phase(&self) -> $phase {
                    self.status
                        .as_ref()
                        .and_then(|status| status.phase.clone())
                        .unwrap_or_default()
                }
            )?
        }

        impl $crate::Kind for $name {
            type Spec = $spec;
            type Status = $status;
            const INFO: $crate::KindInfo = $crate::KindInfo {
                group: $crate::Group::$group,
                version: $version,
                kind: stringify!($name),
                plural: $plural,
                short_names: &[$($short),*],
                columns: &[$($column),*],
            };
            const DESCRIPTION: &'static str = concat!($first $(, "\n", $doc)*);
        }

        impl ::kube_core::Resource for $name {
            type DynamicType = ();
            type Scope = ::kube_core::NamespaceResourceScope;

            fn kind(_: &()) -> ::std::borrow::Cow<'_, str> {
                <Self as $crate::Kind>::INFO.kind.into()
            }

            fn group(_: &()) -> ::std::borrow::Cow<'_, str> {
                <Self as $crate::Kind>::INFO.group.name().into()
            }

            fn version(_: &()) -> ::std::borrow::Cow<'_, str> {
                <Self as $crate::Kind>::INFO.version.into()
            }

            fn plural(_: &()) -> ::std::borrow::Cow<'_, str> {
                <Self as $crate::Kind>::INFO.plural.into()
            }

            fn meta(&self) -> &::kube_core::ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ::kube_core::ObjectMeta {
                &mut self.metadata
            }
        }

        impl ::kube_core::object::HasSpec for $name {
            type Spec = $spec;

            fn spec(&self) -> &$spec {
                &self.spec
            }

            fn spec_mut(&mut self) -> &mut $spec {
                &mut self.spec
            }
        }

        impl ::kube_core::object::HasStatus for $name {
            type Status = $status;

            fn status(&self) -> Option<&$status> {
                self.status.as_ref()
            }

            fn status_mut(&mut self) -> &mut Option<$status> {
                &mut self.status
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let envelope = $crate::object::EnvelopeRef {
                    api_version: <Self as $crate::Kind>::INFO.api_version(),
                    kind: <Self as $crate::Kind>::INFO.kind,
                    metadata: &self.metadata,
                    spec: &self.spec,
                    status: self.status.as_ref(),
                    other: &self.other,
                };
                envelope.serialize(serializer)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let $crate::object::Envelope {
                    metadata,
                    spec,
                    status,
                    other,
                    ..
                } = $crate::object::Envelope::read::<Self, D>(deserializer)?;
                Ok(Self {
                    metadata,
                    spec,
                    status,
                    other,
                })
            }
        }
    };
}

pub(crate) use kind;
