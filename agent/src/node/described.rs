//! Pods' volumes, claims and persistent volumes, as far as the node's agent must know them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// An object of Kubernetes that is not as the API server keeps them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{object} has no usable {field}")]
pub struct DescribeError {
    /// Which object.
    object: String,
    /// Path of the field in it.
    field: &'static str,
}

/// The pod that a volume belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID, by which kubelet names its folder.
    pub uid: String,
    /// Of a pod that the API server only mirrors, since kubelet has it from a file: the value of
    /// the annotation `kubernetes.io/config.mirror`, by which kubelet names its folder then.
    pub mirror: Option<String>,
}

/// A volume as a pod declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodVolume {
    /// Its name in the pod.
    pub name: String,
    /// Where it comes from.
    pub source: VolumeSource,
}

/// Where a pod's volume comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeSource {
    /// A claim.
    Claim {
        /// Its name.
        name: String,
    },
    /// A claim that is made for the pod and goes with it.
    EphemeralClaim,
    /// A driver, without a claim.
    InlineCsi {
        /// Its name.
        driver: String,
    },
    /// A folder of the node that goes with the pod.
    EmptyDir {
        /// It is in memory.
        in_memory: bool,
    },
    /// A folder of the node that was there before.
    HostPath,
    /// A Secret.
    Secret,
    /// A `ConfigMap`.
    ConfigMap,
    /// Several of these, and tokens.
    Projected,
    /// Fields of the pod.
    DownwardApi,
    /// Files of a container image.
    Image,
    /// Another kind, which kubelet itself mounts: `nfs`, `iscsi`.
    InTree {
        /// Its name in the pod.
        kind: String,
    },
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Name of the persistent volume that it is bound to.
    pub volume: Option<String>,
    /// UIDs of the objects that it goes with.
    pub owners: Vec<String>,
}

/// A persistent volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistentVolume {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub source: PersistentSource,
    /// How containers see it.
    pub mode: VolumeMode,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Where a persistent volume comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersistentSource {
    /// A driver.
    Csi {
        /// Its name.
        driver: String,
    },
    /// A folder of a node.
    HostPath,
    /// Another kind, which kubelet itself mounts, or a driver to which the cluster has moved it:
    /// `local`, `nfs`, `awsElasticBlockStore`.
    InTree {
        /// Its name in the object.
        kind: String,
    },
}

/// How containers see a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VolumeMode {
    /// As a folder.
    #[default]
    Filesystem,
    /// As a block device.
    Block,
}

/// Fields of a persistent volume that do not say where it comes from.
const NO_SOURCES: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

/// Set by whoever provisioned a volume, and by the cluster that has moved it to a driver.
const DRIVER_ANNOTATIONS: [&str; 2] = [
    "pv.kubernetes.io/provisioned-by",
    "pv.kubernetes.io/migrated-to",
];

impl PodVolume {
    /// Reads one of `spec.volumes` of a pod, as JSON.
    ///
    /// # Errors
    ///
    /// [`DescribeError`] if it has no name, or a source without what it needs.
    pub fn parse(volume: &Value) -> Result<Self, DescribeError> {
        let name = text(volume, &["name"]).ok_or_else(|| missing("a volume of a pod", "name"))?;
        let about = format!("volume {name} of a pod");
        let fields = volume.as_object();
        let source = fields.and_then(|fields| source(fields, &["name"]));
        let source = match source {
            // What the API server fills in.
            None => VolumeSource::EmptyDir { in_memory: false },
            Some((kind, source)) => match kind {
                "persistentVolumeClaim" => VolumeSource::Claim {
                    name: text(source, &["claimName"])
                        .ok_or_else(|| missing(&about, "persistentVolumeClaim.claimName"))?,
                },
                "ephemeral" => VolumeSource::EphemeralClaim,
                "csi" => VolumeSource::InlineCsi {
                    driver: text(source, &["driver"])
                        .ok_or_else(|| missing(&about, "csi.driver"))?,
                },
                "emptyDir" => VolumeSource::EmptyDir {
                    in_memory: text(source, &["medium"]).as_deref() == Some("Memory"),
                },
                "hostPath" => VolumeSource::HostPath,
                "secret" => VolumeSource::Secret,
                "configMap" => VolumeSource::ConfigMap,
                "projected" => VolumeSource::Projected,
                "downwardAPI" => VolumeSource::DownwardApi,
                "image" => VolumeSource::Image,
                kind => VolumeSource::InTree {
                    kind: kind.to_owned(),
                },
            },
        };
        Ok(Self { name, source })
    }

