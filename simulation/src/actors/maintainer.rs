//! Maintains the repository.

use std::time::Duration;

use orlop_repo::explain::explain;
use orlop_repo::maintain::{MaintainOptions, Unwatched, maintain};

use super::{Actor, At};

impl Actor {
    /// One run.
    pub(super) fn maintain_once(&mut self, at: &At) {
        let hours = |n: u64| Duration::from_hours(n);
        let mut options = MaintainOptions::new("simulation".to_owned(), self.scratch.clone());
        options.parallel = false;
        options.grace = if self.habits.has_grace {
            hours(self.random.pick(&[0, 1, 24]).copied().unwrap_or(0))
        } else {
            Duration::ZERO
        };
        options.max_unused = f64::from(
            u8::try_from(self.random.pick(&[0, 0, 5, 40]).copied().unwrap_or(0)).unwrap_or(0),
        ) / 100.0;
        let kill_after = self.random.pick(&[1, 2, 24, 168]).copied().unwrap_or(24);
        options.kill_after =
            (!self.random.chance(self.habits.kills_nobody)).then(|| hours(kill_after));
        let done = maintain(&at.repository, &self.runtime, &options, &Unwatched);
        match done {
            Ok(report) => {
                self.world.note(
                    self.number,
                    &format!(
                        "maintain: condemned {} swept {} repacked {} rescued {} merged {} notes {:?}",
                        report.condemned.packs,
                        report.swept.packs,
                        report.repacked.packs,
                        report.rescued,
                        report.merged,
                        report.notes
                    ),
                );
                self.ends("maintain", at, Ok(()));
            }
            Err(error) => {
                // Its session may have been taken for dead.
                let killed = explain(&error).contains("no longer open");
                self.excuse("maintain", &error, &at.process, at.faults_before(), killed);
            }
        }
    }
}
