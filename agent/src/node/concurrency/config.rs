//! The node agents' `ConfigMap`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde_json::{Map, Value};

use super::selector::NodeSelector;

/// Volumes at once on a node of which nothing is said.
const DEFAULT: NonZeroU32 = NonZeroU32::MIN;

/// Longest text that is read: an object of Kubernetes has a megabyte at the most.
const MAX_LEN: usize = 1 << 20;

/// Keys that say how the pods are made in which others move volumes. Orlop moves them in the agent
/// itself.
const OF_HOSTING_PODS: [&str; 9] = [
    "backupPVC",
    "cachePVC",
    "loadAffinity",
    "podAnnotations",
    "podLabels",
    "podResources",
    "priorityClassName",
    "privilegedFsBackup",
    "restorePVC",
];

/// What the `ConfigMap` says that concerns an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAgentConfig {
    global: NonZeroU32,
    per_node: Vec<(NodeSelector, NonZeroU32)>,
    /// How many objects may be accepted and wait, if that is bounded.
    pub prepare_queue: Option<NonZeroU32>,
    /// Values that cannot be used. In place of each its default counts, and a rule for some nodes does
    /// not count; they are to be shown.
    pub problems: Vec<ConfigProblem>,
    /// Keys that have nothing to say here: those for pods that Orlop does not make, and unknown ones.
    pub unused: Vec<String>,
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {what}")]
pub struct ConfigProblem {
    /// Its key, in dots.
    pub key: String,
    /// What is wrong.
    pub what: String,
}

/// A `ConfigMap` of which nothing can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It has not one key.
    #[error(
        "the node agents' ConfigMap must have one key with JSON in it, and has {found}: leave only \
         one"
    )]
    NotOne {
        /// How many it has.
        found: usize,
    },
    /// It is too long.
    #[error("{key} of the node agents' ConfigMap is longer than {MAX_LEN} bytes: shorten it")]
    TooLong {
        /// The key.
        key: String,
    },
    /// It is no JSON object.
    #[error("{key} of the node agents' ConfigMap is no JSON object: correct it")]
    NoJson {
        /// The key.
        key: String,
        /// Why, if it is no JSON at all.
        #[source]
        source: Option<serde_json::Error>,
    },
}

impl Default for NodeAgentConfig {
    /// What counts without a `ConfigMap`: one volume at once.
    fn default() -> Self {
        Self {
            global: DEFAULT,
            per_node: Vec::new(),
            prepare_queue: None,
            problems: Vec::new(),
            unused: Vec::new(),
        }
    }
}

impl NodeAgentConfig {
    /// Reads the data of a `ConfigMap`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: nothing of it can be used. A single value that cannot be used is in
    /// [`Self::problems`] and stops nothing.
    pub fn parse(data: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut entries = data.iter();
        let (Some((key, text)), None) = (entries.next(), entries.next()) else {
            return Err(ConfigError::NotOne { found: data.len() });
        };
        if text.len() > MAX_LEN {
            return Err(ConfigError::TooLong { key: key.clone() });
        }
        let no_json = |source| ConfigError::NoJson {
            key: key.clone(),
            source,
        };
        let value: Value = serde_json::from_str(text).map_err(|error| no_json(Some(error)))?;
        let fields = value.as_object().ok_or_else(|| no_json(None))?;
        Ok(Self::read(fields))
    }

    fn read(fields: &Map<String, Value>) -> Self {
        let mut config = Self::default();
        for (key, value) in fields {
            match (key.as_str(), value) {
                ("loadConcurrency", Value::Null) => {}
                ("loadConcurrency", Value::Object(load)) => config.read_load(load),
                ("loadConcurrency", _) => config.problem(key.clone(), "must be an object"),
                _ => config.unused.push(key.clone()),
            }
        }
        config
    }

