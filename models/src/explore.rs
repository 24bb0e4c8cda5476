//! Visits every state of a world, breadth first, and gives the shortest way to a wrong one.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// What can be explored: states, and the steps between them.
pub trait World {
    /// A moment.
    type State: Clone + Hash;
    /// What somebody does.
    type Step: Clone + Debug;

    /// Where it begins.
    fn start(&self) -> Self::State;
    /// Everything that may happen next, with what comes of it. A step may leave everything as it
    /// was; it costs nothing but time.
    fn steps(&self, state: &Self::State, found: &mut Vec<(Self::Step, Self::State)>);
    /// What is wrong in a state, if anything.
    fn wrong(&self, state: &Self::State) -> Option<String>;
}

/// What an exploration came to.
#[derive(Clone, Debug)]
pub struct Explored<Step> {
    /// Distinct states that were visited.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// Length of the longest of the shortest ways to them.
    pub depth: usize,
    /// Whether every state was visited.
    pub complete: bool,
    /// The first thing that was wrong.
    pub wrong: Option<Trace<Step>>,
}

/// The shortest way to something that is wrong.
#[derive(Clone, Debug)]
pub struct Trace<Step> {
    /// What is wrong at its end.
    pub what: String,
    /// What was done, from the start.
    pub steps: Vec<Step>,
}

impl<Step: Debug> std::fmt::Display for Trace<Step> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:3}  {step:?}", number + 1)?;
        }
        write!(f, "     {}", self.what)
    }
}

/// Visits the states of `world`, at most `limit` of them.
///
/// Of a visited state only 64 bits of hash and its predecessor are kept. That two of ten million
/// states share a hash has a probability of 3 in a million; such a pair would be taken for one.
pub fn explore<W: World>(world: &W, limit: usize) -> Explored<W::Step> {
    let mut visited: HashMap<u64, u64, BuildHasherDefault<Ready>> = HashMap::default();
    let start = world.start();
    let first = fingerprint(&start);
    visited.insert(first, first);
    let mut found = Vec::new();
    let (mut steps, mut depth) = (0, 0);
    let mut layer = vec![start];
    if let Some(what) = layer.first().and_then(|state| world.wrong(state)) {
        let wrong = Some(Trace {
            what,
            steps: Vec::new(),
        });
        return Explored {
            states: 1,
            steps,
            depth,
            complete: false,
            wrong,
        };
    }
    while !layer.is_empty() {
        let mut next = Vec::new();
        for state in layer.drain(..) {
            let from = fingerprint(&state);
            world.steps(&state, &mut found);
            for (_, to) in found.drain(..) {
                steps += 1;
                let print = fingerprint(&to);
                if visited.contains_key(&print) {
                    continue;
                }
                visited.insert(print, from);
                if let Some(what) = world.wrong(&to) {
                    let steps_to = way(world, &visited, first, print);
                    return Explored {
                        states: visited.len(),
                        steps,
                        depth: depth + 1,
                        complete: false,
                        wrong: Some(Trace {
                            what,
                            steps: steps_to,
                        }),
                    };
                }
                next.push(to);
            }
            if visited.len() >= limit {
                return Explored {
                    states: visited.len(),
                    steps,
                    depth,
                    complete: false,
                    wrong: None,
                };
            }
        }
        if !next.is_empty() {
            depth += 1;
        }
        layer = next;
    }
    Explored {
        states: visited.len(),
        steps,
        depth,
        complete: true,
        wrong: None,
    }
}

/// The steps from the start to the state with the fingerprint `to`: its predecessors are known,
/// and the steps between them are found by taking them again.
fn way<W: World>(
    world: &W,
    visited: &HashMap<u64, u64, BuildHasherDefault<Ready>>,
    first: u64,
    to: u64,
) -> Vec<W::Step> {
    let mut prints = vec![to];
    let mut at = to;
    while at != first {
        let Some(&before) = visited.get(&at) else {
            break;
        };
        prints.push(before);
        at = before;
    }
    prints.pop();
    let (mut state, mut steps, mut found) = (world.start(), Vec::new(), Vec::new());
    while let Some(print) = prints.pop() {
        world.steps(&state, &mut found);
        let taken = found.drain(..).find(|(_, to)| fingerprint(to) == print);
        let Some((step, to)) = taken else {
            break;
        };
        steps.push(step);
        state = to;
    }
    steps
}

/// 64 bits that stand for a state.
pub fn fingerprint<T: Hash>(state: &T) -> u64 {
    let mut hasher = Mixer::default();
    state.hash(&mut hasher);
    hasher.finish()
}

/// A fast hash of good quality: each word is folded in by a multiplication to 128 bits.
#[derive(Default)]
struct Mixer {
    state: u64,
    words: u64,
}

impl Mixer {
    fn word(&mut self, word: u64) {
        self.words = self.words.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let a = self.state ^ word ^ 0xa076_1d64_78bd_642f;
        let b = self.words ^ word.rotate_left(32) ^ 0xe703_7ed1_a0b4_28db;
        let product = u128::from(a | 1).wrapping_mul(u128::from(b | 1));
        self.state =
            fold(product) ^ self.state.rotate_left(23) ^ word.wrapping_mul(0x8ebc_6af0_9c88_c6e3);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
fn fold(product: u128) -> u64 {
    (product as u64) ^ ((product >> 64) as u64)
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        let a = self.state ^ self.words;
        fold(u128::from(a | 1).wrapping_mul(0x9fb2_1c65_1e98_df25_d6e8_feb8_6659_fd93))
            ^ a.rotate_left(29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.word(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.word(value.into());
    }

    fn write_u16(&mut self, value: u16) {
        self.word(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.word(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.word(value.cast_unsigned() as u64);
    }
}

/// For keys that are hashes already.
#[derive(Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts up and down between 0 and 9.
    struct Counter;

    impl World for Counter {
        type State = u8;
        type Step = i8;

        fn start(&self) -> u8 {
            0
        }

        fn steps(&self, state: &u8, found: &mut Vec<(i8, u8)>) {
            if *state < 9 {
                found.push((1, state + 1));
                found.push((2, (state + 2).min(9)));
            }
            if *state > 0 {
                found.push((-1, state - 1));
            }
        }

        fn wrong(&self, state: &u8) -> Option<String> {
            (*state == 7).then(|| "seven".to_owned())
        }
    }

    #[test]
    fn the_shortest_way_is_found() {
        let wrong = explore(&Counter, 100).wrong.unwrap();
        assert_eq!(wrong.steps.len(), 4, "{wrong}");
        assert_eq!(wrong.what, "seven");
    }

    #[test]
    fn fingerprints_of_many_states_differ() {
        let mut seen = std::collections::HashSet::new();
        for a in 0..300_u16 {
            for b in 0..300_u16 {
                assert!(seen.insert(fingerprint(&(a, [b, a], Some(b)))));
            }
        }
    }
}
