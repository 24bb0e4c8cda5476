//! The definitions that are committed, and what a server asks of all.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use orlop_api::{Definition, Group};
use serde_json::Value;

const HEADER: &str = "# Made by: cargo run -p orlop-api --example write_crds\n";

#[test]
fn the_committed_definitions_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let committed: BTreeMap<_, _> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    let made: BTreeMap<_, _> = Definition::all()
        .iter()
        .map(|definition| {
            let text = format!("{HEADER}{}", definition.to_yaml().unwrap());
            (definition.file_name(), text)
        })
        .collect();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&made));
    for (name, text) in made {
        assert!(
            committed[&name] == text,
            "api/crds/{name} is not of these types: cargo run -p orlop-api --example write_crds"
        );
    }
}

#[test]
fn the_yaml_says_what_the_definition_says() {
    for definition in Definition::all() {
        let yaml = definition.to_yaml().unwrap();
        let read: Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(&read, definition.value(), "{}", definition.info.kind);
    }
}

#[test]
fn the_list_is_by_group_and_name_and_has_each_kind_once() {
    let all = Definition::all();
    let names: Vec<_> = all
        .iter()
        .map(|definition| (definition.info.group.name(), definition.info.plural))
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    let of = |group: Group| {
        names
            .iter()
            .filter(|(name, _)| *name == group.name())
            .count()
    };
    assert_eq!(Group::ALL.map(of), [13, 3]);
}

#[test]
fn only_kinds_of_orlop_have_the_status_subresource() {
    for definition in Definition::all() {
        let version = &definition.value()["spec"]["versions"][0];
        let expected = definition.info.group == Group::Orlop;
        assert_eq!(version.get("subresources").is_some(), expected);
        let labels = &definition.value()["metadata"]["labels"];
        assert_eq!(labels["component"] == "velero", !expected);
    }
}

/// Calls `look` with each schema, and with its path.
fn each(schema: &Value, path: &str, look: &mut impl FnMut(&Value, &str)) {
    look(schema, path);
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        each(inner, &format!("{path}.{name}"), look);
    }
    for part in ["items", "additionalProperties"] {
        if schema[part].is_object() {
            each(&schema[part], &format!("{path}[]"), look);
        }
    }
}

/// What a server takes in a schema, as far as ours need it. A word that is not here may be one that
/// it refuses or drops.
const WORDS: [&str; 22] = [
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "minItems",
    "minLength",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
    "x-kubernetes-int-or-string",
];

#[test]
fn schemas_are_structural() {
    for definition in Definition::all() {
        let schema = &definition.value()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        each(schema, definition.info.kind, &mut |schema, path| {
            let words = schema.as_object().unwrap();
            for word in words.keys() {
                assert!(WORDS.contains(&word.as_str()), "{path}: {word}");
            }
            assert!(schema["type"].is_string(), "{path} has no type");
            let format = schema["format"].as_str();
            assert!(
                matches!(format, None | Some("int64" | "date-time" | "byte")),
                "{path}"
            );
            for name in schema["required"].as_array().into_iter().flatten() {
                let property = &schema["properties"][name.as_str().unwrap()];
                assert!(
                    property.is_object(),
                    "{path} requires {name}, which it does not have"
                );
            }
        });
    }
}

#[test]
fn every_field_is_described() {
    for definition in Definition::all() {
        let schema = &definition.value()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        each(schema, definition.info.kind, &mut |schema, path| {
            let exempt = path.ends_with("[]") || path.ends_with(".metadata");
            assert!(exempt || schema["description"].is_string(), "{path}");
        });
    }
}

/// A rule over what has no bound costs a server too much, and it refuses the definition.
#[test]
fn texts_and_lists_that_rules_compare_are_bounded() {
    for definition in Definition::all() {
        let schema = &definition.value()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let spec = &schema["properties"]["spec"];
        if spec["x-kubernetes-validations"].is_null() {
            continue;
        }
        each(spec, definition.info.kind, &mut |schema, path| {
            let bounded = match schema["type"].as_str() {
                Some("string") => schema["enum"].is_array() || schema["maxLength"].is_u64(),
                Some("array") => schema["maxItems"].is_u64(),
                _ => true,
            };
            assert!(bounded, "{path}");
        });
    }
}
