//! What a probe found.

use std::time::Duration;

use serde::Serialize;

/// Whether a store has a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It has it, as far as this was tried.
    Passed,
    /// It was seen not to have it.
    Failed,
    /// Passing faults kept it from being tried.
    Unknown,
}

/// One property and whether the store has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Short name, made of small letters and hyphens; stays the same in later versions.
    pub property: &'static str,
    /// What depends on it, as a sentence for people.
    pub meaning: &'static str,
    /// Whether a repository must not be used without it.
    pub required: bool,
    /// Whether the store has it.
    pub outcome: Outcome,
    /// What was measured, or how it failed.
    pub measured: String,
}

/// What a probe found about one store.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProbeReport {
    /// The store as its user named it.
    pub location: String,
    /// All properties, in the order in which they were tried.
    pub findings: Vec<Finding>,
    /// The store's clock minus ours, in seconds; exact to about a second.
    pub clock_offset_seconds: Option<f64>,
    /// Median time to write 1 KiB.
    pub put_latency: Option<Duration>,
    /// Median time to read 1 KiB.
    pub get_latency: Option<Duration>,
}

impl ProbeReport {
    /// Whether every required property was seen to hold.
    pub fn is_usable(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| !finding.required || finding.outcome == Outcome::Passed)
    }

    /// The findings that are not [`Outcome::Passed`].
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.outcome != Outcome::Passed)
    }
}
