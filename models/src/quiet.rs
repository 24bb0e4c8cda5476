//! I4: once everybody is quiet, two maintenance runs leave no garbage.

use crate::collector;
use crate::entry::Entry;
use crate::flaws::Flaw;
use crate::sets::{Packs, members, pack};
use crate::state::State;
use crate::world::Setup;

/// What is left that nobody needs, if anything.
pub(crate) fn garbage(setup: &Setup, state: &State) -> Option<String> {
    let mut state = state.clone();
    let only = setup.flaw.filter(|flaw| *flaw == Flaw::BondNeverEnds);
    for (late, chunks) in std::mem::take(&mut state.late_puts) {
        if let Some(content) = state.content.get_mut(usize::from(late)) {
            *content = chunks;
        }
        state.stored |= pack(late.into());
    }
    state.stored &= !std::mem::take(&mut state.late_deletes);
    let open: Vec<_> = state.log.all_open().map(|(id, _)| id).collect();
    for session in open {
        state.log.apply(&Entry::Kill(session), only);
    }
    for _ in 0..2 {
        run(setup, &mut state, only);
    }
    let needed = members(state.log.snapshots).fold(0, |all, s| all | setup.content(s));
    let needed = state.with(state.usable(), needed);
    let left = (state.stored | state.log.packs) & !needed;
    (left != 0).then(|| format!("I4: packs {left:#b} are left that nobody needs"))
}

/// One maintenance run by itself.
fn run(setup: &Setup, state: &mut State, flaw: Option<Flaw>) {
    let (packs, broken) = collector::mark(setup, state);
    if packs != 0 {
        let entry = Entry::Condemn(packs, broken, 0);
        if state.log.allows(&entry, flaw) {
            state.log.apply(&entry, flaw);
        }
    }
    let condemned: Packs = state.log.all_condemned();
    if condemned != 0 {
        let gone = condemned | state.log.swept;
        let segments = collector::empty_segments(state, gone);
        let entry = Entry::Sweep(condemned, segments, 0);
        if state.log.allows(&entry, flaw) {
            state.log.apply(&entry, flaw);
        }
    }
    let sweeps: Vec<_> = state.log.sweeps.iter().map(|sweep| sweep.number).collect();
    for number in sweeps {
        state.log.apply(&Entry::Swept(number), flaw);
    }
    state.stored &= !state.log.swept;
}
