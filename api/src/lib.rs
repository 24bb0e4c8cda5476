//! The kinds of `velero.io` and `orlop.io`, as types and as definitions for a server.
//!
//! ```text
//! v1, v2alpha1   the kinds of velero.io         object       what they are made of
//! v1alpha1       the kinds of orlop.io          repository   what Orlop knows of a repository
//! files          files of a backup              metadata     labels, annotations, finalizers
//! definition     CustomResourceDefinitions      names        names that fit into labels
//! schema         from a type to a schema        installed    whether a server has them
//! ```
//!
//! # The status is a field
//!
//! No kind of `velero.io` has the status subresource, as Velero's have none: its command line, its
//! servers and others write the status with the object, and the sync of backups from a bucket makes
//! objects with a status. What `kube::CustomResource` derives cannot have a `status` without the
//! subresource, so the objects here come from a small macro, which also checks the kind of what it
//! reads and keeps the fields that it does not know. The kinds of `orlop.io` are made by the same
//! macro and have the subresource.
//!
//! # What is not known is kept
//!
//! Every struct has a field `other` with what its JSON has besides, and every enum reads names that
//! it does not know. What is read and written again is the same JSON, but for three things: a field
//! that is known and null is left out, which is the same to every reader; an empty phase, which means
//! new, is written as `New`; and of `metadata` only the fields of Kubernetes stay. A required field
//! that is missing is read as empty.
//!
//! The definitions say `x-kubernetes-preserve-unknown-fields` only where Velero's do, in the
//! containers of a restore's hooks. So a server with our definitions prunes fields that a newer
//! Velero knows, exactly as a server with an older Velero's does; a server with the newer Velero's
//! keeps them, and we do not lose them. Our own fields are lost on a server with Velero's
//! definitions, and `orlop` as an engine is refused there: the definitions must be ours.
//!
//! # Where the schemas come from
//!
//! From the types, by [`Definition`]. `tests/facts` lists what Velero's definitions say of every
//! field, and a test holds ours against it; only listed additions may differ. The descriptions are
//! the comments here. `api/crds` has the definitions, renewed with
//! `cargo run -p orlop-api --example write_crds`, and a test fails when they are not renewed.
//!
//! This crate needs `kube-core` alone of kube: no client, no runtime and no cryptography of
//! connections comes in through it.

pub mod files;
pub mod metadata;
pub mod object;
pub mod repository;
pub mod v1;
pub mod v1alpha1;
pub mod v2alpha1;

mod definition;
mod installed;
mod names;
mod schema;

pub use definition::{Definition, WriteYamlError};
pub use installed::Difference;
pub use names::{name_or_hash, valid_label_value};
pub use object::{Group, Kind, KindInfo, UnknownFields};
