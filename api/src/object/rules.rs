//! Rules that a server checks, in CEL.

use serde_json::{Value, json};

/// A rule, and what is said when it is broken.
pub(crate) fn rule(rule: &str, message: &str) -> Value {
    json!({ "rule": rule, "message": message })
}

/// A field that must be there cannot be changed.
pub(crate) fn fixed(field: &str) -> Value {
    let name = escaped(field);
    rule(
        &format!("self.{name} == oldSelf.{name}"),
        &format!("{field} cannot be changed: make another object"),
    )
}

/// A field that may be absent cannot be changed, set or taken away.
pub(crate) fn fixed_optional(field: &str) -> Value {
    let name = escaped(field);
    rule(
        &format!(
            "has(self.{name}) == has(oldSelf.{name}) && \
             (!has(self.{name}) || self.{name} == oldSelf.{name})"
        ),
        &format!("{field} cannot be changed: make another object"),
    )
}

/// A field's name in a rule, where the language has words of its own.
fn escaped(field: &str) -> String {
    match field {
        "namespace" => format!("__{field}__"),
        _ => field.to_owned(),
    }
}

/// All rules of one part of an object.
pub(crate) fn rules<const N: usize>(rules: [Value; N]) -> Value {
    Value::Array(rules.into())
}