    fn read_load(&mut self, load: &Map<String, Value>) {
        for (name, value) in load {
            let key = format!("loadConcurrency.{name}");
            match (name.as_str(), value) {
                ("globalConfig" | "perNodeConfig" | "prepareQueueLength", Value::Null) => {}
                ("globalConfig", value) => {
                    if let Some(number) = self.number(key, value) {
                        self.global = number;
                    }
                }
                // 0 stands for "not said", as in Velero.
                ("prepareQueueLength", value) if value.as_u64() == Some(0) => {}
                ("prepareQueueLength", value) => self.prepare_queue = self.number(key, value),
                ("perNodeConfig", Value::Array(rules)) => {
                    for (n, rule) in rules.iter().enumerate() {
                        self.read_rule(&format!("{key}[{n}]"), rule);
                    }
                }
                ("perNodeConfig", _) => self.problem(key, "must be a list"),
                _ => self.unused.push(key),
            }
        }
    }

    fn read_rule(&mut self, key: &str, rule: &Value) {
        let Some(rule) = rule.as_object() else {
            return self.problem(key.to_owned(), "must be an object");
        };
        let number = rule.get("number").unwrap_or(&Value::Null);
        let number = self.number(format!("{key}.number"), number);
        let selector = rule.get("nodeSelector").unwrap_or(&Value::Null);
        match (NodeSelector::parse(selector), number) {
            (Ok(selector), Some(number)) => self.per_node.push((selector, number)),
            (Ok(_), None) => {}
            (Err(bad), _) => {
                let dot = if bad.key.is_empty() { "" } else { "." };
                self.problem(format!("{key}.nodeSelector{dot}{}", bad.key), &bad.what);
            }
        }
        for name in rule.keys() {
            if !matches!(name.as_str(), "number" | "nodeSelector") {
                self.unused.push(format!("{key}.{name}"));
            }
        }
    }

    /// A whole number above 0; something else is a problem.
    fn number(&mut self, key: String, value: &Value) -> Option<NonZeroU32> {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.and_then(NonZeroU32::new);
        if number.is_none() {
            let shown: String = value.to_string().chars().take(40).collect();
            self.problem(
                key,
                &format!("must be a whole number above 0, and is {shown}"),
            );
        }
        number
    }

    fn problem(&mut self, key: String, what: &str) {
        let what = what.to_owned();
        self.problems.push(ConfigProblem { key, what });
    }

    /// How many volumes a node with these labels moves at once: the smallest number among the rules
    /// that choose it, the one for all nodes if none does.
    pub fn concurrency(&self, labels: &BTreeMap<String, String>) -> NonZeroU32 {
        let chosen = self
            .per_node
            .iter()
            .filter(|(selector, _)| selector.matches(labels));
        chosen
            .map(|(_, number)| *number)
            .min()
            .unwrap_or(self.global)
    }

