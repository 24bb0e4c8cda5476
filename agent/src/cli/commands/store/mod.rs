//! `orlop store`: about the place where repositories are.

mod check;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;

/// Look at the store itself
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum StoreCommand {
    Check(check::StoreCheck),
}

impl StoreCommand {
    /// Does it.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        match self {
            Self::Check(command) => command.run(context).await,
        }
    }
}
