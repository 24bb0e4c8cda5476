//! What programs read: names and kinds of the fields, for every message.

use serde_json::{Map, Value};

use crate::bench::Bench;

/// Keeps names and `message_type`, and puts the kind of value in place of every other one.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(number) if number.is_f64() => "float".into(),
        Value::Number(_) => "integer".into(),
        Value::String(_) => "text".into(),
        Value::Array(values) => Value::Array(values.iter().take(1).map(shape).collect()),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let keep = name == "message_type" || name == "modifier";
                (
                    name.clone(),
                    if keep { value.clone() } else { shape(value) },
                )
            })
            .collect::<Map<_, _>>()
            .into(),
    }
}

#[track_caller]
fn shapes(bench: &Bench, args: &[&str]) -> String {
    let run = bench.orlop(args).arg("--json").run().done();
    let mut shapes: Vec<_> = run
        .out
        .lines()
        .map(|line| shape(&serde_json::from_str(line).unwrap()))
        // How many there are depends on the machine's speed.
        .filter(|message| message["message_type"] != "status")
        .map(|message| serde_json::to_string(&message).unwrap())
        .collect();
    shapes.dedup();
    format!("$ orlop {}\n{}\n", args.join(" "), shapes.join("\n"))
}

#[test]
fn messages_keep_their_fields() {
    let bench = Bench::new();
    let mut all = String::new();
    for args in [
        &["init"][..],
        &["backup", "source", "--tag", "a=b"],
        &["snapshots"],
        &["ls", "latest:a.txt"],
        &["find", "a.txt"],
        &["diff", "latest", "latest"],
        &["stats"],
        &["log"],
        &["check", "--read-data"],
        &["prune"],
        &["restore", "latest", "target"],
        &[
            "forget",
            "--keep-last",
            "1",
            "--group-by",
            "volume,tags",
            "--dry-run",
        ],
        &["forget", "latest"],
        &["snapshots", "--forgotten"],
        &["unforget", "latest"],
        &["key", "list"],
        &["key", "add", "--new-key-file", "second"],
        &["key", "export", "recovery"],
        &["key", "import", "recovery"],
        &["key", "shred"],
        &["version"],
    ] {
        all.push_str(&shapes(&bench, args));
    }
    insta::assert_snapshot!(all);
}
