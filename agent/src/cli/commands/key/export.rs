//! `orlop key export`

use std::path::PathBuf;

use clap::Args;

use super::failure;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::repository;
use crate::slots::{NewSlotFor, RecoveryFile, add};

/// Write a recovery file that opens the repository, to be kept elsewhere
///
/// The file holds a new key, so it can be used with --key-file, and a copy of its slot, so that
/// `orlop key import` brings the slot back if the store has lost it. Whoever has the file and can
/// read the store can read everything: print it, or lock it away.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!("orlop key export /tmp/orlop-recovery.txt"))]
pub(in crate::cli) struct KeyExport {
    /// File to be made; refuses one that exists
    file: PathBuf,

    /// What the slot is called; anybody who reads the store can read it
    #[arg(long, value_name = "TEXT", default_value = "recovery file")]
    label: String,
}

impl KeyExport {
    /// Writes the file and prints the id of its slot.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        repository::refuse_existing_file(&self.file)?;
        let repository = repository::open(context).await?;
        let key = repository::new_key()?;
        let slot = add(&repository, &NewSlotFor::Key(key.clone()), &self.label)
            .await
            .map_err(|error| failure("no recovery key was added", error))?;
        let file = RecoveryFile::of(&repository, slot.clone(), key)
            .await
            .map_err(|error| failure("cannot read the recovery key's slot", error))?;
        let text = file.to_text(repository.store().location());
        repository::write_secret(&self.file, text.as_bytes())?;
        super::say(context, "added", &slot)?;
        context.note(&format!(
            "{} opens the repository: keep it away from this machine",
            self.file.display()
        ));
        Ok(ExitStatus::Done)
    }
}
