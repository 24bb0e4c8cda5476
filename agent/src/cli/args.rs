//! The command line as a whole.

use clap::{Parser, Subcommand};

use super::commands;
use super::context::Context;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::global::GlobalOptions;
use super::help::STYLES;

/// Deduplicated, encrypted, incremental backups
///
/// Backs folders, streams and block devices up to a repository on a disk or in a bucket. The store
/// learns neither content nor names. Any number of backups, restores and clean-ups may run at the
/// same time.
#[derive(Parser, Debug)]
#[command(
    name = "orlop",
    version,
    styles = STYLES,
    max_term_width = 100,
    propagate_version = false,
    disable_help_subcommand = false,
    after_help = "START\n    orlop backup ~/documents\n    orlop snapshots\n    \
                  orlop restore latest /tmp/restored\n\n\
                  `orlop COMMAND --help` has an example of each command and its exit codes."
)]
pub(super) struct CommandLine {
    #[command(flatten)]
    pub(super) global: GlobalOptions,

    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands, in the order of the help.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Init(commands::Init),
    Backup(commands::Backup),
    Restore(commands::Restore),
    Copy(commands::Copy),
    Snapshots(commands::Snapshots),
    Ls(commands::Ls),
    Find(commands::Find),
    Diff(commands::Diff),
    #[command(visible_alias = "dump")]
    Cat(commands::Cat),
    Mount(commands::MountCommand),
    Stats(commands::Stats),
    Forget(commands::Forget),
    Unforget(commands::Unforget),
    Prune(commands::Prune),
    Check(commands::Check),
    #[command(subcommand)]
    Repair(commands::RepairCommand),
    Log(commands::Log),
    #[command(subcommand)]
    Key(commands::KeyCommand),
    #[command(subcommand)]
    Store(commands::StoreCommand),
    Crds(commands::Crds),
    RestoreWait(commands::RestoreWaitCommand),
    Completions(commands::Completions),
    Version(commands::Version),
}

impl Command {
    /// Does it.
    pub(super) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        match self {
            Self::Init(command) => command.run(context).await,
            Self::Backup(command) => command.run(context).await,
            Self::Restore(command) => command.run(context).await,
            Self::Copy(command) => command.run(context).await,
            Self::Snapshots(command) => command.run(context).await,
            Self::Ls(command) => command.run(context).await,
            Self::Find(command) => command.run(context).await,
            Self::Diff(command) => command.run(context).await,
            Self::Cat(command) => command.run(context).await,
            Self::Mount(command) => command.run(context).await,
            Self::Stats(command) => command.run(context).await,
            Self::Forget(command) => command.run(context).await,
            Self::Unforget(command) => command.run(context).await,
            Self::Prune(command) => command.run(context).await,
            Self::Check(command) => command.run(context).await,
            Self::Repair(command) => command.run(context).await,
            Self::Log(command) => command.run(context).await,
            Self::Key(command) => command.run(context).await,
            Self::Store(command) => command.run(context).await,
            Self::Crds(command) => command.run(context),
            Self::RestoreWait(command) => command.run(context).await,
            Self::Completions(command) => command.run(context),
            Self::Version(_) => commands::Version::run(context),
        }
    }
}
