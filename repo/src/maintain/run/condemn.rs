//! Mark and `Condemn`.

use super::{NotYet, Run};
use crate::flaws::{Flaw, is_left_out};
use crate::log::{Body, Condemn};
use crate::maintain::error::MaintainError;
use crate::maintain::folds::stale_folds;
use crate::maintain::mark::{Mark, Marking};
use crate::maintain::propose::propose;
use crate::maintain::report::Amount;
use crate::maintain::since::Verdict;
use crate::model::{ObjectName, PackSet};
use crate::repository::SessionError;

/// How often a mark is made anew because of what others append.
const MAX_MARKS: u32 = 8;
/// How often a mark is brought up to the end of the log.
const MAX_ROUNDS: u32 = 1000;

impl Run<'_> {
    /// Marks and condemns, until nothing is left to be condemned; gives the mark, and whether it
    /// holds. Where others change the repository faster than it can be marked it does not: then
    /// nothing more may rest on it, and it is left to them, or to the next run.
    pub(super) fn condemn(&mut self) -> Result<(Mark, Verdict), MaintainError> {
        let mut marks = 0;
        loop {
            let mut mark = self.mark()?;
            marks += 1;
            let is_last = marks == MAX_MARKS;
            if !mark.rescue.is_empty() {
                self.report.rescued += mark.rescue.len();
                if !self.options.dry_run {
                    self.rescue(&mark.rescue)?;
                    if is_last {
                        return Ok(self.outrun(mark));
                    }
                    continue;
                }
            }
            let folds = self
                .runtime
                .block_on(stale_folds(self.repository, &mark.survey.loose))?;
            if self.condemn_by(&mut mark, &folds)? == Verdict::Holds {
                return Ok((mark, Verdict::Holds));
            }
            if is_last {
                return Ok(self.outrun(mark));
            }
        }
    }

    fn outrun(&mut self, mark: Mark) -> (Mark, Verdict) {
        let note = "others change the repository faster than it can be read: nothing more was \
                    condemned or deleted by this run";
        self.report.notes.push(note.to_owned());
        (mark, Verdict::Void)
    }

    /// Marks. What is swept or merged meanwhile stops a mark, and is no damage: then another one
    /// is made.
    fn mark(&self) -> Result<Mark, MaintainError> {
        let mut before = self.refreshed()?.next;
        // Every entry that the state rests on can be read, by others too.
        self.verify()?;
        loop {
            let marking = Marking {
                repository: self.repository,
                runtime: self.runtime,
                options: self.options,
                progress: self.progress,
            };
            let error = match marking.mark() {
                Err(error @ MaintainError::Stopped { .. }) => error,
                result => return result,
            };
            let now = self.refreshed()?.next;
            if now == before {
                return Err(error);
            }
            before = now;
        }
    }

    /// Brings packs back that were condemned although something live needs them.
    fn rescue(&self, packs: &PackSet) -> Result<(), MaintainError> {
        let session = self.begin()?;
        for pack in packs.iter() {
            session.rely_on(pack);
        }
        let rescued = match self.runtime.block_on(session.checkpoint(None)) {
            // Somebody has swept one of them, or says that this session is dead: the next mark
            // sees what is left.
            Err(SessionError::Invalid(_)) => Ok(()),
            result => result.map_err(MaintainError::from),
        };
        self.end(&session, rescued)
    }

    /// Condemns what a mark leaves, entry by entry. Each is appended only in the state up to which
    /// the mark was brought.
    fn condemn_by(
        &mut self,
        mark: &mut Mark,
        folds: &[ObjectName],
    ) -> Result<Verdict, MaintainError> {
        for _ in 0..MAX_ROUNDS {
            if self.catch_up(mark)? == Verdict::Void {
                return Ok(Verdict::Void);
            }
            let Some(condemn) = propose(mark, folds) else {
                return Ok(Verdict::Holds);
            };
            let examined = mark.survey.state.next;
            if self.options.dry_run {
                self.condemned(mark, &condemn);
                return Ok(Verdict::Holds);
            }
            let appended = self.append(|state| {
                if state.next == examined {
                    Ok(Body::Condemn(condemn.clone()))
                } else {
                    Err(NotYet::Moved)
                }
            });
            match appended {
                Ok(_) => {
                    self.condemned(mark, &condemn);
                    if is_left_out(Flaw::DeletedWhenCondemned) {
                        let packs = condemn.packs.iter().map(ObjectName::pack);
                        self.delete(&packs.collect::<Vec<_>>())?;
                    }
                }
                Err(NotYet::Moved | NotYet::Nothing) => {}
                Err(NotYet::Failed(error)) => return Err(error),
            }
        }
        Ok(Verdict::Void)
    }

    fn condemned(&mut self, mark: &Mark, condemn: &Condemn) {
        self.report.broken += condemn.broken.len() as u64;
        self.report.condemned.add(Amount {
            packs: condemn.packs.len(),
            bytes: mark.survey.len_of(&condemn.packs),
            others: condemn.others.len() as u64,
        });
    }

    /// Brings a mark up to the end of the log.
    fn catch_up(&self, mark: &mut Mark) -> Result<Verdict, MaintainError> {
        self.go_on()?;
        let (next, head) = (mark.survey.state.next, mark.survey.state.head);
        let entries = self.runtime.block_on(async {
            let mut chain = self.repository.chain().await;
            chain.refresh().await?;
            chain.entries_since(next, head).await
        })?;
        match mark.take(&entries, self.repository, self.runtime, self.progress) {
            // What became live cannot be read: the next mark says whether it still is.
            Err(MaintainError::Stopped { .. }) => Ok(Verdict::Void),
            result => result,
        }
    }
}