    /// Name of the claim that it is in a pod of that name, if it is one.
    pub fn claim(&self, pod: &str) -> Option<String> {
        match &self.source {
            VolumeSource::Claim { name } => Some(name.clone()),
            VolumeSource::EphemeralClaim => Some(format!("{pod}-{}", self.name)),
            _ => None,
        }
    }
}

impl Claim {
    /// Reads a `PersistentVolumeClaim`, as JSON.
    ///
    /// # Errors
    ///
    /// [`DescribeError`] without name or UID.
    pub fn parse(claim: &Value) -> Result<Self, DescribeError> {
        let name = text(claim, &["metadata", "name"])
            .ok_or_else(|| missing("a claim", "metadata.name"))?;
        let uid = text(claim, &["metadata", "uid"])
            .ok_or_else(|| missing(&format!("claim {name}"), "metadata.uid"))?;
        let owners = at(claim, &["metadata", "ownerReferences"]).and_then(Value::as_array);
        let owners = owners.into_iter().flatten();
        Ok(Self {
            volume: text(claim, &["spec", "volumeName"]),
            owners: owners.filter_map(|owner| text(owner, &["uid"])).collect(),
            name,
            uid,
        })
    }
}

impl PersistentVolume {
    /// Reads a `PersistentVolume`, as JSON.
    ///
    /// # Errors
    ///
    /// [`DescribeError`] without a name, or if it does not say where it comes from.
    pub fn parse(volume: &Value) -> Result<Self, DescribeError> {
        let name = text(volume, &["metadata", "name"])
            .ok_or_else(|| missing("a persistent volume", "metadata.name"))?;
        let about = format!("persistent volume {name}");
        let spec = at(volume, &["spec"]).and_then(Value::as_object);
        let spec = spec.ok_or_else(|| missing(&about, "spec"))?;
        let source = source(spec, &NO_SOURCES).ok_or_else(|| missing(&about, "source in spec"))?;
        let source = match source {
            ("csi", csi) => PersistentSource::Csi {
                driver: text(csi, &["driver"]).ok_or_else(|| missing(&about, "spec.csi.driver"))?,
            },
            ("hostPath", _) => PersistentSource::HostPath,
            (kind, _) => PersistentSource::InTree {
                kind: kind.to_owned(),
            },
        };
        let mode = match spec.get("volumeMode").and_then(Value::as_str) {
            Some("Block") => VolumeMode::Block,
            Some("Filesystem" | "") | None => VolumeMode::Filesystem,
            Some(_) => return Err(missing(&about, "spec.volumeMode")),
        };
        let annotations = at(volume, &["metadata", "annotations"]).and_then(Value::as_object);
        let annotations = annotations.into_iter().flatten();
        Ok(Self {
            annotations: annotations
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
            name,
            source,
            mode,
        })
    }

    /// Whether a driver mounts it: one of its own, or one of `drivers` (names of the cluster's
    /// `CSIDriver` objects) to which the cluster has moved an in-tree volume.
    pub fn is_csi(&self, drivers: &[impl AsRef<str>]) -> bool {
        let named = DRIVER_ANNOTATIONS
            .iter()
            .filter_map(|key| self.annotations.get(*key));
        matches!(self.source, PersistentSource::Csi { .. })
            || named
                .into_iter()
                .any(|name| drivers.iter().any(|driver| driver.as_ref() == name))
    }
}

