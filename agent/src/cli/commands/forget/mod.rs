//! `orlop forget`

mod chosen;
mod keep;
mod show;

use clap::Args;
use orlop_repo::log::AppendError;
use orlop_repo::model::SnapshotId;

use self::chosen::Choice;
use self::keep::KeepOptions;
use super::prune;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::repository;
use crate::cli::selection::Selection;

/// Drop snapshots: those that are named, or those that a policy does not keep
///
/// A policy is what the --keep options say together: a snapshot stays if any of them keeps it. It
/// is applied to the snapshots of each volume by themselves, and once more whenever somebody else
/// changes the repository meanwhile. Hours, days, weeks, months and years are those of the local
/// time zone; of each, the newest snapshot stays. While there are fewer of them than asked for, the
/// oldest snapshot stays, too.
///
/// What is forgotten is not listed any more; its data stays until maintenance takes its space, and
/// until then `orlop unforget` brings it back.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop forget --keep-last 3 --keep-daily 7 --keep-monthly 12 --dry-run"
))]
pub(in crate::cli) struct Forget {
    /// Snapshots to forget: `latest`, or the first digits of ids
    #[arg(value_name = "SNAPSHOT")]
    snapshots: Vec<String>,

    #[command(flatten)]
    keep: KeepOptions,

    #[command(flatten)]
    selection: Selection,

    /// Show what would be forgotten, and why the rest would be kept, and change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Run maintenance afterwards, as `orlop prune` does
    ///
    /// What was forgotten now is deleted by a run after the time of grace.
    #[arg(long, conflicts_with = "dry_run")]
    prune: bool,

    /// Let a policy forget all snapshots of a group; without --keep options, forget all that
    /// --volume and --tag choose
    #[arg(long)]
    unsafe_allow_remove_all: bool,
}

impl Forget {
    /// Prints what becomes of each snapshot.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let policy = self.keep.policy();
        if self.snapshots.is_empty() && policy.rules.is_empty() {
            self.check_no_policy()?;
        }
        if !self.snapshots.is_empty() && self.keep.is_used() {
            return Err(Failure::usage(
                "snapshots to forget were named, and what to keep, too (--keep-last and its like)",
            )
            .next("name either"));
        }
        let repository = repository::open(context).await?;
        let state = repository.state().await;
        let choice = if self.snapshots.is_empty() {
            Choice::Policy {
                policy,
                by: self.keep.group_by(),
                filter: self.selection.filter(),
                moment: chosen::moment(context),
                all_may_go: self.unsafe_allow_remove_all,
            }
        } else {
            let named = self.snapshots.iter().map(|name| {
                let snapshot = self.selection.one(name, &state)?;
                Ok(snapshot.id)
            });
            Choice::Named(named.collect::<Result<_, Failure>>()?)
        };
        if self.dry_run {
            choice.check(&state)?;
            show::show(context, &choice.verdicts(&state), true)?;
            return Ok(ExitStatus::Done);
        }
        let (mut before, mut named) = (state, Vec::new());
        let forgotten = repository
            .forget::<NotForgotten>(|state| {
                choice.check(state).map_err(NotForgotten::Refused)?;
                let chosen = choice.verdicts(state);
                let ids: Vec<SnapshotId> = chosen.forgotten().map(|snapshot| snapshot.id).collect();
                if !ids.is_empty() {
                    // With what an entry before this one has named already.
                    let mut now = state.clone();
                    for id in std::mem::replace(&mut named, ids.clone()) {
                        let snapshot = before.snapshots.remove(&id);
                        now.snapshots
                            .extend(snapshot.map(|snapshot| (id, snapshot)));
                    }
                    before = now;
                }
                Ok(ids)
            })
            .await
            .map_err(|error| match error {
                NotForgotten::Refused(failure) => failure,
                NotForgotten::Append(error) => {
                    Failure::new("the snapshots were not (all) forgotten").because(error)
                }
            })?;
        // What is shown is what was decided last, in the state in which it was.
        show::show(context, &choice.verdicts(&before), false)?;
        if let Some(id) = forgotten.first() {
            context.note(&format!(
                "`orlop unforget {id:.8}` brings a snapshot back until maintenance takes its space"
            ));
        }
        if self.prune {
            prune::prune(context, repository).await?;
        }
        Ok(ExitStatus::Done)
    }

    /// A call without names and rules is a slip, unless it says that all are meant.
    fn check_no_policy(&self) -> Result<(), Failure> {
        if !self.unsafe_allow_remove_all {
            return Err(
                Failure::usage("neither snapshots to forget nor what to keep was named")
                    .next("name snapshots, or a policy, such as --keep-daily 7 --keep-weekly 5"),
            );
        }
        if self.selection.is_all() {
            return Err(Failure::usage(
                "--unsafe-allow-remove-all without a policy would forget the whole repository",
            )
            .next("narrow it with --volume or --tag"));
        }
        Ok(())
    }
}

/// Why snapshots were not forgotten.
enum NotForgotten {
    Refused(Failure),
    Append(AppendError),
}

impl From<AppendError> for NotForgotten {
    fn from(error: AppendError) -> Self {
        Self::Append(error)
    }
}
