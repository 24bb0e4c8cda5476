//! What is left, and what waits for whom.

use std::collections::BTreeSet;

use super::Run;
use crate::maintain::error::MaintainError;
use crate::maintain::mark::{Mark, open_sessions};
use crate::maintain::report::{Amount, Waiting, WaitsFor};
use crate::maintain::survey::Standing;
use crate::maintain::sweep::held;

impl Run<'_> {
    /// Says what is left, and what waits.
    pub(super) fn sum_up(&mut self, mark: &Mark) -> Result<(), MaintainError> {
        let state = self.refreshed()?;
        let report = &mut self.report;
        report.snapshots = state.snapshots.len() as u64;
        report.postponed = mark.postponed.len();
        report.notes.extend(mark.notes.iter().cloned());
        for (pack, usage) in mark.survey.packs.iter().zip(&mark.uses) {
            let stays = pack.standing == Standing::Live
                && state.is_reliable(pack.name)
                && !mark.garbage.contains(pack.name);
            if stays {
                report.packs += 1;
                report.bytes += pack.len;
                report.unused_bytes += usage.dead(pack.len);
            }
        }
        let numbers: BTreeSet<u64> = state.condemned.iter().map(|c| c.number).collect();
        for entry in numbers {
            let held = held(&state, entry);
            let mut packs = held.packs;
            packs.extend(&held.kept);
            let until_ms = self.grace_ends(entry)?;
            let sessions = open_sessions(&state)
                .filter(|(id, _)| held.sessions.contains(id))
                .map(|(id, session)| WaitsFor {
                    session: id,
                    begun: session.begun,
                    role: session.role,
                    client: session.client.clone(),
                    volume: session.volume.clone(),
                });
            self.report.waiting.push(Waiting {
                entry,
                amount: Amount {
                    packs: packs.len(),
                    bytes: mark.survey.len_of(&packs),
                    others: (held.others.len() + held.kept_others.len()) as u64,
                },
                until_ms,
                sessions: sessions.collect(),
            });
        }
        Ok(())
    }
}
