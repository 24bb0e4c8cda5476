//! Who goes on: one actor at a time, each on a thread of its own.
//!
//! A thread runs until it asks for something that others could notice, a request to the store or a
//! pause. There it hands on to whomever the seed draws. So the order of everything that can be
//! noticed follows from the seed, whatever the machine does with the threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::random::Random;

/// Hands on from one actor to the next, and has the time.
pub(crate) struct Scheduler {
    inner: Mutex<Inner>,
    now_ms: AtomicU64,
    turns: AtomicU64,
}

struct Inner {
    random: Random,
    sticky: u64,
    actors: Vec<Actor>,
    running: Option<usize>,
    over: Arc<Condvar>,
}

struct Actor {
    stands: Stands,
    wake: Arc<Condvar>,
}

/// Where an actor stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    /// It could go on.
    Ready,
    /// It sleeps until then, in milliseconds since 1970.
    Until(u64),
    /// It has come to its end.
    Done,
}

impl Scheduler {
    pub(crate) fn new(random: Random, sticky: u64, actors: usize, now_ms: u64) -> Self {
        let actors = (0..actors).map(|_| Actor {
            stands: Stands::Ready,
            wake: Arc::default(),
        });
        Self {
            inner: Mutex::new(Inner {
                random,
                sticky,
                actors: actors.collect(),
                running: None,
                over: Arc::default(),
            }),
            now_ms: AtomicU64::new(now_ms),
            turns: AtomicU64::new(0),
        }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    /// How often something was handed on.
    pub(crate) fn turns(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }

    /// Lets time pass, when nobody acts.
    pub(crate) fn pass(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Lets the first go; returns when all have come to their end.
    pub(crate) fn run(&self) {
        let mut inner = self.inner.lock();
        self.hand_on(&mut inner, None);
        let over = Arc::clone(&inner.over);
        while inner.running.is_some() {
            over.wait(&mut inner);
        }
    }

    /// Waits until it is the turn of `me`, who was not running.
    pub(crate) fn enter(&self, me: usize) {
        let mut inner = self.inner.lock();
        Self::wait(&mut inner, me);
    }

    /// The actor `me`, who is running, hands on, and comes back when it is its turn again; at once
    /// if it is done.
    pub(crate) fn turn(&self, me: usize, stands: Stands) {
        let mut inner = self.inner.lock();
        if let Some(actor) = inner.actors.get_mut(me) {
            actor.stands = stands;
        }
        self.hand_on(&mut inner, Some(me));
        if stands != Stands::Done {
            Self::wait(&mut inner, me);
        }
    }

    fn wait(inner: &mut parking_lot::MutexGuard<'_, Inner>, me: usize) {
        let Some(wake) = inner.actors.get(me).map(|actor| Arc::clone(&actor.wake)) else {
            return;
        };
        while inner.running != Some(me) {
            wake.wait(inner);
        }
        if let Some(actor) = inner.actors.get_mut(me) {
            actor.stands = Stands::Ready;
        }
    }

    fn hand_on(&self, inner: &mut Inner, from: Option<usize>) {
        self.turns.fetch_add(1, Ordering::SeqCst);
        let mut now = self.now_ms() + inner.random.below(2000);
        let next = loop {
            let ready: Vec<usize> = inner
                .actors
                .iter()
                .enumerate()
                .filter(|(_, actor)| match actor.stands {
                    Stands::Ready => true,
                    Stands::Until(then) => then <= now,
                    Stands::Done => false,
                })
                .map(|(at, _)| at)
                .collect();
            if let Some(from) = from
                && ready.contains(&from)
                && inner.random.chance(inner.sticky)
            {
                break Some(from);
            }
            if let Some(next) = inner.random.pick(&ready) {
                break Some(*next);
            }
            let sleeping = inner.actors.iter().filter_map(|actor| match actor.stands {
                Stands::Until(then) => Some(then),
                Stands::Ready | Stands::Done => None,
            });
            match sleeping.min() {
                Some(first) => now = now.max(first),
                None => break None,
            }
        };
        self.now_ms.store(now, Ordering::SeqCst);
        inner.running = next;
        match next {
            Some(next) if Some(next) == from => {}
            Some(next) => {
                if let Some(actor) = inner.actors.get(next) {
                    actor.wake.notify_one();
                }
            }
            None => {
                inner.over.notify_one();
            }
        }
    }
}
