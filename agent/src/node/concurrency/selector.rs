//! Choosing nodes by their labels.

use std::collections::BTreeMap;

use serde_json::Value;

/// Labels that a node must have; all requirements must hold, none choose every node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeSelector {
    requirements: Vec<(String, Requirement)>,
}

/// What one label must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// It is there, with one of these values.
    In(Vec<String>),
    /// It is not there, or has another value.
    NotIn(Vec<String>),
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

/// A selector that says nothing that Kubernetes understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadSelector {
    /// Path of the field in it, in dots; empty for itself.
    pub(super) key: String,
    /// What is wrong.
    pub(super) what: String,
}

impl NodeSelector {
    /// Reads a `LabelSelector` of Kubernetes.
    pub(super) fn parse(selector: &Value) -> Result<Self, BadSelector> {
        if selector.is_null() {
            return Ok(Self::default());
        }
        let fields = selector
            .as_object()
            .ok_or_else(|| bad("", "must be an object"))?;
        let mut requirements = Vec::new();
        if let Some(labels) = present(fields.get("matchLabels")) {
            let labels = labels
                .as_object()
                .ok_or_else(|| bad("matchLabels", "must be an object"))?;
            for (label, value) in labels {
                let value = value
                    .as_str()
                    .ok_or_else(|| bad(&format!("matchLabels.{label}"), "must be a text"))?;
                let one = Requirement::In(vec![value.to_owned()]);
                requirements.push((label.clone(), one));
            }
        }
        if let Some(expressions) = present(fields.get("matchExpressions")) {
            let expressions = expressions
                .as_array()
                .ok_or_else(|| bad("matchExpressions", "must be a list"))?;
            for (n, expression) in expressions.iter().enumerate() {
                let requirement = expressed(expression).map_err(|what| BadSelector {
                    key: format!("matchExpressions[{n}]"),
                    what,
                })?;
                requirements.push(requirement);
            }
        }
        Ok(Self { requirements })
    }

    /// Whether a node with these labels is chosen.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|(label, requirement)| {
            let value = labels.get(label);
            match requirement {
                Requirement::In(values) => value.is_some_and(|value| values.contains(value)),
                Requirement::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                Requirement::Exists => value.is_some(),
                Requirement::DoesNotExist => value.is_none(),
            }
        })
    }
}

fn expressed(expression: &Value) -> Result<(String, Requirement), String> {
    let text = |key: &str| expression.get(key).and_then(Value::as_str);
    let label = text("key")
        .filter(|key| !key.is_empty())
        .ok_or("has no key")?
        .to_owned();
    let values = match present(expression.get("values")) {
        None => Vec::new(),
        Some(values) => values
            .as_array()
            .and_then(|values| {
                let texts = values.iter().map(|value| Some(value.as_str()?.to_owned()));
                texts.collect::<Option<Vec<_>>>()
            })
            .ok_or("has values that are no list of texts")?,
    };
    let requirement = match (text("operator").unwrap_or_default(), values.is_empty()) {
        ("In", false) => Requirement::In(values),
        ("NotIn", false) => Requirement::NotIn(values),
        ("Exists", true) => Requirement::Exists,
        ("DoesNotExist", true) => Requirement::DoesNotExist,
        ("In" | "NotIn", true) => return Err("needs values".to_owned()),
        ("Exists" | "DoesNotExist", false) => return Err("takes no values".to_owned()),
        (other, _) => {
            return Err(format!(
                "has the operator {other:?}, which is none of In, NotIn, Exists, DoesNotExist"
            ));
        }
    };
    Ok((label, requirement))
}

fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

fn bad(key: &str, what: &str) -> BadSelector {
    BadSelector {
        key: key.to_owned(),
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        labels.iter().map(owned).collect()
    }

    #[test]
    fn nodes_are_chosen_as_kubernetes_does() {
        let big = labels(&[("size", "big"), ("zone", "a")]);
        let expression = |operator: &str, values: Value| json!({ "matchExpressions": [{ "key": "zone", "operator": operator, "values": values }] });
        for (selector, matches, of_none) in [
            (json!({}), true, true),
            (json!(null), true, true),
            (json!({ "matchLabels": { "size": "big" } }), true, false),
            (json!({ "matchLabels": { "size": "small" } }), false, false),
            (
                json!({ "matchLabels": { "size": "big", "x": "y" } }),
                false,
                false,
            ),
            (expression("In", json!(["a", "b"])), true, false),
            (expression("In", json!(["b"])), false, false),
            (expression("NotIn", json!(["b"])), true, true),
            (expression("NotIn", json!(["a"])), false, true),
            (expression("Exists", json!(null)), true, false),
            (expression("DoesNotExist", json!([])), false, true),
        ] {
            let parsed = NodeSelector::parse(&selector).unwrap();
            assert_eq!(parsed.matches(&big), matches, "{selector}");
            assert_eq!(parsed.matches(&labels(&[])), of_none, "{selector}");
        }
    }

    #[test]
    fn a_selector_that_means_nothing_is_named_by_its_field() {
        let expression = |expression: Value| json!({ "matchExpressions": [expression] });
        for (selector, key) in [
            (json!("x"), ""),
            (json!({ "matchLabels": [] }), "matchLabels"),
            (json!({ "matchLabels": { "a": 1 } }), "matchLabels.a"),
            (json!({ "matchExpressions": {} }), "matchExpressions"),
            (
                expression(json!({ "operator": "Exists" })),
                "matchExpressions[0]",
            ),
            (
                expression(json!({ "key": "a", "operator": "In" })),
                "matchExpressions[0]",
            ),
            (
                expression(json!({ "key": "a", "operator": "Exists", "values": ["b"] })),
                "matchExpressions[0]",
            ),
            (
                expression(json!({ "key": "a", "operator": "In", "values": [1] })),
                "matchExpressions[0]",
            ),
            (
                expression(json!({ "key": "a", "operator": "Gt", "values": ["1"] })),
                "matchExpressions[0]",
            ),
        ] {
            let error = NodeSelector::parse(&selector).unwrap_err();
            assert_eq!(error.key, key, "{selector}");
        }
    }
}
