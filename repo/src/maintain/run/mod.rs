//! One maintenance run, step by step.

mod condemn;
mod delete;
mod repack;
mod sum_up;
mod tidy;

use std::sync::Arc;

use tokio::runtime::Handle;

use super::error::MaintainError;
use super::options::{MaintainOptions, MaintainProgress};
use super::report::MaintainReport;
use super::since::Verdict;
use crate::log::{AppendError, Body, Entry, Invalid, Role, State};
use crate::repository::{Repository, Session, SessionError, SessionRequest};

/// Maintains a repository: what nobody needs is condemned, and what was condemned long enough ago
/// is deleted.
///
/// Blocks; to be called outside the runtime's own threads.
///
/// *Expected flow.* Sweeps that somebody did not finish; sessions of dead processes; the mark;
/// `Condemn`; `Sweep` of what has waited, deletion, `Swept`; copying out of packs that are mostly
/// dead, then mark, `Condemn` and `Sweep` again; merging of small segments; a fold.
///
/// *Guarantees.* Nothing is deleted that is needed, whatever others do at the same time, and
/// wherever this is cut off; the next run goes on from there.
///
/// # Errors
///
/// [`MaintainError::Stopped`] if what is needed cannot be told: nothing was condemned, nor swept.
pub fn maintain(
    repository: &Arc<Repository>,
    runtime: &Handle,
    options: &MaintainOptions,
    progress: &dyn MaintainProgress,
) -> Result<MaintainReport, MaintainError> {
    let mut run = Run {
        repository,
        runtime,
        options,
        progress,
        report: MaintainReport::default(),
    };
    let state = run.refreshed()?;
    // What this version does not know may be anything.
    if !state.is_writable() || !state.collect_features.is_empty() {
        return Err(MaintainError::Refused(Invalid::ReadOnly));
    }
    run.finish_sweeps(&state)?;
    run.kill_silent()?;
    let (mut mark, mut verdict) = run.condemn()?;
    if verdict == Verdict::Holds {
        run.sweep(&mark)?;
        if run.repack(&mark)? {
            // What was copied is garbage now, if it still is what lives.
            (mark, verdict) = run.condemn()?;
            if verdict == Verdict::Holds {
                run.sweep(&mark)?;
            }
        }
    }
    run.merge_segments(&mark)?;
    run.fold()?;
    run.sum_up(&mark)?;
    Ok(run.report)
}

/// Why an entry was not appended.
enum NotYet {
    /// The log has gone on since the entry was made.
    Moved,
    /// There is nothing to append any more.
    Nothing,
    Failed(MaintainError),
}

impl From<AppendError> for NotYet {
    fn from(error: AppendError) -> Self {
        Self::Failed(error.into())
    }
}

/// A run.
struct Run<'a> {
    repository: &'a Arc<Repository>,
    runtime: &'a Handle,
    options: &'a MaintainOptions,
    progress: &'a dyn MaintainProgress,
    report: MaintainReport,
}

impl Run<'_> {
    /// The state at the end of the log.
    fn refreshed(&self) -> Result<State, MaintainError> {
        self.go_on()?;
        self.runtime.block_on(async {
            let mut chain = self.repository.chain().await;
            chain.refresh().await?;
            Ok(chain.state().clone())
        })
    }

    fn go_on(&self) -> Result<(), MaintainError> {
        if self.progress.is_cancelled() {
            return Err(MaintainError::Cancelled);
        }
        Ok(())
    }

    fn append(&self, say: impl FnMut(&State) -> Result<Body, NotYet>) -> Result<Entry, NotYet> {
        self.go_on().map_err(NotYet::Failed)?;
        self.runtime
            .block_on(async { self.repository.chain().await.append(say).await })
    }

    /// Opens a session of a maintainer: whoever uploads or relies on something has one.
    fn begin(&self) -> Result<Session, MaintainError> {
        let session = Session::begin::<SessionError>(Arc::clone(self.repository), |_| {
            Ok(SessionRequest {
                role: Role::Maintainer,
                base: None,
                adopts: Vec::new(),
                owner: None,
                client: self.options.client.clone(),
                volume: None,
            })
        });
        Ok(self.runtime.block_on(session)?)
    }

    /// Ends a session, whatever came of the work in it: left open, it would hold others up.
    fn end<T>(
        &self,
        session: &Session,
        result: Result<T, MaintainError>,
    ) -> Result<T, MaintainError> {
        match (result, self.runtime.block_on(session.end())) {
            // That somebody has declared it dead is no matter: its work is done.
            (Ok(done), Ok(()) | Err(SessionError::Invalid(_))) => Ok(done),
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(error), _) => Err(error),
        }
    }
}
