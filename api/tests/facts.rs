//! Our definitions of `velero.io` against what Velero's say.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};

use orlop_api::{Definition, Group};
use serde_json::{Map, Value, json};

const FACTS: &str = include_str!("facts/velero-1.18.3.tsv");

/// Where an enum has `orlop` besides.
const ORLOP_IN_ENUM: [(&str, &str); 3] = [
    ("backuprepositories", ".spec.repositoryType"),
    ("podvolumebackups", ".spec.uploaderType"),
    ("podvolumerestores", ".spec.uploaderType"),
];

/// Fields of our own, with everything below.
const OUR_FIELDS: [(&str, &str); 1] = [("backuprepositories", ".status.orlop")];

/// By plural and path.
type Facts = BTreeMap<(String, String), Value>;

fn velero() -> Facts {
    let lines = FACTS.lines().map(|line| {
        let parts: [&str; 3] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let [plural, path, facts] = parts;
        let facts = serde_json::from_str(facts).unwrap();
        ((plural.to_owned(), path.to_owned()), facts)
    });
    lines.collect()
}

/// The same of our definitions.
fn ours() -> Facts {
    let mut facts = Facts::new();
    for definition in Definition::all() {
        if definition.info.group != Group::Velero {
            continue;
        }
        let plural = definition.info.plural;
        let mut spec = definition.value()["spec"].clone();
        let version = spec["versions"][0].as_object_mut().unwrap();
        let schema = version.remove("schema").unwrap();
        facts.insert((plural.to_owned(), "-".to_owned()), spec);
        field(&mut facts, plural, ".", &schema["openAPIV3Schema"]);
    }
    facts
}

fn field(facts: &mut Facts, plural: &str, path: &str, schema: &Value) {
    let mut said: Map<_, _> = schema.as_object().unwrap().clone();
    for part in ["properties", "items", "additionalProperties", "description"] {
        said.remove(part);
    }
    for list in ["required", "enum"] {
        if let Some(Value::Array(values)) = said.get_mut(list) {
            values.sort_by_key(Value::to_string);
        }
    }
    facts.insert((plural.to_owned(), path.to_owned()), said.into());
    let inner = schema["properties"].as_object();
    for (name, inner) in inner.into_iter().flatten() {
        let path = format!("{}.{name}", path.trim_end_matches('.'));
        field(facts, plural, &path, inner);
    }
    if !schema["items"].is_null() {
        field(facts, plural, &format!("{path}[]"), &schema["items"]);
    }
    if schema["additionalProperties"].is_object() {
        let inner = &schema["additionalProperties"];
        field(facts, plural, &format!("{path}{{}}"), inner);
    }
}

fn key(plural: &str, path: &str) -> (String, String) {
    (plural.to_owned(), path.to_owned())
}

#[test]
fn every_kind_and_field_is_as_velero_has_it_but_for_what_is_listed() {
    let mut expected = velero();
    for (plural, path) in ORLOP_IN_ENUM {
        let values = expected.get_mut(&key(plural, path)).unwrap();
        let values = values["enum"].as_array_mut().unwrap();
        values.push("orlop".into());
        values.sort_by_key(Value::to_string);
    }
    let mut found = ours();
    for (plural, path) in OUR_FIELDS {
        let count = found.len();
        found.retain(|(of, at), _| of != plural || !at.starts_with(path));
        assert!(found.len() < count, "{plural} has no field {path}");
        assert!(
            !expected.contains_key(&key(plural, path)),
            "{plural} {path}"
        );
    }
    let all: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let mut differences = Vec::new();
    for (plural, path) in all {
        let at = key(plural, path);
        let (velero, ours) = (expected.get(&at), found.get(&at));
        if velero != ours {
            let [velero, ours] =
                [velero, ours].map(|facts| facts.map_or("nothing".to_owned(), Value::to_string));
            differences.push(format!(
                "{plural} {path}\n  Velero: {velero}\n  ours:   {ours}"
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Otherwise the test above could pass because both sides are empty.
#[test]
fn the_facts_are_of_all_kinds() {
    let facts = velero();
    let plurals: BTreeSet<_> = facts.keys().map(|(plural, _)| plural).collect();
    assert_eq!(plurals.len(), 13);
    let phase = &facts[&key("podvolumebackups", ".status.phase")];
    assert_eq!(phase["enum"].as_array().unwrap().len(), 8);
    assert_eq!(
        facts[&key("backups", ".spec.ttl")],
        json!({ "type": "string" })
    );
}
