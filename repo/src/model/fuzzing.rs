//! Sets of packs, for [`crate::fuzzing`].

use minicbor::Decoder;

use super::PackSet;
use crate::fuzzing::Gauge;

/// A set, and another one behind it: their encoding, and the algebra of sets.
pub(crate) fn pack_set(bytes: &[u8], gauge: &Gauge) {
    let mut decoder = Decoder::new(bytes);
    let mut next = || gauge.decode(bytes.len(), || decoder.decode::<PackSet>());
    let Ok(a) = next() else { return };
    let encoded = minicbor::to_vec(&a).expect("what was read can be written");
    let again: PackSet = minicbor::decode(&encoded).expect("what was written can be read");
    assert_eq!(again, a);
    let b = next().unwrap_or_default();
    let both = a.intersection(&b);
    assert_eq!(both, b.intersection(&a));
    let (mut only_a, mut only_b, mut all) = (a.clone(), b.clone(), a.clone());
    only_a.subtract(&b);
    only_b.subtract(&a);
    all.extend(&b);
    assert_eq!(a.common(&b).is_none(), both.is_empty());
    assert_eq!(a.missing_from(&b).is_none(), only_a.is_empty());
    assert_eq!(all.len(), only_a.len() + only_b.len() + both.len());
    let mut sum = only_a;
    sum.extend(&only_b);
    assert!(sum.common(&both).is_none());
    sum.extend(&both);
    assert_eq!(sum, all);
    for session in a.sessions() {
        let (first, last) = (a.first_of(session), a.last_of(session));
        assert!(first.is_some_and(|pack| a.contains(pack)));
        assert!(last.is_some_and(|pack| a.contains(pack)));
    }
    if let Some(pack) = a.iter().next() {
        let mut less = a.clone();
        assert!(less.remove(pack) && !less.contains(pack));
        assert!(less.insert(pack));
        assert_eq!(less, a);
    }
}
