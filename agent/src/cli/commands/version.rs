//! `orlop version`

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help;

/// Print the version of the program and of the repository format
#[derive(Args, Debug)]
#[command(after_long_help = after_help!("orlop version"))]
pub(in crate::cli) struct Version {}

/// The message of `orlop version --json`.
#[derive(Debug, Serialize)]
struct VersionMessage {
    /// Always `version`.
    message_type: &'static str,
    /// Of the program.
    version: &'static str,
    /// Of the repository format.
    format: u8,
    /// Operating system.
    os: &'static str,
    /// Processor.
    arch: &'static str,
}

impl Version {
    /// Prints one line.
    pub(in crate::cli) fn run(context: &Context) -> Result<ExitStatus, Failure> {
        let message = VersionMessage {
            message_type: "version",
            version: env!("CARGO_PKG_VERSION"),
            format: 1,
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        };
        let mut out = context.output();
        if context.options.json {
            out.json(&message)?;
        } else {
            let VersionMessage {
                version,
                format,
                os,
                arch,
                ..
            } = message;
            out.line(format!(
                "orlop {version} (repository format {format}, {os} {arch})"
            ))?;
        }
        out.flush()?;
        Ok(ExitStatus::Done)
    }
}
