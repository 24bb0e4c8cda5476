//! Doing it.

use super::options::{Overwrite, Restore};
use super::{select, summary};
use crate::cli::blocking::blocking;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::human;
use crate::cli::progress::Work;
use crate::cli::repository;
use crate::memory::MemoryPlan;
use crate::restore::{Existing, RestoreError, RestoreOptions, restore};

impl Restore {
    /// Restores, and prints a summary.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let select = select::select(&self.include, &self.exclude)?;
        let repository = repository::open(context).await?;
        let state = repository.state().await;
        let snapshot = self.selection.one(&self.what.snapshot, &state)?;
        let tools = repository::tools(context, repository)?;
        let options = RestoreOptions {
            path: self.what.path.join(&b'/'),
            target: self.target.clone(),
            select,
            existing: match self.overwrite {
                Overwrite::IfChanged => Existing::IfChanged,
                Overwrite::Always => Existing::Always,
                Overwrite::IfNewer => Existing::IfNewer,
                Overwrite::Never => Existing::Never,
            },
            delete: self.delete,
            sparse: self.sparse,
            verify: self.verify,
            dry_run: self.dry_run,
            threads: context.threads(),
            memory: MemoryPlan::new(context.memory()).for_threads(context.threads()),
            scratch: repository::cache_of(context, &tools.repository)?,
        };
        context.note(&format!(
            "restoring snapshot {:.8} of {}, {}",
            snapshot.id,
            human::name(snapshot.volume.as_bytes()),
            human::local_time(snapshot.started_ms)
        ));
        // A trial run reads a tree and no content.
        let reading = if self.dry_run {
            None
        } else {
            let base = Some(snapshot.id);
            Some(repository::announce(context, &tools.repository, base).await?)
        };
        let began = context.clock.monotonic();
        let (progress, display) = context.work(Work::Files, "restore");
        let what = snapshot.clone();
        let done = blocking(move || {
            restore(&tools, &what, options, &progress).map_err(|error| failure(&what.id, error))
        })
        .await;
        display.end();
        if let Some(reading) = reading {
            reading.end().await;
        }
        let done = done?;
        let duration = context.clock.monotonic().saturating_sub(began);
        summary::show(context, &done, duration, self.dry_run)?;
        Ok(if done.is_complete() {
            ExitStatus::Done
        } else {
            ExitStatus::Incomplete
        })
    }
}

fn failure(id: &orlop_repo::model::SnapshotId, error: RestoreError) -> Failure {
    let next = match &error {
        RestoreError::NoSuchPath { .. } | RestoreError::NoContent { .. } => {
            Some(format!("`orlop ls {id:.8}` shows what there is"))
        }
        RestoreError::Target { .. } | RestoreError::Open { .. } => {
            Some("name a folder that this user can write to".to_owned())
        }
        RestoreError::Write(_) => {
            Some("make room there, then run it again: it goes on where it was".to_owned())
        }
        RestoreError::Tree(_) | RestoreError::Page(_) => {
            Some("run `orlop check`: it names what is hurt".to_owned())
        }
        RestoreError::Cancelled => Some("run it again: it goes on where it was".to_owned()),
        _ => None,
    };
    let failure = Failure::new(format!("snapshot {id:.8} was not restored")).because(error);
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}
