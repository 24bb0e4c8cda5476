//! Which packs are worth copying.

use super::mark::{Mark, Use};
use super::survey::{Pack, Standing};
use crate::log::State;
use crate::model::{PackName, PackSet};
use crate::seal::BlockKind;

/// A pack that is shorter counts as small, in bytes: a quarter of what writers aim at.
const SMALL_PACK: u64 = 4 << 20;
/// More small packs than this, of one kind, are made into larger ones.
const SMALL_PACKS: usize = 16;

/// Packs whose living chunks are to be copied into others, the most worthwhile first.
///
/// Those first out of which somebody has copied and in which something else lives by now: the
/// copies are bound until they go. Then those with the largest dead share, until what is dead in all packs together is no more than
/// `max_unused` of them; and small ones, if there are many; and with `reseal` those in which
/// something may be sealed under an older generation of keys, the oldest first. Together no more
/// than `max_repack` bytes. What sessions, bonds or young checkpoints hold is left alone: it could not go.
pub(super) fn choose(
    mark: &Mark,
    state: &State,
    max_unused: f64,
    max_repack: u64,
    reseal: bool,
) -> Vec<PackName> {
    let live: Vec<_> = mark
        .survey
        .packs
        .iter()
        .zip(&mark.uses)
        .filter(|(pack, _)| {
            pack.standing == Standing::Live
                && state.is_reliable(pack.name)
                && !mark.garbage.contains(pack.name)
        })
        .collect();
    let mut bytes: u64 = live.iter().map(|(pack, _)| pack.len).sum();
    let mut dead: u64 = live.iter().map(|(pack, usage)| usage.dead(pack.len)).sum();
    let mut movable: Vec<_> = live
        .into_iter()
        .filter(|(pack, usage)| may_move(pack, usage, state))
        .collect();
    // Of two equal ones the first by name, so that two who choose at once choose the same.
    movable.sort_by(|a, b| {
        let share = |(pack, usage): &(&Pack, &Use)| {
            u128::from(usage.dead(pack.len)) * (1 << 32) / u128::from(pack.len.max(1))
        };
        share(b).cmp(&share(a)).then(a.0.name.cmp(&b.0.name))
    });
    let mut chosen = Vec::new();
    let mut left = max_repack;
    let is_old = |name| state.bonds.iter().any(|bond| bond.old.contains(name));
    for (pack, usage) in movable.iter().filter(|(pack, _)| is_old(pack.name)) {
        if let Some(rest) = left.checked_sub(pack.len) {
            left = rest;
            chosen.push(pack.name);
            let in_it = usage.dead(pack.len);
            dead -= in_it;
            bytes -= in_it;
        }
    }
    for (pack, usage) in &movable {
        if is_old(pack.name) {
            continue;
        }
        let in_it = usage.dead(pack.len);
        // A pack that is good enough by itself is not copied for the sake of others.
        if !exceeds(in_it, pack.len, max_unused) || !exceeds(dead, bytes, max_unused) {
            break;
        }
        if pack.len > left {
            continue;
        }
        left -= pack.len;
        chosen.push(pack.name);
        dead -= in_it;
        bytes -= in_it;
    }
    for kind in [BlockKind::Data, BlockKind::Tree] {
        let small: Vec<_> = movable
            .iter()
            .map(|(pack, _)| *pack)
            .filter(|pack| pack.kind == Some(kind) && pack.len < SMALL_PACK)
            .filter(|pack| !chosen.contains(&pack.name))
            .collect();
        if small.len() <= SMALL_PACKS {
            continue;
        }
        for pack in small {
            if let Some(rest) = left.checked_sub(pack.len) {
                left = rest;
                chosen.push(pack.name);
            }
        }
    }
    if reseal {
        let taken: PackSet = chosen.iter().copied().collect();
        let mut aged: Vec<_> = movable
            .iter()
            .map(|(pack, _)| (state.key_generation_of(pack.name), *pack))
            .filter(|(generation, pack)| {
                *generation < state.key_generation && !taken.contains(pack.name)
            })
            .collect();
        aged.sort_by_key(|(generation, pack)| (*generation, pack.name));
        for (_, pack) in aged {
            if let Some(rest) = left.checked_sub(pack.len) {
                left = rest;
                chosen.push(pack.name);
            }
        }
    }
    chosen
}

/// Whether something lives in a pack and nothing keeps it from being replaced.
fn may_move(pack: &Pack, usage: &Use, state: &State) -> bool {
    let bound = state
        .bonds
        .iter()
        .any(|bond| bond.keepers.contains(pack.name));
    pack.kind.is_some() && usage.live > 0 && !usage.held && !bound
}

/// Whether `part` is more than that share of `whole`.
#[expect(clippy::cast_precision_loss, reason = "a share of many bytes")]
pub(super) fn exceeds(part: u64, whole: u64, share: f64) -> bool {
    part as f64 > whole as f64 * share
}
