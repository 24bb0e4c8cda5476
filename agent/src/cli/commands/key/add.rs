//! `orlop key add`

use clap::Args;

use super::failure;
use super::new_slot::Whom;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::repository;
use crate::slots::add;

/// Let another key, passphrase or recovery identity open the repository
///
/// The new slot is written, read back and opened before it counts.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop key add --new-key-file /tmp/second.key --label laptop"
))]
pub(in crate::cli) struct KeyAdd {
    #[command(flatten)]
    whom: Whom,

    /// What it is called; anybody who reads the store can read it
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
}

impl KeyAdd {
    /// Prints the id of the new slot.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let whom = self.whom.read(context)?;
        let label = self.label.as_deref().unwrap_or(self.whom.label());
        let name = add(&repository, &whom, label)
            .await
            .map_err(|error| failure("no key was added", error))?;
        super::say(context, "added", &name)?;
        Ok(ExitStatus::Done)
    }
}
