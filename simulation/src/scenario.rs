//! What schedules are about.

use crate::actors::Part;
use crate::fault::Mix;
use crate::habits::Habits;

/// What a schedule is about. Mostly anything; for a rule that is rarely needed, what needs it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Scenario {
    /// Whatever the seed draws.
    #[default]
    Mixed,
    /// Backups find chunks that no snapshot needs any more, while maintenance lets them go.
    Garbage,
    /// Backups carry on what others left half-done, whose bases are forgotten.
    Heirs,
}

impl Scenario {
    /// Replaces what the seed has drawn.
    pub(crate) fn shape(self, mix: &mut Mix, parts: &mut Vec<Part>) {
        match self {
            Self::Mixed => {}
            Self::Garbage => {
                (mix.failures, mix.late, mix.deaths, mix.stale) = (0, 0, 0, 0);
                mix.stalls = mix.stalls.max(20);
                *parts = vec![
                    Part::Writer,
                    Part::Maintainer,
                    Part::Writer,
                    Part::Forgetter,
                    Part::Maintainer,
                ];
            }
            Self::Heirs => {
                (mix.failures, mix.late, mix.stale) = (0, 0, 0);
                (mix.deaths, mix.stalls) = (mix.deaths.max(5), mix.stalls.max(8));
                *parts = vec![
                    Part::Writer,
                    Part::Maintainer,
                    Part::Writer,
                    Part::Forgetter,
                    Part::Forgetter,
                    Part::Maintainer,
                ];
            }
        }
    }

    /// Replaces what the seed has drawn for the actors.
    pub(crate) fn habits(self, habits: Habits) -> Habits {
        match self {
            Self::Mixed => habits,
            Self::Garbage => Habits {
                pause: 2,
                checkpoints: 300,
                gives_up: 50,
                pipes: habits.pipes,
                looks_ahead: true,
                keeps: 1,
                brings_back: 0,
                has_grace: false,
                kills_nobody: 1000,
                lingers: 0,
            },
            Self::Heirs => Habits {
                pause: habits.pause.min(60),
                checkpoints: 700,
                gives_up: 400,
                pipes: 0,
                keeps: 1,
                brings_back: 0,
                has_grace: false,
                kills_nobody: 200,
                lingers: 100,
                ..habits
            },
        }
    }
}