    /// Whether a key of [`Self::unused`] is for pods that others make to move volumes, so that it is
    /// no mistake.
    pub fn is_for_hosting_pods(key: &str) -> bool {
        OF_HOSTING_PODS.contains(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<NodeAgentConfig, ConfigError> {
        NodeAgentConfig::parse(&BTreeMap::from([(
            "node-agent.json".to_owned(),
            text.to_owned(),
        )]))
    }

    fn labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        labels.iter().map(owned).collect()
    }

    #[test]
    fn the_smallest_rule_that_chooses_a_node_wins_over_the_number_for_all() {
        let config = parse(
            r#"{ "loadConcurrency": { "globalConfig": 2, "prepareQueueLength": 10, "perNodeConfig": [
                { "nodeSelector": { "matchLabels": { "size": "big" } }, "number": 9 },
                { "nodeSelector": { "matchExpressions": [{ "key": "zone", "operator": "Exists" }] },
                  "number": 5 },
                { "nodeSelector": { "matchLabels": { "size": "tiny" } }, "number": 1 }
            ] } }"#,
        )
        .unwrap();
        assert_eq!(config.problems, []);
        assert_eq!(config.prepare_queue.map(NonZeroU32::get), Some(10));
        for (node, wanted) in [
            (&[][..], 2),
            (&[("size", "big")], 9),
            (&[("size", "big"), ("zone", "a")], 5),
            (&[("size", "tiny"), ("zone", "a")], 1),
        ] {
            assert_eq!(config.concurrency(&labels(node)).get(), wanted, "{node:?}");
        }
        assert_eq!(
            NodeAgentConfig::default().concurrency(&labels(&[])).get(),
            1
        );
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named_and_stops_nothing() {
        for (text, key, all) in [
            (r#"{ "loadConcurrency": 3 }"#, "loadConcurrency", 1),
            (
                r#"{ "loadConcurrency": { "globalConfig": "4" } }"#,
                "loadConcurrency.globalConfig",
                1,
            ),
            (
                r#"{ "loadConcurrency": { "globalConfig": 0 } }"#,
                "loadConcurrency.globalConfig",
                1,
            ),
            (
                r#"{ "loadConcurrency": { "globalConfig": 4.5 } }"#,
                "loadConcurrency.globalConfig",
                1,
            ),
            (
                r#"{ "loadConcurrency": { "globalConfig": 3, "perNodeConfig": {} } }"#,
                "loadConcurrency.perNodeConfig",
                3,
            ),
            (
                r#"{ "loadConcurrency": { "globalConfig": 3, "perNodeConfig": [{ "number": -1 }] } }"#,
                "loadConcurrency.perNodeConfig[0].number",
                3,
            ),
            (
                r#"{ "loadConcurrency": { "globalConfig": 3, "perNodeConfig": [7] } }"#,
                "loadConcurrency.perNodeConfig[0]",
                3,
            ),
            (
                r#"{ "loadConcurrency": { "globalConfig": 3, "perNodeConfig": [
                    { "number": 1, "nodeSelector": { "matchLabels": 1 } }] } }"#,
                "loadConcurrency.perNodeConfig[0].nodeSelector.matchLabels",
                3,
            ),
            (
                r#"{ "loadConcurrency": { "globalConfig": 3, "prepareQueueLength": true } }"#,
                "loadConcurrency.prepareQueueLength",
                3,
            ),
        ] {
            let config = parse(text).unwrap();
            let keys: Vec<_> = config.problems.iter().map(|p| p.key.as_str()).collect();
            assert_eq!(keys, [key], "{text}");
            assert_eq!(config.concurrency(&labels(&[])).get(), all, "{text}");
        }
        let config = parse(r#"{ "loadConcurrency": { "globalConfig": "4" } }"#).unwrap();
        assert_eq!(
            config.problems[0].to_string(),
            "loadConcurrency.globalConfig must be a whole number above 0, and is \"4\""
        );
    }

    #[test]
    fn unknown_keys_are_told_and_tolerated() {
        let config = parse(
            r#"{ "podResources": { "cpuLimit": "1" }, "sparkle": 1, "loadConcurrency":
               { "globalConfig": 2, "later": 1, "perNodeConfig": [{ "number": 4, "note": "x" }] } }"#,
        )
        .unwrap();
        assert_eq!(config.problems, []);
        assert_eq!(
            config.unused,
            [
                "loadConcurrency.later",
                "loadConcurrency.perNodeConfig[0].note",
                "podResources",
                "sparkle"
            ]
        );
        assert!(NodeAgentConfig::is_for_hosting_pods("podResources"));
        assert!(!NodeAgentConfig::is_for_hosting_pods("sparkle"));
        assert_eq!(config.concurrency(&labels(&[])).get(), 4);
    }

    #[test]
    fn a_config_map_without_one_json_object_is_refused() {
        let two = ["a", "b"].map(|key| (key.to_owned(), "{}".to_owned()));
        let two = NodeAgentConfig::parse(&BTreeMap::from(two)).unwrap_err();
        assert!(two.to_string().contains("has 2"), "{two}");
        let none = NodeAgentConfig::parse(&BTreeMap::new()).unwrap_err();
        assert!(none.to_string().contains("has 0"), "{none}");
        for text in ["", "[]", "{", "null"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with("node-agent.json of"), "{error}");
        }
        let long = " ".repeat(MAX_LEN + 1);
        assert!(matches!(parse(&long), Err(ConfigError::TooLong { .. })));
    }
}
