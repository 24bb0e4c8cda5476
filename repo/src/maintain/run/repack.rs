//! `Relocate`.

use super::Run;
use crate::maintain::choose::choose;
use crate::maintain::error::MaintainError;
use crate::maintain::living::Living;
use crate::maintain::mark::Mark;
use crate::maintain::options::MaintainPhase;
use crate::maintain::repack::{Copied, Copier, block_share, parts};
use crate::maintain::report::Amount;
use crate::model::{PackName, PackSet};
use crate::repository::{Session, SessionError};

impl Run<'_> {
    /// Copies what lives out of packs that are mostly dead; says whether anything was copied.
    pub(super) fn repack(&mut self, mark: &Mark) -> Result<bool, MaintainError> {
        let state = self.refreshed()?;
        let options = self.options;
        let chosen = choose(
            mark,
            &state,
            options.max_unused,
            options.max_repack,
            options.reseal,
        );
        if chosen.is_empty() {
            return Ok(false);
        }
        if options.dry_run {
            let packs: PackSet = chosen.iter().copied().collect();
            self.report.repacked.add(Amount {
                packs: packs.len(),
                bytes: mark.survey.len_of(&packs),
                others: 0,
            });
            return Ok(false);
        }
        let session = self.begin()?;
        let repacked = self.repack_in(&session, mark, &chosen);
        self.end(&session, repacked)
    }

    fn repack_in(
        &mut self,
        session: &Session,
        mark: &Mark,
        chosen: &[PackName],
    ) -> Result<bool, MaintainError> {
        self.progress
            .phase(MaintainPhase::Repacking, chosen.len() as u64);
        let mut any = false;
        for part in parts(mark, chosen) {
            self.go_on()?;
            let living = mark.living_in(&part)?;
            let copied = self
                .runtime
                .block_on(self.copy(session, mark, &part, &living))?;
            for (pack, why) in &copied.failed {
                self.report.notes.push(format!("{pack}: not copied: {why}"));
            }
            if copied.old.is_empty() {
                continue;
            }
            let keepers: PackSet = copied.keepers.iter().map(|info| info.name).collect();
            let marked = &mark.survey.state;
            let named = self.runtime.block_on(session.relocate(
                &copied.segments,
                &copied.old,
                &keepers,
                (marked.next, marked.head),
            ));
            let named = match named {
                Ok(named) => named,
                // Somebody has declared the session dead: what it copied is nobody's.
                Err(SessionError::Invalid(_)) => return Ok(any),
                Err(error) => return Err(error.into()),
            };
            any |= !named.is_empty();
            self.report.repacked.add(Amount {
                packs: named.len(),
                bytes: mark.survey.len_of(&named),
                others: 0,
            });
            self.report.keepers.add(Amount {
                packs: keepers.len(),
                bytes: copied.keepers.iter().map(|info| info.len).sum(),
                others: 0,
            });
        }
        Ok(any)
    }

    async fn copy(
        &self,
        session: &Session,
        mark: &Mark,
        packs: &[PackName],
        living: &Living,
    ) -> Result<Copied, MaintainError> {
        let mut copier = Copier::new(self.repository, session, self.options.parallel);
        let mut directories = Vec::new();
        for &pack in packs.iter().filter(|pack| living.contains_key(*pack)) {
            directories.extend(copier.directory(mark, pack).await?);
        }
        let share = block_share(living, &directories, self.options.max_unused);
        for directory in &directories {
            self.go_on()?;
            if let Some(living) = living.get(&directory.name()) {
                copier.copy(directory, living, share).await?;
            }
            self.progress.steps(1);
        }
        copier.finish().await
    }
}