/// The first field that says where a volume comes from.
fn source<'a>(fields: &'a Map<String, Value>, others: &[&str]) -> Option<(&'a str, &'a Value)> {
    fields
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .find(|(key, value)| !value.is_null() && !others.contains(key))
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// A text that says something.
fn text(value: &Value, path: &[&str]) -> Option<String> {
    let text = at(value, path)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn missing(object: &str, field: &'static str) -> DescribeError {
    DescribeError {
        object: object.to_owned(),
        field,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_volume_is_told_from_its_field() {
        let claim = VolumeSource::Claim {
            name: "c".to_owned(),
        };
        let csi = VolumeSource::InlineCsi {
            driver: "d".to_owned(),
        };
        let nfs = VolumeSource::InTree {
            kind: "nfs".to_owned(),
        };
        let empty = |in_memory| VolumeSource::EmptyDir { in_memory };
        for (fields, wanted) in [
            (
                json!({ "persistentVolumeClaim": { "claimName": "c" } }),
                claim,
            ),
            (json!({ "ephemeral": {} }), VolumeSource::EphemeralClaim),
            (json!({ "csi": { "driver": "d" } }), csi),
            (json!({ "emptyDir": {} }), empty(false)),
            (json!({ "emptyDir": { "medium": "Memory" } }), empty(true)),
            (json!({}), empty(false)),
            (
                json!({ "hostPath": { "path": "/" } }),
                VolumeSource::HostPath,
            ),
            (json!({ "secret": {} }), VolumeSource::Secret),
            (json!({ "configMap": {} }), VolumeSource::ConfigMap),
            (json!({ "projected": {} }), VolumeSource::Projected),
            (json!({ "downwardAPI": {} }), VolumeSource::DownwardApi),
            (json!({ "image": {} }), VolumeSource::Image),
            (json!({ "csi": null, "nfs": { "server": "s" } }), nfs),
        ] {
            let mut volume = fields.clone();
            volume["name"] = "v".into();
            assert_eq!(
                PodVolume::parse(&volume).unwrap().source,
                wanted,
                "{fields}"
            );
        }
        for bad in [
            json!({ "emptyDir": {} }),
            json!({ "name": "v", "persistentVolumeClaim": {} }),
            json!({ "name": "v", "csi": {} }),
            json!(7),
        ] {
            assert!(PodVolume::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_claim_made_for_a_pod_has_the_name_of_both() {
        let volume = PodVolume {
            name: "scratch".to_owned(),
            source: VolumeSource::EphemeralClaim,
        };
        assert_eq!(volume.claim("web-0").as_deref(), Some("web-0-scratch"));
    }

    #[test]
    fn claims_and_persistent_volumes_are_read_as_the_server_gives_them() {
        let claim = Claim::parse(&json!({
            "metadata": { "name": "c", "uid": "u", "ownerReferences": [{ "uid": "p" }] },
            "spec": { "volumeName": "pv" },
        }));
        let wanted = Claim {
            name: "c".to_owned(),
            uid: "u".to_owned(),
            volume: Some("pv".to_owned()),
            owners: vec!["p".to_owned()],
        };
        assert_eq!(claim, Ok(wanted));
        let volume = |spec: Value| {
            PersistentVolume::parse(&json!({ "metadata": { "name": "pv" }, "spec": spec }))
        };
        let local = volume(json!({ "accessModes": [], "local": { "path": "/x" } })).unwrap();
        let kind = "local".to_owned();
        assert_eq!(local.source, PersistentSource::InTree { kind });
        let block = json!({ "csi": { "driver": "d" }, "volumeMode": "Block" });
        assert_eq!(volume(block).unwrap().mode, VolumeMode::Block);
        assert!(volume(json!({ "capacity": {} })).is_err());
        let error = volume(json!({ "nfs": {}, "volumeMode": "Tape" })).unwrap_err();
        assert_eq!(
            error.to_string(),
            "persistent volume pv has no usable spec.volumeMode"
        );
    }

    #[test]
    fn a_volume_moved_to_a_driver_counts_where_the_driver_is_there() {
        let volume = |annotations: Value| {
            PersistentVolume::parse(&json!({
                "metadata": { "name": "pv", "annotations": annotations },
                "spec": { "awsElasticBlockStore": {} },
            }))
            .unwrap()
        };
        let drivers = ["ebs.csi.aws.com"];
        let moved = json!({ "pv.kubernetes.io/migrated-to": "ebs.csi.aws.com" });
        let made = json!({ "pv.kubernetes.io/provisioned-by": "ebs.csi.aws.com" });
        let old = json!({ "pv.kubernetes.io/provisioned-by": "kubernetes.io/aws-ebs" });
        assert!(volume(moved.clone()).is_csi(&drivers));
        assert!(volume(made).is_csi(&drivers));
        assert!(!volume(old).is_csi(&drivers));
        assert!(!volume(moved).is_csi(&["other"]));
    }
}
