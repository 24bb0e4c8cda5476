//! What may be swept, in small histories.

use proptest::prelude::*;

use super::*;
use crate::log::{Begin, Body, Checkpoint, Condemn, Init, Role};
use crate::model::{ObjectHash, PackName};

fn session(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

fn pack(of: u8, number: u32) -> PackName {
    PackName {
        session: session(of),
        number,
    }
}

fn packs(list: &[PackName]) -> PackSet {
    list.iter().copied().collect()
}

fn segment(of: u8, number: u32) -> SegmentRef {
    SegmentRef {
        session: session(of),
        number,
        len: 100,
        hash: ObjectHash::from_bytes([of; 32]),
    }
}

fn begin(n: u8) -> Body {
    Body::Begin(Begin {
        session: session(n),
        base: None,
        adopts: Vec::new(),
        owner: None,
        role: Role::Writer,
        client: "test".to_owned(),
        volume: None,
    })
}

fn checkpoint(n: u8, own: &[PackName], relied: &[PackName], segments: &[SegmentRef]) -> Body {
    Body::Checkpoint(Checkpoint {
        session: session(n),
        packs: packs(own),
        segments: segments.to_vec(),
        relied: packs(relied),
        partial: None,
        adopted: PackSet::new(),
    })
}

fn condemn(list: &[PackName], others: &[&str]) -> Body {
    Body::Condemn(Condemn {
        packs: packs(list),
        broken: Vec::new(),
        others: others.iter().map(|name| (*name).to_owned()).collect(),
    })
}

/// A history, as far as it is valid.
struct History(State);

impl History {
    fn new() -> Self {
        let mut history = Self(State::empty(1));
        history.apply(&Body::Init(Init {
            format: ObjectHash::from_bytes([0; 32]),
            slots: Vec::new(),
        }));
        history
    }

    fn apply(&mut self, body: &Body) {
        self.0.apply(body, ObjectHash::from_bytes([9; 32]));
    }

    #[track_caller]
    fn say(&mut self, body: &Body) -> u64 {
        assert_eq!(self.0.validate(body), Ok(()));
        self.apply(body);
        self.0.next - 1
    }

    fn sweepable(&self, due: &[u64], listed: &[(SegmentRef, PackSet)]) -> Option<Sweep> {
        let due = due.iter().copied().collect();
        sweepable(&self.0, &due, &listed.iter().cloned().collect())
    }
}

/// Session 1 has stored two packs, which are condemned after it has ended.
fn condemned() -> (History, u64) {
    let mut history = History::new();
    history.say(&begin(1));
    let own = [pack(1, 0), pack(1, 1)];
    history.say(&checkpoint(1, &own, &[], &[segment(1, 0)]));
    history.say(&begin(2));
    history.say(&Body::End(session(1)));
    let number = history.say(&condemn(
        &own,
        &["side/01010101010101010101010101010101/0000000000"],
    ));
    (history, number)
}

#[test]
fn an_idle_session_that_was_open_before_holds_everything() {
    let (mut history, number) = condemned();
    assert_eq!(history.sweepable(&[number], &[]), None);
    assert_eq!(held(&history.0, number).sessions, [session(2)]);
    history.say(&Body::End(session(2)));
    let sweep = history.sweepable(&[number], &[]).unwrap();
    assert_eq!((sweep.packs.len(), sweep.others.len()), (2, 1));
    assert_eq!(history.0.validate(&Body::Sweep(sweep)), Ok(()));
}

#[test]
fn a_session_that_has_spoken_since_holds_nothing_but_what_it_names() {
    let (mut history, number) = condemned();
    // Brings the one back that it names.
    history.say(&checkpoint(2, &[], &[pack(1, 1)], &[]));
    let sweep = history.sweepable(&[number], &[]).unwrap();
    assert_eq!(sweep.packs, packs(&[pack(1, 0)]));
    assert_eq!(history.0.validate(&Body::Sweep(sweep)), Ok(()));
}

#[test]
fn a_session_that_was_opened_later_holds_nothing() {
    let (mut history, number) = condemned();
    history.say(&Body::End(session(2)));
    history.say(&begin(3));
    assert!(history.sweepable(&[number], &[]).is_some());
}

#[test]
fn what_is_not_due_stays() {
    let (mut history, _) = condemned();
    history.say(&Body::End(session(2)));
    assert_eq!(history.sweepable(&[], &[]), None);
}

#[test]
fn a_segment_goes_with_the_last_of_its_packs_and_not_before() {
    let (mut history, number) = condemned();
    history.say(&Body::End(session(2)));
    let both = packs(&[pack(1, 0), pack(1, 1)]);
    let more = packs(&[pack(1, 0), pack(7, 1)]);
    let listed = [(segment(1, 0), both), (segment(9, 0), more.clone())];
    let sweep = history.sweepable(&[number], &listed).unwrap();
    assert_eq!(sweep.segments, [segment(1, 0)]);
    let listed = [(segment(1, 0), more)];
    let sweep = history.sweepable(&[number], &listed).unwrap();
    assert!(sweep.segments.is_empty(), "it lists a pack that stays");
}

proptest! {
    #[test]
    fn what_may_be_swept_is_what_the_log_allows(
        ops in prop::collection::vec((0u8..5, 1u8..5, 1u8..5, 0u32..3), 0..40),
    ) {
        let mut history = History::new();
        let mut due = Vec::new();
        for (op, of, other, number) in ops {
            let body = match op {
                0 => begin(of),
                1 => checkpoint(of, &[pack(of, number)], &[], &[]),
                2 => checkpoint(of, &[], &[pack(other, number)], &[]),
                3 => condemn(&[pack(of, number), pack(other, number)], &[]),
                _ => Body::End(session(of)),
            };
            if history.0.validate(&body).is_ok() {
                if op == 3 {
                    due.push(history.0.next);
                }
                history.apply(&body);
            }
        }
        if let Some(sweep) = history.sweepable(&due, &[]) {
            prop_assert_eq!(history.0.validate(&Body::Sweep(sweep)), Ok(()));
        }
        // And nothing that the log allows is left, unless it was condemned again since: then the
        // later one counts, too.
        let swept = history.sweepable(&due, &[]).map(|sweep| sweep.packs).unwrap_or_default();
        for condemned in &history.0.condemned {
            for pack in condemned.packs.iter().filter(|pack| !swept.contains(*pack)) {
                let times = history.0.condemned.iter().filter(|c| c.packs.contains(pack)).count();
                if times > 1 {
                    continue;
                }
                let alone = Sweep { packs: packs(&[pack]), segments: Vec::new(), others: Vec::new() };
                prop_assert!(history.0.validate(&Body::Sweep(alone)).is_err(), "{}", pack);
            }
        }
    }
}
