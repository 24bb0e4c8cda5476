//! `orlop store check`

use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use orlop_repo::store::probe::{Effort, Outcome, ProbeReport, probe};

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help;
use crate::cli::repository;

/// Prove that a store gives what repositories rest on
///
/// Writes, reads, lists and deletes small objects in the folder `probe` of the place named with
/// --repo: some 800 requests and 20 MB. No key is needed and no repository is touched.
#[derive(Args, Debug)]
#[command(after_long_help = after_help!("orlop store check --repo /tmp"))]
pub(in crate::cli) struct StoreCheck {}

impl StoreCheck {
    /// Prints what was found; fails if a repository must not be there.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let url = repository::location(context)?;
        let store = repository::open_store(&url)?;
        let clock = context.clock.clone();
        let report = probe(&store, Effort::PROBE, move || {
            UNIX_EPOCH + Duration::from_millis(clock.unix_ms())
        })
        .await
        .map_err(|error| Failure::new(format!("cannot try the store {url}")).because(error))?;
        show(context, &report)?;
        if report.is_usable() {
            return Ok(ExitStatus::Done);
        }
        Err(
            Failure::new(format!("the store {url} must not be used for a repository"))
                .next("use another store, or ask its provider about what failed"),
        )
    }
}

fn show(context: &Context, report: &ProbeReport) -> Result<(), Failure> {
    let mut out = context.output();
    if context.options.json {
        out.json(report)?;
    } else {
        for finding in &report.findings {
            let word = match finding.outcome {
                Outcome::Passed => "ok     ",
                Outcome::Failed => "FAILED ",
                _ => "unknown",
            };
            out.line(format!(
                "{word}  {:<18}  {}",
                finding.property, finding.measured
            ))?;
            if finding.outcome != Outcome::Passed {
                out.line(format!("         {}", finding.meaning))?;
            }
        }
        let verdict = if report.is_usable() {
            "can"
        } else {
            "must not"
        };
        out.line(format!("{} {verdict} hold a repository", report.location))?;
    }
    out.flush()
}
