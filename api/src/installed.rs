//! Whether a server has our definitions.

use std::fmt;

use serde_json::Value;

use crate::definition::Definition;

/// Something that a server would refuse or drop, for its definition is another one.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Difference {
    /// The version is not served.
    Version {
        /// Its name.
        name: String,
    },
    /// A field is not known, so it is dropped.
    Field {
        /// As `.status.orlop`.
        path: String,
    },
    /// A value is not allowed, so objects with it are refused.
    EnumValue {
        /// As `.spec.uploaderType`.
        path: String,
        /// As `orlop`.
        value: String,
    },
    /// The status is a subresource where it should be a field, or the other way round: it is
    /// dropped when it is written.
    StatusSubresource {
        /// Whether the server has it.
        installed: bool,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { name } => write!(f, "the version {name} is not served"),
            Self::Field { path } => write!(f, "the field {path} is not known"),
            Self::EnumValue { path, value } => write!(f, "{path} may not be {value:?}"),
            Self::StatusSubresource { installed: true } => {
                f.write_str("the status is a subresource")
            }
            Self::StatusSubresource { installed: false } => {
                f.write_str("the status is no subresource")
            }
        }
    }
}

impl Definition {
    /// What objects of this version need that `installed`, a server's definition of the kind, lacks.
    ///
    /// A server with Velero's own definitions refuses `orlop` as an engine; who starts says so once,
    /// with the command that mends it, and does not fail at each object. What a newer definition has
    /// besides is no difference.
    pub fn lacking_in(&self, installed: &Value) -> Vec<Difference> {
        let name = self.info.version;
        let versions = installed["spec"]["versions"].as_array();
        let version = versions
            .into_iter()
            .flatten()
            .find(|version| version["name"] == name && version["served"] == true);
        let Some(version) = version else {
            let name = name.to_owned();
            return vec![Difference::Version { name }];
        };
        let ours = &self.value()["spec"]["versions"][0];
        let mut found = Vec::new();
        let status = |version: &Value| version["subresources"]["status"].is_object();
        if status(ours) != status(version) {
            let installed = status(version);
            found.push(Difference::StatusSubresource { installed });
        }
        let schema = |version: &Value| version["schema"]["openAPIV3Schema"].clone();
        compare(&schema(ours), &schema(version), "", &mut found);
        found
    }
}

fn compare(ours: &Value, installed: &Value, path: &str, found: &mut Vec<Difference>) {
    if let (Some(ours), Some(allowed)) = (ours["enum"].as_array(), installed["enum"].as_array()) {
        for value in ours.iter().filter(|value| !allowed.contains(value)) {
            found.push(Difference::EnumValue {
                path: path.to_owned(),
                value: value.as_str().unwrap_or_default().to_owned(),
            });
        }
    }
    let keeps_all = installed["x-kubernetes-preserve-unknown-fields"] == true;
    for (name, inner) in ours["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match installed["properties"].get(name) {
            Some(installed) => compare(inner, installed, &path, found),
            None if keeps_all => {}
            None => found.push(Difference::Field { path }),
        }
    }
    for (part, sign) in [("items", "[]"), ("additionalProperties", "{}")] {
        if ours[part].is_object() && installed[part].is_object() {
            let path = format!("{path}{sign}");
            compare(&ours[part], &installed[part], &path, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{v1, v1alpha1};

    /// What is lacking where `change` was made to our definition's version.
    fn lacking(definition: &Definition, change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut installed = definition.value().clone();
        change(&mut installed["spec"]["versions"][0]);
        let found = definition.lacking_in(&installed);
        found.iter().map(ToString::to_string).collect()
    }

    fn at<'a>(version: &'a mut Value, path: &str) -> &'a mut Value {
        let schema = &mut version["schema"]["openAPIV3Schema"];
        path.split('.')
            .fold(schema, |schema, name| &mut schema["properties"][name])
    }

    #[test]
    fn our_own_definitions_lack_nothing() {
        for definition in Definition::all() {
            assert_eq!(lacking(&definition, |_| ()), [""; 0]);
        }
    }

    #[test]
    fn the_engine_that_velero_does_not_know_is_named() {
        let definition = Definition::of::<v1::PodVolumeBackup>();
        let found = lacking(&definition, |version| {
            at(version, "spec.uploaderType")["enum"] = json!(["kopia", "restic", ""]);
        });
        assert_eq!(found, [".spec.uploaderType may not be \"orlop\""]);
    }

    #[test]
    fn a_field_that_would_be_dropped_is_named() {
        let definition = Definition::of::<v1::BackupRepository>();
        let found = lacking(&definition, |version| {
            let status = at(version, "status")["properties"].as_object_mut();
            status.unwrap().remove("orlop");
        });
        assert_eq!(found, ["the field .status.orlop is not known"]);
    }

    #[test]
    fn a_status_of_the_wrong_sort_is_named() {
        let found = lacking(&Definition::of::<v1::Backup>(), |version| {
            version["subresources"] = json!({ "status": {} });
        });
        assert_eq!(found, ["the status is a subresource"]);
        let definition = Definition::of::<v1alpha1::RepositoryKey>();
        let found = lacking(&definition, |version| {
            version["subresources"] = json!({});
        });
        assert_eq!(found, ["the status is no subresource"]);
    }

    #[test]
    fn a_version_that_is_not_served_is_named() {
        let definition = Definition::of::<v1::Backup>();
        let found = lacking(&definition, |version| version["served"] = false.into());
        assert_eq!(found, ["the version v1 is not served"]);
        assert_eq!(definition.lacking_in(&json!({})).len(), 1);
    }

    #[test]
    fn more_than_ours_is_no_difference() {
        let definition = Definition::of::<v1::Backup>();
        let found = lacking(&definition, |version| {
            at(version, "spec")["properties"]["compression"] = json!({ "type": "string" });
            let phases = at(version, "status.phase")["enum"].as_array_mut();
            phases.unwrap().push("Hibernating".into());
        });
        assert_eq!(found, [""; 0]);
    }
}
