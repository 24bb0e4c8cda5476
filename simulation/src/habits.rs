//! What the actors of a schedule are like.

use crate::random::Random;

/// How often actors do what, in thousandths. Each schedule draws its own: what has to come
/// together for something to go wrong is rare in a mixture of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Minutes that an actor waits between two jobs, at the most. Few: all work at once.
    pub(crate) pause: u64,
    /// Files after which a writer checkpoints.
    pub(crate) checkpoints: u64,
    /// Backups that are given up half-way, so that others adopt them.
    pub(crate) gives_up: u64,
    /// Backups that take nothing over, as those of pipes.
    pub(crate) pipes: u64,
    /// Whether writers look up whatever there is while a checkpoint is on its way.
    pub(crate) looks_ahead: bool,
    /// Snapshots of a volume that a forgetter keeps, at the most.
    pub(crate) keeps: u64,
    /// Jobs of forgetters that bring something back.
    pub(crate) brings_back: u64,
    /// Whether maintenance waits before it sweeps.
    pub(crate) has_grace: bool,
    /// Maintenance runs that declare nobody dead.
    pub(crate) kills_nobody: u64,
    /// Requests before which maintenance stands still for minutes or hours, so that much is
    /// appended between its mark and what rests on it.
    pub(crate) lingers: u64,
}

impl Habits {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let mut some = |of: &[u64]| random.pick(of).copied().unwrap_or(0);
        Self {
            pause: some(&[2, 10, 60, 360, 2880]),
            checkpoints: some(&[100, 300, 700]),
            gives_up: some(&[50, 50, 400]),
            pipes: some(&[0, 250, 800]),
            looks_ahead: some(&[0, 1]) == 1,
            keeps: some(&[1, 3]),
            brings_back: some(&[100, 400]),
            has_grace: some(&[0, 1]) == 1,
            kills_nobody: some(&[200, 900]),
            lingers: 0,
        }
    }
}
