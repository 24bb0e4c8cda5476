//! Options for a slot that is to be made.

use std::path::PathBuf;

use clap::Args;
use orlop_repo::slots::is_recipient;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::repository;
use crate::slots::NewSlotFor;

/// For whom a slot is: one of them.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Whom {
    /// File with the new key; made if it does not exist
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,

    /// File with the new passphrase
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,

    /// Public key of an offline recovery identity
    #[arg(long, value_name = "age1...", value_parser = recipient)]
    recipient: Option<String>,
}

impl Whom {
    /// Reads the files; makes the key file if there is none.
    pub(super) fn read(&self, context: &Context) -> Result<NewSlotFor, Failure> {
        if let Some(file) = &self.new_key_file {
            return repository::key_or_new(context, file).map(NewSlotFor::Key);
        }
        if let Some(file) = &self.new_passphrase_file {
            return repository::new_passphrase(file).map(NewSlotFor::Passphrase);
        }
        match &self.recipient {
            Some(recipient) => Ok(NewSlotFor::Recipient(recipient.clone())),
            None => Err(Failure::usage("no new key was named")),
        }
    }

    /// What the slot is called if the user does not say.
    pub(super) fn label(&self) -> &'static str {
        if self.new_key_file.is_some() {
            "key file"
        } else if self.new_passphrase_file.is_some() {
            "passphrase"
        } else {
            "recovery"
        }
    }
}

/// Checks a public key of age.
pub(in crate::cli) fn recipient(text: &str) -> Result<String, String> {
    if is_recipient(text) {
        Ok(text.to_owned())
    } else {
        Err("give the public key that age-keygen prints, age1...".to_owned())
    }
}
