//! Names that fit into labels.

use sha2::{Digest as _, Sha256};
use sha3::Sha3_224;

/// The longest value of a label, in bytes.
const LABEL_LEN: usize = 63;

/// How many digits of the hash stand at the end of a name that was cut.
const HASH_DIGITS: usize = 6;

/// A name as the value of a label: itself, or its beginning and six digits of its hash.
///
/// Velero's rule. Its command line and its server find backups by such labels, so a value that was
/// made in another way is not found. Names of Kubernetes are ASCII; of others, a cut within a
/// character moves to its beginning.
pub fn valid_label_value(name: &str) -> String {
    if name.len() <= LABEL_LEN {
        return name.to_owned();
    }
    let mut cut = LABEL_LEN - HASH_DIGITS;
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    let hash = hex::encode(Sha256::digest(name));
    name.chars()
        .scan(0, |at, c| {
            *at += c.len_utf8();
            (*at <= cut).then_some(c)
        })
        .chain(hash.chars().take(HASH_DIGITS))
        .collect()
}

/// A name as the value of a label: itself, or its hash of 56 digits (SHA3-224).
///
/// Velero's rule for the label that maintenance has, [`REPOSITORY_NAME`].
///
/// [`REPOSITORY_NAME`]: crate::metadata::labels::REPOSITORY_NAME
pub fn name_or_hash(name: &str) -> String {
    if name.len() <= LABEL_LEN {
        name.to_owned()
    } else {
        hex::encode(Sha3_224::digest(name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From Velero's `label.GetValidName` and `label.ReturnNameOrHash`.
    const VECTORS: [(&str, &str, &str); 5] = [
        ("daily", "daily", "daily"),
        (
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        (
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaffe054",
            "ce06309528da04278a8072ca96610a47298cbca3a9b6a0ee7f581316",
        ),
        (
            "a-schedule-with-a-long-name-of-a-team-20260301120000-of-the-cluster-west",
            "a-schedule-with-a-long-name-of-a-team-20260301120000-of-ta3704e",
            "90f064688978cd6a1d3c49e5370eb77daa07b915eab15de38f158ec9",
        ),
        (
            "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbaf5a48",
            "4afa1da84c0888e74eb74d969997129b6dcb8c6aa1120e5df08651bc",
        ),
    ];

    #[test]
    fn labels_are_those_of_velero() {
        for (name, label, hashed) in VECTORS {
            assert_eq!(valid_label_value(name), label);
            assert_eq!(name_or_hash(name), hashed);
        }
    }

    proptest! {
        #[test]
        fn a_label_fits_and_a_name_that_fits_stays(name in "[a-z0-9.-]{0,130}|\\PC{0,80}") {
            let label = valid_label_value(&name);
            prop_assert!(label.len() <= LABEL_LEN);
            prop_assert_eq!(name == label, name.len() <= LABEL_LEN);
            prop_assert!(name_or_hash(&name).len() <= LABEL_LEN);
        }

        #[test]
        fn names_that_differ_behind_the_cut_have_different_labels(
            start in "[a-z]{63}", a in "[a-z]{1,9}", b in "[a-z]{1,9}",
        ) {
            prop_assume!(a != b);
            let labels = [a, b].map(|end| valid_label_value(&format!("{start}{end}")));
            // 24 bits of hash: proptest's few cases do not meet.
            prop_assert_ne!(&labels[0], &labels[1]);
        }
    }
}
