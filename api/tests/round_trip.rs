//! Objects and files as Velero writes them, read and written again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use orlop_api::files::{
    BackupOperation, BackupVolumeInfo, DataUploadResult, NativeSnapshot, RestoreOperation,
    RestoreVolumeInfo, Results,
};
use orlop_api::{Definition, v1, v1alpha1, v2alpha1};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Reads a value as its type and writes it again.
type Rewrite = fn(&Value) -> serde_json::Result<Value>;

fn rewrite<T: DeserializeOwned + Serialize + Clone + PartialEq + Debug>(
    value: &Value,
) -> serde_json::Result<Value> {
    let read: T = serde_json::from_value(value.clone())?;
    let written = serde_json::to_value(&read)?;
    let again: T = serde_json::from_value(written.clone())?;
    assert_eq!(again, read);
    Ok(written)
}

/// By the name of the file with examples.
const OBJECTS: [(&str, Rewrite); 16] = [
    ("backup", rewrite::<v1::Backup>),
    ("backup_repository", rewrite::<v1::BackupRepository>),
    (
        "backup_storage_location",
        rewrite::<v1::BackupStorageLocation>,
    ),
    ("data_download", rewrite::<v2alpha1::DataDownload>),
    ("data_upload", rewrite::<v2alpha1::DataUpload>),
    ("delete_backup_request", rewrite::<v1::DeleteBackupRequest>),
    ("download_request", rewrite::<v1::DownloadRequest>),
    ("location_recovery", rewrite::<v1alpha1::LocationRecovery>),
    ("pod_volume_backup", rewrite::<v1::PodVolumeBackup>),
    ("pod_volume_restore", rewrite::<v1::PodVolumeRestore>),
    ("repository_key", rewrite::<v1alpha1::RepositoryKey>),
    ("restore", rewrite::<v1::Restore>),
    ("schedule", rewrite::<v1::Schedule>),
    ("server_status_request", rewrite::<v1::ServerStatusRequest>),
    (
        "volume_data_restore",
        rewrite::<v1alpha1::VolumeDataRestore>,
    ),
    (
        "volume_snapshot_location",
        rewrite::<v1::VolumeSnapshotLocation>,
    ),
];

/// The same of files in the bucket.
const FILES: [(&str, Rewrite); 7] = [
    ("backup-itemoperations", rewrite::<BackupOperation>),
    ("backup-volumeinfo", rewrite::<BackupVolumeInfo>),
    ("data_upload_result", rewrite::<DataUploadResult>),
    ("restore-itemoperations", rewrite::<RestoreOperation>),
    ("restore-volumeinfo", rewrite::<RestoreVolumeInfo>),
    ("results", rewrite::<Results>),
    ("volumesnapshots", rewrite::<NativeSnapshot>),
];

/// Maps whose values are texts: null in them is no absent field.
const MAPS: [&str; 11] = [
    "config",
    "dataMoverConfig",
    "dataMoverResult",
    "labels",
    "matchLabels",
    "namespaceMapping",
    "namespaces",
    "orderedResources",
    "repositoryConfig",
    "tags",
    "uploaderSettings",
];

/// Every example with what reads it.
fn examples() -> Vec<(String, Value, Rewrite)> {
    let of = |folder: &str, list: &[(&str, Rewrite)]| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(folder);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), list.len());
        let mut found = Vec::new();
        for (name, rewrite) in list {
            let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
            let values: Vec<Value> = serde_json::from_str(&text).unwrap();
            for (number, value) in values.into_iter().enumerate() {
                found.push((format!("{name} {number}"), value, *rewrite));
            }
        }
        found
    };
    [of("objects", &OBJECTS), of("bucket", &FILES)].concat()
}

/// Without fields that are null: a reader cannot tell them from absent ones.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(values) => values.iter().map(without_nulls).collect(),
        simple => simple.clone(),
    }
}

