//! Printing the definitions.

use std::fs;
use std::path::Path;

use crate::bench::Bench;

/// The committed definitions of the groups that begin so, as documents of one stream.
fn committed(group: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("api/crds");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(group)
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let documents = files.iter().map(|path| {
        let text = fs::read_to_string(path).unwrap();
        let (comment, document) = text.split_once('\n').unwrap();
        assert!(comment.starts_with('#'));
        format!("---\n{document}")
    });
    documents.collect()
}

#[test]
fn the_definitions_are_printed_as_they_are_committed() {
    let bench = Bench::new();
    let run = bench.orlop(["crds"]).run().done();
    assert_eq!(run.out, committed(""));
    assert_eq!(run.err, "");
}

#[test]
fn one_group_can_be_had_alone() {
    let bench = Bench::new();
    for group in ["velero.io", "orlop.io"] {
        let run = bench.orlop(["crds", "--group", group]).run().done();
        assert_eq!(run.out, committed(group));
    }
    let run = bench.orlop(["crds", "--group", "example.com"]).run();
    assert_eq!(run.code, 2, "{run:?}");
}

#[test]
fn as_json_they_are_one_list() {
    let bench = Bench::new();
    let list = bench.orlop(["crds", "--json"]).run().done().json();
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&"List".into(), &"v1".into())
    );
    let items = list["items"].as_array().unwrap();
    let yaml = committed("");
    assert_eq!(items.len(), yaml.matches("---\n").count());
    for item in items {
        assert_eq!(item["kind"], "CustomResourceDefinition");
        let name = item["metadata"]["name"].as_str().unwrap();
        assert!(yaml.contains(&format!("\n  name: {name}\n")), "{name}");
        let schema = &item["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        assert!(schema["properties"]["spec"].is_object(), "{name}");
    }
}

/// Nothing of the definitions is looked up anywhere.
#[test]
fn no_repository_is_needed() {
    let bench = Bench::new();
    let run = bench
        .orlop(["crds", "--repo", "s3://nowhere/at-all"])
        .run()
        .done();
    assert!(!bench.repository().exists() && !run.out.is_empty());
}
