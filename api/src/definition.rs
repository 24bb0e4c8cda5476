//! Definitions of the kinds, for a server.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::object::{Column, ColumnType, Group, Kind, KindInfo};
use crate::schema::schema_of;
use crate::{v1, v1alpha1, v2alpha1};

/// A `CustomResourceDefinition`.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The kind.
    pub info: KindInfo,
    value: Value,
}

/// A definition could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("the definition of {kind} cannot be written as YAML")]
pub struct WriteYamlError {
    kind: &'static str,
    source: serde_saphyr::SerializeError,
}

impl Definition {
    /// That of one kind.
    pub fn of<K: Kind>() -> Self {
        Self {
            info: K::INFO,
            value: definition::<K>(),
        }
    }

    /// Those of all kinds, by group and name.
    pub fn all() -> Vec<Self> {
        vec![
            Self::of::<v1alpha1::LocationRecovery>(),
            Self::of::<v1alpha1::RepositoryKey>(),
            Self::of::<v1alpha1::VolumeDataRestore>(),
            Self::of::<v1::BackupRepository>(),
            Self::of::<v1::Backup>(),
            Self::of::<v1::BackupStorageLocation>(),
            Self::of::<v2alpha1::DataDownload>(),
            Self::of::<v2alpha1::DataUpload>(),
            Self::of::<v1::DeleteBackupRequest>(),
            Self::of::<v1::DownloadRequest>(),
            Self::of::<v1::PodVolumeBackup>(),
            Self::of::<v1::PodVolumeRestore>(),
            Self::of::<v1::Restore>(),
            Self::of::<v1::Schedule>(),
            Self::of::<v1::ServerStatusRequest>(),
            Self::of::<v1::VolumeSnapshotLocation>(),
        ]
    }

    /// The object, to be sent to a server.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where the project keeps it, below `api/crds`.
    pub fn file_name(&self) -> String {
        format!("{}_{}.yaml", self.info.group, self.info.plural)
    }

    /// The object as a YAML document, without a line that separates it from others.
    ///
    /// # Errors
    ///
    /// None that is known; the writer is another's.
    pub fn to_yaml(&self) -> Result<String, WriteYamlError> {
        serde_saphyr::to_string(&Sorted(&self.value)).map_err(|source| WriteYamlError {
            kind: self.info.kind,
            source,
        })
    }
}

/// Writes the fields of objects by name, in whatever order `serde_json` was built to keep them.
struct Sorted<'a>(&'a Value);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => {
                let fields: BTreeMap<_, _> = fields.iter().collect();
                serializer.collect_map(fields.into_iter().map(|(key, value)| (key, Sorted(value))))
            }
            Value::Array(values) => serializer.collect_seq(values.iter().map(Sorted)),
            simple => simple.serialize(serializer),
        }
    }
}

fn definition<K: Kind>() -> Value {
    let info = K::INFO;
    let (label, label_value) = info.group.label();
    let mut names = json!({
        "kind": info.kind,
        "listKind": format!("{}List", info.kind),
        "plural": info.plural,
        "singular": info.kind.to_lowercase(),
    });
    if !info.short_names.is_empty() {
        names["shortNames"] = json!(info.short_names);
    }
    let mut version = json!({
        "name": info.version,
        "served": true,
        "storage": true,
        "schema": { "openAPIV3Schema": schema::<K>() },
    });
    if !info.columns.is_empty() {
        version["additionalPrinterColumns"] = info.columns.iter().map(column).collect();
    }
    if info.group == Group::Orlop {
        version["subresources"] = json!({ "status": {} });
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{}.{}", info.plural, info.group),
            "labels": { label: label_value },
        },
        "spec": {
            "group": info.group.name(),
            "names": names,
            "scope": "Namespaced",
            "versions": [version],
        },
    })
}

fn schema<K: Kind>() -> Value {
    let lines: Vec<_> = K::DESCRIPTION.lines().map(str::trim).collect();
    let mut schema = json!({
        "description": lines.join("\n"),
        "type": "object",
        "properties": {
            "apiVersion": { "description": "Group and version of the kind.", "type": "string" },
            "kind": { "description": "The kind.", "type": "string" },
            "metadata": { "type": "object" },
            "spec": schema_of::<K::Spec>(),
            "status": schema_of::<K::Status>(),
        },
    });
    if K::INFO.group == Group::Orlop {
        schema["required"] = json!(["spec"]);
    }
    schema
}

fn column(column: &Column) -> Value {
    let kind = match column.kind {
        ColumnType::Text => "string",
        ColumnType::Date => "date",
        ColumnType::Bool => "boolean",
        ColumnType::Integer => "integer",
    };
    let mut value = json!({ "name": column.name, "jsonPath": column.path, "type": kind });
    if column.kind == ColumnType::Integer {
        value["format"] = "int64".into();
    }
    if column.priority > 0 {
        value["priority"] = column.priority.into();
    }
    value
}