/// Pointers to all fields beside those of Kubernetes and the values of maps.
fn fields(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields_of) => {
            for (name, value) in fields_of {
                let at = format!("{at}/{name}");
                if !["/metadata", "/apiVersion", "/kind"].contains(&at.as_str()) {
                    found.push(at.clone());
                    if !MAPS.contains(&name.as_str()) {
                        fields(value, &at, found);
                    }
                }
            }
        }
        Value::Array(values) => {
            for (number, value) in values.iter().enumerate() {
                fields(value, &format!("{at}/{number}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn what_was_read_is_written_again() {
    for (name, value, rewrite) in examples() {
        let written = rewrite(&value).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(without_nulls(&written), without_nulls(&value), "{name}");
    }
}

#[test]
fn fields_of_a_newer_version_survive_at_every_place() {
    for (name, value, rewrite) in examples() {
        let mut places = vec![String::new()];
        fields(&value, "", &mut places);
        for place in places {
            let mut newer = value.clone();
            let Some(fields) = newer.pointer_mut(&place).and_then(Value::as_object_mut) else {
                continue;
            };
            // Texts, for in the maps there can be nothing else, and for others anything.
            let in_map = MAPS.iter().any(|map| place.ends_with(&format!("/{map}")));
            let field = match place.as_str() {
                _ if place.ends_with("/namespaces") => json!(["new"]),
                _ if in_map => json!("new"),
                _ => json!({ "new": [1, 2.5, null, { "a": {} }] }),
            };
            fields.insert("aNewField".to_owned(), field.clone());
            let written = rewrite(&newer).unwrap_or_else(|error| panic!("{name}{place}: {error}"));
            let survivor = written.pointer(&format!("{place}/aNewField"));
            assert_eq!(survivor, Some(&field), "{name}{place}");
        }
    }
}

#[test]
fn null_is_taken_for_every_field() {
    for (name, value, rewrite) in examples() {
        let mut places = Vec::new();
        fields(&value, "", &mut places);
        for place in places {
            let mut nulled = value.clone();
            *nulled.pointer_mut(&place).unwrap() = Value::Null;
            rewrite(&nulled).unwrap_or_else(|error| panic!("{name}{place}: {error}"));
        }
    }
}

#[test]
fn every_field_may_be_missing() {
    for (name, value, rewrite) in examples() {
        let mut places = Vec::new();
        fields(&value, "", &mut places);
        for place in places {
            let (parent, field) = place.rsplit_once('/').unwrap();
            let mut poorer = value.clone();
            let parent = poorer.pointer_mut(parent).unwrap();
            if let Some(fields) = parent.as_object_mut() {
                fields.remove(field);
            }
            rewrite(&poorer).unwrap_or_else(|error| panic!("{name}{place}: {error}"));
        }
    }
}

/// So that the tests above look at all there is: what no example has, they do not try.
#[test]
fn the_examples_have_every_field_of_every_kind() {
    let examples = examples();
    for definition in Definition::all() {
        let schema = &definition.value()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let kind = definition.info.kind;
        let of_kind = examples.iter().map(|(_, value, _)| value);
        let of_kind: Vec<_> = of_kind.filter(|value| value["kind"] == kind).collect();
        // A Schedule has the fields of a Backup, which are looked at there.
        let skipped = ["Schedule.spec.template"];
        covered(schema, &of_kind, kind, &skipped);
    }
}

fn covered(schema: &Value, values: &[&Value], path: &str, skipped: &[&str]) {
    let properties = schema["properties"].as_object().into_iter().flatten();
    for (name, inner) in properties {
        let path = format!("{path}.{name}");
        if skipped.contains(&path.as_str()) {
            continue;
        }
        let found: Vec<_> = values.iter().filter_map(|value| value.get(name)).collect();
        assert!(!found.is_empty(), "no example has {path}");
        covered(inner, &found, &path, skipped);
    }
    if schema["items"].is_object() {
        let elements = values.iter().filter_map(|value| value.as_array()).flatten();
        let elements: Vec<_> = elements.collect();
        covered(&schema["items"], &elements, &format!("{path}[]"), skipped);
    }
}

#[test]
fn an_empty_phase_is_new_and_an_unknown_one_keeps_its_text() {
    for phase in [json!(""), json!(null), json!("New")] {
        let value = json!({ "metadata": {}, "spec": {}, "status": { "phase": phase } });
        let backup: v1::Backup = serde_json::from_value(value).unwrap();
        assert_eq!(backup.phase(), v1::BackupPhase::New);
    }
    let value = json!({ "spec": {}, "status": { "phase": "Hibernating" } });
    let backup: v1::Backup = serde_json::from_value(value).unwrap();
    assert_eq!(backup.phase().as_str(), "Hibernating");
    assert!(!backup.phase().is_last());
    assert_eq!(v1::Backup::default().phase(), v1::BackupPhase::New);
}

#[test]
fn an_object_of_another_kind_or_version_is_refused_by_name() {
    for (version, kind) in [
        ("velero.io/v1", "Restore"),
        ("velero.io/v2", "Backup"),
        ("ark.heptio.com/v1", "Backup"),
    ] {
        let value = json!({ "apiVersion": version, "kind": kind, "metadata": {}, "spec": {} });
        let error = serde_json::from_value::<v1::Backup>(value).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(kind) && error.contains(version), "{error}");
    }
}

#[test]
fn an_element_of_a_list_does_not_say_its_kind() {
    let value = json!({ "metadata": { "name": "a" }, "spec": { "backupName": "b" } });
    let request: v1::DeleteBackupRequest = serde_json::from_value(value).unwrap();
    let written = serde_json::to_value(&request).unwrap();
    assert_eq!(written["kind"], "DeleteBackupRequest");
    assert_eq!(written["apiVersion"], "velero.io/v1");
}

#[test]
fn keys_that_begin_with_a_capital_do() {
    let info = BackupVolumeInfo {
        pvb_info: Some(orlop_api::files::PodVolumeInfo {
            phase: "Completed".to_owned(),
            ..Default::default()
        }),
        csi_snapshot_info: Some(orlop_api::files::CsiSnapshotInfo {
            ready_to_use: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    };
    let written = serde_json::to_value(&info).unwrap();
    assert_eq!(written["pvbInfo"]["Phase"], "Completed");
    assert_eq!(written["csiSnapshotInfo"]["ReadyToUse"], true);
    // What Velero always writes, its readers may count on.
    for key in ["snapshotDataMoved", "preserveLocalSnapshot", "skipped"] {
        assert_eq!(written[key], false);
    }
}
