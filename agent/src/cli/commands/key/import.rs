//! `orlop key import`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::failure;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::{human, repository};
use crate::slots::{RecoveryFile, put_back};

/// Bring back what the store has lost of a recovery file's slot, and open the repository with it
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!("orlop key import /tmp/orlop-recovery.txt"))]
pub(in crate::cli) struct KeyImport {
    /// File that `orlop key export` has made
    file: PathBuf,
}

/// The result of `orlop key import --json`.
#[derive(Debug, Serialize)]
struct Imported {
    /// Always `imported`.
    message_type: &'static str,
    /// Id of the repository.
    repository: String,
    /// Objects that were missing.
    restored: Vec<String>,
}

impl KeyImport {
    /// Prints what was missing.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let shown = self.file.display();
        let text = repository::read_secret("recovery file", &self.file)?;
        let text = String::from_utf8_lossy(&text);
        let file = RecoveryFile::parse(&text).map_err(|error| {
            Failure::new(format!("cannot use the recovery file {shown}"))
                .because(error)
                .next("name the file that `orlop key export` has made")
        })?;
        let store = repository::open_store(&repository::location(context)?)?;
        let restored = put_back(&store, &file)
            .await
            .map_err(|error| failure("the slot was not brought back", error))?;
        repository::open_with_key(context, file.repository, file.key.clone()).await?;
        let mut out = context.output();
        if context.options.json {
            out.json(&Imported {
                message_type: "imported",
                repository: file.repository.to_string(),
                restored: restored.iter().map(ToString::to_string).collect(),
            })?;
        } else {
            out.line(format!(
                "{shown} opens repository {}; {} brought back",
                file.repository,
                human::count(restored.len() as u64, "object was", "objects were")
            ))?;
        }
        out.flush()?;
        Ok(ExitStatus::Done)
    }
}
